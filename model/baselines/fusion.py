"""Two rankers as one: a weighted sum of standard scores, or reciprocal ranks."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from model.baselines.ranker import BaselineError, Ranker, Scores
from model.corpus import Record

LEXICAL_WEIGHT = 0.2
"""Share of the lexical ranker in a weighted sum."""
RANK_OFFSET = 60
"""The constant of reciprocal-rank fusion in Cormack et al. 2009."""

Merge = Callable[[Scores, Scores, Sequence[int]], Scores]
"""Scores of the dense and of the lexical ranker for the same queries, to one score."""


class Fusion:
    """A dense and a lexical ranker whose scores are merged query by query."""

    def __init__(self, dense: Ranker, lexical: Ranker, merge: Merge) -> None:
        self._dense = dense
        self._lexical = lexical
        self._merge = merge

    def fit(self, records: Sequence[Record]) -> None:
        """Fit both rankers."""
        self._dense.fit(records)
        self._lexical.fit(records)

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return merged scores: (queries, records)."""
        dense, lexical = self._dense.scores(queries), self._lexical.scores(queries)
        return self._merge(dense, lexical, queries)


def weighted_sum(weight: float = LEXICAL_WEIGHT) -> Merge:
    """Return `(1 - weight) * z(dense) + weight * z(lexical)`, z over the other items of a query."""
    if not 0 <= weight <= 1:
        raise BaselineError(f"the weight of the lexical ranker is {weight}; it must be in 0..1")
    return partial(_weighted_sum, weight=weight)


def _weighted_sum(
    dense: Scores, lexical: Scores, queries: Sequence[int], *, weight: float
) -> Scores:
    first, second = standardise(dense, queries), standardise(lexical, queries)
    scores: Scores = ((1 - weight) * first + weight * second).astype(np.float32)
    return scores


def standardise(scores: Scores, queries: Sequence[int]) -> NDArray[np.float64]:
    """Return scores at mean 0 and deviation 1 over a query's other items: (queries, items).

    The own score, often far above the rest, is left out of both. Equal scores all become 0.
    """
    others = _others(scores, queries)
    count = np.maximum(others.sum(axis=1, keepdims=True), 1)  # (queries, 1)
    values = scores.astype(np.float64)
    mean = np.where(others, values, 0.0).sum(axis=1, keepdims=True) / count
    gaps = values - mean  # (queries, items)
    deviation = np.sqrt((np.where(others, gaps, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    # equal float32 scores can differ from their mean by a rounding error
    spread = deviation > 1e-7 * np.maximum(np.abs(mean), 1e-30)
    standard: NDArray[np.float64] = np.where(spread, gaps, 0.0) / np.where(spread, deviation, 1.0)
    return standard


def reciprocal_ranks(dense: Scores, lexical: Scores, queries: Sequence[int]) -> Scores:
    """Return `1 / (60 + rank) + 1 / (60 + rank)`, ranks from 1 among a query's other items.

    Cormack, Clarke and Buettcher 2009. Equal scores share their mean rank: BM25 gives 0 to most.
    """
    total = np.zeros(dense.shape)
    for scores in (dense, lexical):
        ranked = np.where(_others(scores, queries), -scores, np.inf)  # the query itself comes last
        total += 1 / (RANK_OFFSET + rankdata(ranked, method="average", axis=1))
    merged: Scores = total.astype(np.float32)
    return merged


def _others(scores: Scores, queries: Sequence[int]) -> NDArray[np.bool_]:
    """Return which items are not the query: (queries, items)."""
    others = np.ones(scores.shape, dtype=np.bool_)
    others[np.arange(len(queries)), list(queries)] = False
    return others
