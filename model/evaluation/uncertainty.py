"""How sure a figure is: bootstrap intervals over queries, paired tests between two models.

Efron and Tibshirani 1993 (percentile interval); Smucker, Allan and Carterette 2007 compare the
tests for retrieval and recommend the randomisation test; Holm 1979 for several tests at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from model.evaluation.ranking import PerQuery

RESAMPLES = 9_999
LEVEL = 0.95
_BATCH = 500
"""Resamples computed at once: 500 x 1,000 queries take 8 MB."""


class UnpairedError(ValueError):
    """Two models were not measured on the same queries, so their difference means nothing."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; the interval is absent where nothing can be said of it."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """How far a model lies above another one on the same queries.

    p: two-sided, of the paired randomisation test; adjusted: the same by Holm's method over all
    models that are tested on this metric.
    """

    estimate: Estimate
    p: float
    adjusted: float


def estimate(values: PerQuery, *, seed: int) -> Estimate:
    """Return the metric with its percentile bootstrap interval; queries are what is resampled.

    A mean over pairs is resampled by query as well, as a ratio of two sums: the pairs of one query
    are no independent draws. One query says nothing about spread and gets no interval; where all
    queries agree, both ends are the value. The same seed draws the same queries for every model.
    """
    if len(values.sums) < 2:
        return Estimate(values.mean)
    ratios = values.sums / values.counts
    if np.ptp(ratios) == 0.0:
        return Estimate(values.mean, values.mean, values.mean)
    found = stats.bootstrap(
        (values.sums, values.counts),
        _ratio,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        vectorized=True,
        paired=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(values.mean, float(found.low), float(found.high))


def _ratio(
    sums: NDArray[np.float64], counts: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    return np.asarray(sums.sum(axis=axis) / counts.sum(axis=axis))


def gain(values: PerQuery, reference: PerQuery) -> PerQuery:
    """Return values minus reference, query by query. Raises `UnpairedError` for other queries."""
    if not np.array_equal(values.counts, reference.counts):
        raise UnpairedError(
            f"{len(values.counts)} queries against {len(reference.counts)}: measure both models on "
            "the same queries"
        )
    return PerQuery(values.sums - reference.sums, values.counts)


def paired_test(differences: PerQuery, *, seed: int) -> float:
    """Return the two-sided p of "neither model is better": signs are flipped query by query.

    Exact for up to 13 queries, 9,999 random draws beyond. Equal rows give 1, and so does one query.
    """
    if len(differences.sums) < 2 or not differences.sums.any():
        return 1.0
    found = stats.permutation_test(
        (differences.sums,),
        np.sum,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=_BATCH,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given."""
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for done, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - done) * p_values[i]))
        adjusted[i] = least
    return adjusted
