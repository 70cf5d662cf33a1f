"""The index that services see: generation (approximate) and delta (exact), live items only.

Vectors are known by the hash of their text, and which item has which text comes from the change
log alone. A generation is therefore never wrong about items: one that is old, damaged or missing
costs speed, and the delta holds what it lacks.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np

from app.index.delta import Delta
from app.index.generation import Generation
from app.index.shelf import Shelf
from app.ports import ChangeLog
from app.types import Change, Hit, IndexStatus, Vector

_SLACK = 10
"""Candidates fetched beyond those asked for, so that a few deleted ones need no second look."""

_SMALLEST_REBUILD, _LARGEST_DELTA = 64, 20_000
"""Texts outside the generation that call for a new one: half of it, between these bounds."""


class Texts(Protocol):
    """Generation and delta, seen alike."""

    def __len__(self) -> int: ...

    def vector(self, text_hash: str) -> Vector | None:
        """Return a vector by hash."""

    def nearest(self, query: Vector, count: int) -> Sequence[tuple[str, float]]:
        """Return (hash, score) of the `count` nearest texts, in no order."""


class LiveIndex:
    """The `VectorIndex` over one change log and one folder of generations."""

    def __init__(self, log: ChangeLog, folder: Path, *, encoder_id: str, dimension: int) -> None:
        self._log = log
        self._shelf = Shelf(folder, encoder_id=encoder_id, dimension=dimension)
        self._encoder_id = encoder_id
        self._dimension = dimension
        self._lock = RLock()  # guards all below; searches hold it only to look items up
        self._generation: Generation | None = None
        self._tried: str | None = None
        self._delta = Delta(dimension)
        self._sequence = 0
        self._hash_of: dict[str, str] = {}
        self._items_of: dict[str, set[str]] = {}
        self._missing: set[str] = set()
        self.refresh()

    def search(self, vector: Vector, k: int, *, exclude: str | None = None) -> list[Hit]:
        """Return at most `k` live items but `exclude`, by (score descending, id)."""
        with self._lock:
            sources: list[Texts] = [self._delta]
            if self._generation is not None:
                sources.append(self._generation)
        found = {
            hit.id: hit for source in sources for hit in self._live(source, vector, k, exclude)
        }
        return sorted(found.values(), key=lambda hit: (-hit.score, hit.id))[:k]

    def vector_of(self, item_id: str) -> Vector | None:
        """Return an item's vector, None if it has none (yet)."""
        with self._lock:
            text_hash = self._hash_of.get(item_id)
            return None if text_hash is None else self._vector(text_hash)

    def refresh(self) -> None:
        """Apply what was committed to the store, and adopt a generation published meanwhile."""
        with self._lock:
            changes = self._log.changes_since(self._sequence)
            # fetched before anything is applied: if the database fails here, the next time repeats
            self._fetch({change.text_hash for change in changes if change.text_hash})
            for change in changes:
                self._apply(change)
            self._missing = {h for h in self._missing if h in self._items_of}
            name = self._shelf.current()
            if name is not None and name != self._tried:
                self._adopt(name)

    def publish(self) -> None:
        """Build a new generation of all live texts and make it the current one.

        Searches and writes go on meanwhile. Without any vector there is nothing to build.
        """
        self.refresh()
        with self._lock:
            hashes, sequence = sorted(self._items_of), self._sequence
        vectors = self._log.vectors(self._encoder_id, hashes)
        kept = [text_hash for text_hash in hashes if text_hash in vectors]
        if kept:
            self._shelf.publish(np.stack([vectors[h] for h in kept]), kept, sequence=sequence)
            self.refresh()

    def wants_publishing(self) -> bool:
        """Tell whether enough lies outside the generation, or is dead in it, for a new one."""
        with self._lock:
            size = len(self._generation) if self._generation is not None else 0
            known = size + len(self._delta)
            dead = max(0, known + len(self._missing) - len(self._items_of))
            bound = min(max(size // 2, _SMALLEST_REBUILD), _LARGEST_DELTA)
            return len(self._delta) >= bound or dead > max(size // 2, _SMALLEST_REBUILD)

    def status(self) -> IndexStatus:
        """Return the counts at this moment."""
        with self._lock:
            manifest = self._generation.manifest if self._generation is not None else None
            return IndexStatus(
                generation=manifest.name if manifest else None,
                generation_items=manifest.count if manifest else 0,
                generation_recall=manifest.recall_at_10 if manifest else None,
                delta_items=len(self._delta),
                sequence=self._sequence,
                not_embedded=sum(len(self._items_of.get(h, ())) for h in self._missing),
            )

    def _live(self, source: Texts, vector: Vector, k: int, exclude: str | None) -> list[Hit]:
        """Return the `k` best live items of one source: look further until there are enough."""
        window = k + _SLACK
        while True:
            size = len(source)
            if size == 0:
                return []
            hits = self._expand(source.nearest(vector, window), exclude)
            if len(hits) >= k or window >= size:
                return hits
            window *= 4

    def _expand(self, found: Iterable[tuple[str, float]], exclude: str | None) -> list[Hit]:
        with self._lock:
            return [
                Hit(item_id, score)
                for text_hash, score in found
                for item_id in self._items_of.get(text_hash, ())
                if item_id != exclude
            ]

    def _vector(self, text_hash: str) -> Vector | None:
        vector = self._delta.vector(text_hash)
        if vector is None and self._generation is not None:
            vector = self._generation.vector(text_hash)
        return vector

    def _apply(self, change: Change) -> None:
        self._sequence = change.sequence
        old = self._hash_of.pop(change.item_id, None)
        if old is not None:
            self._items_of[old].discard(change.item_id)
            if not self._items_of[old]:
                del self._items_of[old]
        if change.text_hash is not None:
            self._hash_of[change.item_id] = change.text_hash
            self._items_of.setdefault(change.text_hash, set()).add(change.item_id)

    def _adopt(self, name: str) -> None:
        generation = self._shelf.load(name)
        if generation is not None:
            lacking = [h for h in self._items_of if h not in generation]
            vectors = self._log.vectors(self._encoder_id, lacking)
            self._generation, self._delta = generation, Delta(self._dimension)
            self._delta.add(vectors)
            self._missing = set(lacking) - vectors.keys()
        self._tried = name  # a damaged one is not read again and again

    def _fetch(self, wanted: set[str]) -> None:
        """Bring the vectors of those texts that neither generation nor delta has."""
        lacking = [text_hash for text_hash in wanted if not self._has(text_hash)]
        vectors = self._log.vectors(self._encoder_id, lacking) if lacking else {}
        self._delta.add(vectors)
        self._missing = (self._missing | set(lacking)) - vectors.keys()

    def _has(self, text_hash: str) -> bool:
        in_generation = self._generation is not None and text_hash in self._generation
        return in_generation or text_hash in self._delta
