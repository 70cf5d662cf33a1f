"""The first neighbours of a query, for a few queries at a time: no matrix of all pairs is held."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Lists = NDArray[np.int64]
"""(queries, k) int64: row numbers of each query's neighbours, nearest first, itself left out."""

BLOCK = 64
"""Queries scored at once: 64 x 32,673 scores in float32 take 8 MB."""


class ScoreError(ValueError):
    """A ranker gave something that cannot be sorted."""


class Scorer(Protocol):
    """A ranker that has read its catalogue."""

    def scores(self, queries: Sequence[int]) -> NDArray[np.float32]:
        """Return the scores of all items for the query rows: (queries, items); higher is nearer."""


def score_rows(ranker: Scorer, queries: Sequence[int]) -> Iterator[NDArray[np.float32]]:
    """Yield one row of scores a query, (items,), computed in blocks.

    Raises `ScoreError` for a score that is not finite: it would rank anywhere.
    """
    for start in range(0, len(queries), BLOCK):
        block = ranker.scores(queries[start : start + BLOCK])  # (block, items)
        if not np.isfinite(block).all():
            raise ScoreError("a score is not finite; are the weights damaged?")
        yield from block


def first(scores: NDArray[np.floating], k: int, *, query: int) -> NDArray[np.int64]:
    """Return the `k` rows with the highest scores, `query` left out: (k,), nearest first.

    scores: (n,), n > k. Equal scores come in row order, as in `target_ranks`.
    """
    rest = np.delete(np.arange(len(scores)), query)
    kept = scores[rest]
    least = np.partition(kept, -k)[-k]
    rows = rest[kept >= least]  # at least k of them: more where the last score is shared
    order = np.argsort(-scores[rows], kind="stable")[:k]
    return np.asarray(rows[order], dtype=np.int64)


def neighbour_lists(ranker: Scorer, queries: Sequence[int], k: int) -> Lists:
    """Return the first `k` neighbours of every query: (queries, k)."""
    rows = score_rows(ranker, queries)
    return np.stack([first(row, k, query=q) for q, row in zip(queries, rows, strict=True)])


def sample_rows(items: int, count: int, *, seed: int) -> list[int]:
    """Return `count` row numbers drawn without repetition, in order; all if there are fewer."""
    drawn = np.random.default_rng(seed).choice(items, min(count, items), replace=False)
    return sorted(drawn.tolist())
