"""Ranking metrics: pure functions over arrays of ranks.

Definitions follow Malkiel et al. 2022 and SDR (Ginzburg et al. 2021): HR@k is the share of a
query's targets among its first k neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int64]
"""(targets,) int64: the ranks of one query's targets, from 1."""


@dataclass(frozen=True)
class Annotation:
    """A query and the items an expert calls similar to it, by id."""

    query: str
    similar: tuple[str, ...]


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


def mean_reciprocal_rank(ranks: Sequence[Ranks]) -> float:
    """Return the mean over queries of 1 / (rank of the first hit), in (0, 1]."""
    return float(np.mean([1.0 / r.min() for r in ranks]))


def hit_rate(ranks: Sequence[Ranks], k: int) -> float:
    """Return the mean over queries of the share of targets ranked at most `k`, in [0, 1]."""
    return float(np.mean([(r <= k).mean() for r in ranks]))


def mean_percentile_rank(ranks: Sequence[Ranks], candidates: int) -> float:
    """Return the mean over all pairs of 1 - (rank - 1) / (candidates - 1), in [0, 1]."""
    return float(np.mean(1.0 - (np.concatenate(ranks) - 1) / max(candidates - 1, 1)))


def ndcg(ranks: Sequence[Ranks], k: int) -> float:
    """Return the mean over queries of the normalised gain of the first `k`, in [0, 1]."""

    def one(r: Ranks) -> float:
        gain = (1.0 / np.log2(r[r <= k] + 1.0)).sum()
        ideal = (1.0 / np.log2(np.arange(1, min(len(r), k) + 1) + 1.0)).sum()
        return float(gain / ideal)

    return float(np.mean([one(r) for r in ranks]))


def expert_metrics(
    vectors: NDArray[np.float32], ids: Sequence[str], annotations: Sequence[Annotation]
) -> dict[str, float]:
    """Return the paper's metrics in per cent: every query ranks the whole catalogue but itself.

    vectors: (n, d) unit rows, row i belongs to ids[i]. Raises `KeyError` for an annotated id that
    the catalogue lacks.
    """
    row = {item: i for i, item in enumerate(ids)}
    ranks = [
        target_ranks(
            vectors @ vectors[row[a.query]], [row[s] for s in a.similar], query=row[a.query]
        )
        for a in annotations
    ]
    return percent(
        {
            "MPR": mean_percentile_rank(ranks, len(ids) - 1),
            "MRR": mean_reciprocal_rank(ranks),
            "HR@10": hit_rate(ranks, 10),
            "HR@100": hit_rate(ranks, 100),
            "NDCG@10": ndcg(ranks, 10),
        }
    )


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
