"""Imports of catalogue files: streamed, committed in chunks, resumable, no line lost."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import IO

from app.errors import InvalidInput
from app.ports import ImportLog, VectorIndex
from app.services.embedding import ItemEmbedding
from app.types import ImportState, ImportStep, Item, Outcome, Refusal
from model.rows import Row

CHUNK = 512
"""Rows embedded and committed at a time: what a killed import has to do again at most."""

Parse = Callable[[Row], Item]
"""Turns a row into an item, or raises `InvalidInput` naming the fields."""


@dataclass(frozen=True)
class Taken:
    """A row that was stored, and what that did."""

    line: int
    item_id: str
    outcome: Outcome


@dataclass(frozen=True)
class Progress:
    """One committed chunk: the state after it, and its rows."""

    state: ImportState
    taken: tuple[Taken, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass
class _Chunk:
    """Rows of one transaction: (line, item) by id, refused lines, and the line behind them."""

    items: dict[str, tuple[int, Item]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    next_line: int = 0


class Imports:
    """Loads rows into the catalogue.

    The same content started again goes on behind the last committed chunk; a finished one starts
    from the beginning, where rows that did not change cost next to nothing.
    """

    def __init__(
        self, log: ImportLog, embedding: ItemEmbedding, index: VectorIndex, parse: Parse
    ) -> None:
        self._log = log
        self._embedding = embedding
        self._index = index
        self._parse = parse

    def begin(self, digest: str, name: str) -> ImportState:
        """Return where to start: where the last import of this content broke off, or anew."""
        return self._log.begin(digest, name)

    def begin_once(self, name: str) -> ImportState:
        """Return the start of an import that is never gone on with, like that of an upload."""
        return self._log.begin(secrets.token_hex(32), name)

    def finished(self, digest: str) -> bool:
        """Tell whether this content was imported to the end before."""
        return self._log.finished(digest)

    def run(self, rows: Iterable[Row], state: ImportState) -> Iterator[Progress]:
        """Import the rows from `state.next_line` on; yield after each chunk, finished at the end.

        An id that comes again replaces the item of the earlier line. Raises `RowsError` when the
        file breaks off (what came before stays committed), `ImportConflict` when another process
        imports the same content.
        """
        for chunk in self._chunks(_behind(rows, state.next_line)):
            progress = self._commit(chunk, state)
            state = progress.state
            yield progress
        yield Progress(self._log.finish(state))

    def refusals(self, import_id: int) -> list[Refusal]:
        """Return every refused line of an import, those of earlier runs included."""
        return self._log.refusals(import_id)

    def _chunks(self, rows: Iterable[Row]) -> Iterator[_Chunk]:
        """Cut the rows into chunks in which no id comes twice: a chunk is one transaction."""
        chunk = _Chunk()
        for row in rows:
            try:
                item = self._parse(row)
            except InvalidInput as error:
                chunk.refused.append(Refusal(row.line, _id_of(row), tuple(error.errors)))
            else:
                if item.id in chunk.items:
                    yield chunk
                    chunk = _Chunk()
                chunk.items[item.id] = (row.line, item)
            chunk.next_line = row.line + 1
            if len(chunk.items) + len(chunk.refused) >= CHUNK:
                yield chunk
                chunk = _Chunk()
        if chunk.next_line:
            yield chunk

    def _commit(self, chunk: _Chunk, state: ImportState) -> Progress:
        writes, vectors = self._embedding.prepare([item for _, item in chunk.items.values()])
        step = ImportStep(state, chunk.next_line, tuple(chunk.refused))
        after, outcomes = self._log.commit(step, self._embedding.encoder_id, writes, vectors)
        self._index.refresh()
        taken = tuple(
            Taken(line, item.id, outcome)
            for (line, item), outcome in zip(chunk.items.values(), outcomes, strict=True)
        )
        return Progress(after, taken, step.refusals)


def _behind(rows: Iterable[Row], next_line: int) -> Iterator[Row]:
    return dropwhile(lambda row: row.line < next_line, rows)


def _id_of(row: Row) -> str | None:
    """Return what the row calls its id, in a form that any database takes."""
    found = (row.fields or {}).get("id")
    if not isinstance(found, str | int):
        return None
    return str(found)[:200].encode(errors="replace").decode().replace("\x00", "?")


def content_digest(stream: IO[bytes]) -> str:
    """Return the SHA-256 of a stream, in hex, and rewind it."""
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # IO is enough
    stream.seek(0)
    return digest
