"""The floor of every table: a ranking by chance."""

from collections.abc import Sequence

import numpy as np

from model.baselines.ranker import Scores
from model.corpus import Record


class Random:
    """Scores drawn evenly from [0, 1). A row has the same scores in every call."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._count = 0

    def fit(self, records: Sequence[Record]) -> None:
        """Count the records."""
        self._count = len(records)

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return scores in [0, 1): (queries, records)."""
        draws = np.zeros((len(queries), self._count), dtype=np.float32)
        for row, query in zip(draws, queries, strict=True):
            np.random.default_rng([self._seed, query]).random(dtype=np.float32, out=row)
        return draws
