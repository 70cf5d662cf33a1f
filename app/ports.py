"""What the services need from the parts that wiring plugs in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.types import (
    Change,
    Hit,
    ImportState,
    ImportStep,
    IndexStatus,
    Item,
    Matrix,
    Outcome,
    Refusal,
    Vector,
    Write,
)


class Embedder(Protocol):
    """Turns texts into unit vectors; safe to call from any thread."""

    @property
    def encoder_id(self) -> str:
        """Name of weights and reading together: equal ids give equal vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, over all windows where the encoder has several."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return (n, dimension) float32 unit rows. Raises `Overloaded`."""

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, read or not."""

    def close(self) -> None:
        """Stop the encoder's thread."""


class VectorIndex(Protocol):
    """Finds near vectors among the live items; safe to call from any thread."""

    def search(self, vector: Vector, k: int, *, exclude: str | None = None) -> list[Hit]:
        """Return at most `k` live items but `exclude`, by (score descending, id)."""

    def vector_of(self, item_id: str) -> Vector | None:
        """Return an item's vector, None if it has none (yet)."""

    def refresh(self) -> None:
        """Apply everything that was committed to the store since the last time."""

    def publish(self) -> None:
        """Build a new generation of all live items and make it the current one."""

    def status(self) -> IndexStatus:
        """Return the counts at this moment."""


class ItemStore(Protocol):
    """Items and their vectors; what it acknowledged is durable."""

    def get(self, item_id: str) -> Item | None:
        """Return one item."""

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        """Return the items that exist, by id."""

    def page(self, after: str | None, limit: int) -> list[Item]:
        """Return items in id order, behind `after`."""

    def count(self) -> int:
        """Return the number of items."""

    def embedded(self, encoder_id: str, hashes: Sequence[str]) -> set[str]:
        """Return those hashes that have a vector."""

    def write(
        self, encoder_id: str, writes: Sequence[Write], vectors: Mapping[str, Vector]
    ) -> list[Outcome]:
        """Store items and new vectors (by hash) in one transaction."""

    def delete(self, item_id: str) -> bool:
        """Delete an item; False if there was none."""

    def add_vectors(self, encoder_id: str, vectors: Mapping[str, Vector]) -> None:
        """Store vectors of texts already in the catalogue; their items count as changed."""

    def not_embedded(self, encoder_id: str, limit: int) -> list[Item]:
        """Return items whose text the encoder has not embedded."""


class ChangeLog(Protocol):
    """What the index follows."""

    def changes_since(self, sequence: int) -> list[Change]:
        """Return the newest state of each item changed behind `sequence`, in sequence order."""

    def vectors(self, encoder_id: str, hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that exist, by hash."""


class ImportLog(Protocol):
    """Progress of imports, kept with the items so that both commit together."""

    def begin(self, digest: str, name: str) -> ImportState:
        """Return the last import of this content if it is unfinished, else a new one."""

    def commit(
        self,
        step: ImportStep,
        encoder_id: str,
        writes: Sequence[Write],
        vectors: Mapping[str, Vector],
    ) -> tuple[ImportState, list[Outcome]]:
        """Store a chunk and the progress it makes in one transaction. Raises `ImportConflict`."""

    def finished(self, digest: str) -> bool:
        """Tell whether this content was imported to the end before."""

    def finish(self, state: ImportState) -> ImportState:
        """Mark an import as done."""

    def refusals(self, import_id: int) -> list[Refusal]:
        """Return the refused lines of an import, in line order."""


class KeyStore(Protocol):
    """API keys, of which only hashes are kept."""

    def add(self, name: str, digest: str) -> None:
        """Store a key's digest. Raises `InvalidInput` when an active key has the name."""

    def active(self, digest: str) -> bool:
        """Tell whether a key with this digest exists and is not revoked."""

    def names(self) -> list[str]:
        """Return the names of the active keys, in order."""

    def revoke(self, name: str) -> bool:
        """Revoke a key by name; False if no active key has it."""
