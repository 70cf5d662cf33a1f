"""Ranking metrics: pure functions over arrays of ranks.

Definitions follow Malkiel et al. 2022 and SDR (Ginzburg et al. 2021): HR@k is the share of a
query's targets among its first k neighbours, MPR a mean over pairs of query and target. NDCG is
that of Järvelin and Kekäläinen 2002; a target's gain is its grade, 1 where none is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int64]
"""(targets,) int64: the ranks of one query's targets, from 1."""

Values = NDArray[np.float64]
"""(queries,) float64: one number a query."""


@dataclass(frozen=True)
class Annotation:
    """A query and the items an expert calls similar to it, by id.

    grades: how similar each of them is, 1 or more; empty: all alike.
    """

    query: str
    similar: tuple[str, ...]
    grades: tuple[int, ...] = ()

    @property
    def gains(self) -> Values:
        """What finding each of the similar items is worth: (targets,) float64."""
        return np.array(self.grades or [1] * len(self.similar), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class PerQuery:
    """What each query gives to a metric: the metric is the sum of `sums` over that of `counts`.

    sums, counts: (queries,). With counts of one it is a mean over queries; with the number of a
    query's targets as counts, a mean over pairs.
    """

    sums: Values
    counts: Values

    @classmethod
    def mean_over_queries(cls, values: Values) -> "PerQuery":
        """Every query counts the same."""
        return cls(values, np.ones(len(values)))

    @property
    def mean(self) -> float:
        """The metric."""
        return float(self.sums.sum() / self.counts.sum())


def target_ranks(scores: NDArray[np.floating], targets: Sequence[int], *, query: int) -> Ranks:
    """Return the ranks of `targets` when all rows but `query` are sorted by score.

    scores: (n,), higher is nearer. Equal scores rank in row order, so that ties are settled the
    same way every time.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[order != query]
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks[list(targets)]


def reciprocal_ranks(ranks: Sequence[Ranks]) -> Values:
    """Return 1 / (rank of the first hit) of each query, in (0, 1]."""
    return np.array([1.0 / r.min() for r in ranks])


def hit_rates(ranks: Sequence[Ranks], k: int) -> Values:
    """Return the share of each query's targets ranked at most `k`, in [0, 1]."""
    return np.array([(r <= k).mean() for r in ranks])


def percentile_ranks(ranks: Sequence[Ranks], candidates: int) -> PerQuery:
    """Return 1 - (rank - 1) / (candidates - 1) summed over each query's pairs, and their number."""
    shares = [1.0 - (r - 1) / max(candidates - 1, 1) for r in ranks]
    return PerQuery(np.array([s.sum() for s in shares]), np.array([float(len(r)) for r in ranks]))


def ndcgs(ranks: Sequence[Ranks], k: int, gains: Sequence[Values] | None = None) -> Values:
    """Return the normalised discounted gain of each query's first `k`, in [0, 1].

    gains: above 0, one a target, in the order of the ranks; 1 for each if None.
    """

    def one(r: Ranks, gain: Values) -> float:
        found = (gain / np.log2(r + 1.0))[r <= k].sum()
        best = np.sort(gain)[::-1][:k]
        return float(found / (best / np.log2(np.arange(len(best)) + 2.0)).sum())

    worth = [np.ones(len(r)) for r in ranks] if gains is None else gains
    return np.array([one(r, gain) for r, gain in zip(ranks, worth, strict=True)])


def average_precisions(ranks: Sequence[Ranks]) -> Values:
    """Return the mean precision at each query's targets, over the whole ranking, in (0, 1]."""
    return np.array([(np.arange(1, len(r) + 1) / np.sort(r)).mean() for r in ranks])


def ranking_values(
    ranks: Sequence[Ranks], candidates: int, gains: Sequence[Values] | None = None
) -> dict[str, PerQuery]:
    """Return every ranking metric by name, query by query.

    candidates: how many items each query ranks, itself not counted. gains: what each target is
    worth to NDCG, 1 if None; the other metrics know hits only.
    """
    mean = PerQuery.mean_over_queries
    return {
        "MPR": percentile_ranks(ranks, candidates),
        "MRR": mean(reciprocal_ranks(ranks)),
        "HR@10": mean(hit_rates(ranks, 10)),
        "HR@100": mean(hit_rates(ranks, 100)),
        "NDCG@10": mean(ndcgs(ranks, 10, gains)),
        "MAP": mean(average_precisions(ranks)),
    }


def mean_reciprocal_rank(ranks: Sequence[Ranks]) -> float:
    """Return the mean over queries of 1 / (rank of the first hit), in (0, 1]."""
    return float(reciprocal_ranks(ranks).mean())


def hit_rate(ranks: Sequence[Ranks], k: int) -> float:
    """Return the mean over queries of the share of targets ranked at most `k`, in [0, 1]."""
    return float(hit_rates(ranks, k).mean())


def passage_metrics(
    anchors: NDArray[np.float32], positives: NDArray[np.float32]
) -> dict[str, float]:
    """Return how well each anchor finds its own positive among all positives, in per cent.

    anchors, positives: (n, d) unit rows, row i of both from one item.
    """
    scores = anchors @ positives.T  # (n, n)
    ranks = [target_ranks(row, [i], query=-1) for i, row in enumerate(scores)]
    return percent({"passage MRR": mean_reciprocal_rank(ranks), "passage HR@1": hit_rate(ranks, 1)})


def percent(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values times 100, to two decimals."""
    return {name: round(100.0 * value, 2) for name, value in values.items()}
