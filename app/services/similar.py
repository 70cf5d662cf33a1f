"""Neighbours of an item and neighbours of a text."""

from dataclasses import dataclass, field

from app.errors import InvalidInput, ItemNotEmbedded, ItemNotFound
from app.ports import ItemStore, VectorIndex
from app.services.embedding import ItemEmbedding
from app.types import FieldError, Hit, Item, Neighbour, Vector, Warned
from model.text import clean, item_text

_PROBE = "anything"
"""What the self-check asks for while the catalogue is empty."""


@dataclass(frozen=True)
class Similar:
    """The neighbours that were found, nearest first."""

    neighbours: list[Neighbour]
    warnings: list[Warned] = field(default_factory=list)


class SimilarItems:
    """Answers similar-item queries."""

    def __init__(self, store: ItemStore, embedding: ItemEmbedding, index: VectorIndex) -> None:
        self._store = store
        self._embedding = embedding
        self._index = index

    def by_item(self, item_id: str, limit: int) -> Similar:
        """Return the neighbours of an item, without itself.

        Raises `ItemNotFound`, `ItemNotEmbedded`.
        """
        vector = self._index.vector_of(item_id)
        if vector is None:
            self._index.refresh()  # perhaps another process has just added it
            vector = self._index.vector_of(item_id)
        if vector is None:
            raise (
                ItemNotFound(item_id)
                if self._store.get(item_id) is None
                else ItemNotEmbedded(item_id)
            )
        return Similar(self._neighbours(vector, limit, exclude=item_id))

    def by_text(self, text: str, limit: int) -> Similar:
        """Return the items nearest to a free text. Raises `InvalidInput`, `Overloaded`."""
        wanted = clean(text)
        if not wanted:
            raise InvalidInput([FieldError("text", "must hold more than white space")])
        neighbours = self._neighbours(self._embedding.embed_text(wanted), limit)
        return Similar(neighbours, self._embedding.truncation(wanted))

    def self_check(self) -> str | None:
        """Ask a real question from text to neighbours; return what is wrong with the answer."""
        first = self._store.page(None, 1)
        text = item_text(first[0].title, first[0].description) if first else _PROBE
        found = self.by_text(text, 1).neighbours
        if first and not found:
            return "a query for an item of the catalogue found nothing: is it still being embedded?"
        return None

    def _neighbours(
        self, vector: Vector, limit: int, *, exclude: str | None = None
    ) -> list[Neighbour]:
        hits, items = self._search(vector, limit, exclude)
        if len(items) < len(hits):
            # another process deleted some: this one follows, then asks again
            self._index.refresh()
            hits, items = self._search(vector, limit, exclude)
        there = [(items[hit.id], hit.score) for hit in hits if hit.id in items]
        return [Neighbour(item, score, rank) for rank, (item, score) in enumerate(there, start=1)]

    def _search(
        self, vector: Vector, limit: int, exclude: str | None
    ) -> tuple[list[Hit], dict[str, Item]]:
        """Return the hits and those of their items that the store still has."""
        hits = self._index.search(vector, limit, exclude=exclude)
        return hits, self._store.get_many([hit.id for hit in hits])
