"""Texts that the current generation lacks: few, kept in memory, searched exactly."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.index.scores import nearest, scores
from app.types import Matrix, Vector

_FIRST_ROWS = 64


class Delta:
    """A growing block of vectors, each known by the hash of its text.

    One thread adds; any thread searches. Rows are never changed once they are counted.
    """

    def __init__(self, dimension: int) -> None:
        self._rows: Matrix = np.empty((_FIRST_ROWS, dimension), dtype=np.float32)
        self._hashes: list[str] = []
        self._row_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, text_hash: str) -> bool:
        return text_hash in self._row_of

    def add(self, vectors: Mapping[str, Vector]) -> None:
        """Add vectors by hash; hashes that are there already are left alone."""
        for text_hash, vector in vectors.items():
            if text_hash in self._row_of:
                continue
            row = len(self._hashes)
            if row == len(self._rows):
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._rows[row] = vector
            self._row_of[text_hash] = row
            self._hashes.append(text_hash)  # last: a reader counts by this list

    def vector(self, text_hash: str) -> Vector | None:
        """Return a vector by hash."""
        row = self._row_of.get(text_hash)
        return None if row is None else self._rows[row].copy()

    def nearest(self, query: Vector, count: int) -> Sequence[tuple[str, float]]:
        """Return (hash, score) of the `count` nearest texts, in no order."""
        vectors = self._rows[: len(self._hashes)]
        rows = nearest(query, vectors, count)
        found = scores(query, vectors[rows])
        return [(self._hashes[row], float(score)) for row, score in zip(rows, found, strict=True)]
