from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.ranking import PerQuery
from model.evaluation.uncertainty import (
    Estimate,
    UnpairedError,
    estimate,
    gain,
    holm,
    paired_test,
)
from tests.model.tiny import same_every_time

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def mean(*values: float) -> PerQuery:
    return PerQuery.mean_over_queries(np.array(values))


def draws(count: int, *, centre: float = 0.5, seed: int = 0) -> PerQuery:
    return mean(*np.random.default_rng(seed).normal(centre, 0.2, count))


def test_the_interval_has_the_width_of_the_normal_one_for_many_queries() -> None:
    values = draws(400)
    found = estimate(values, seed=0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    width = 2 * 1.96 * values.sums.std(ddof=1) / 20
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_a_mean_over_pairs_is_resampled_by_query() -> None:
    sums, counts = np.array([9.0, 0.0, 1.0]), np.array([9.0, 1.0, 1.0])
    found = estimate(PerQuery(sums, counts), seed=0)
    # only resamples of one query alone reach 0 and 1: 1 in 27 each, more than 2.5 %
    assert (found.value, found.low, found.high) == (10 / 11, 0.0, 1.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = draws(30)
    assert estimate(values, seed=1) == estimate(values, seed=1) != estimate(values, seed=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (mean(0.25), Estimate(0.25)),
        (mean(0.5, 0.5, 0.5), Estimate(0.5, 0.5, 0.5)),
        (mean(0.0, 0.0), Estimate(0.0, 0.0, 0.0)),
        (PerQuery(np.array([2.0, 4.0]), np.array([2.0, 4.0])), Estimate(1.0, 1.0, 1.0)),
    ],
)
def test_an_interval_without_spread_is_defined(values: PerQuery, expected: Estimate) -> None:
    assert estimate(values, seed=0) == expected


@same_every_time
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=7))
def test_the_paired_test_matches_all_flips_of_signs(differences: list[int]) -> None:
    flips = [
        sum(sign * d for sign, d in zip(signs, differences, strict=True))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    plain = sum(abs(flip) >= abs(sum(differences)) for flip in flips) / len(flips)
    assert paired_test(mean(*map(float, differences)), seed=0) == pytest.approx(plain)


def test_a_large_difference_is_significant_and_none_is_not() -> None:
    base = draws(50)
    assert paired_test(gain(draws(50, centre=0.9, seed=1), base), seed=0) < 0.001
    assert paired_test(gain(draws(50, seed=1), base), seed=0) > 0.05


@pytest.mark.parametrize("differences", [mean(0.7), mean(0.0, 0.0, 0.0)])
def test_nothing_to_tell_apart_has_p_one(differences: PerQuery) -> None:
    assert paired_test(differences, seed=0) == 1.0


def test_rows_of_other_queries_are_not_compared() -> None:
    with pytest.raises(UnpairedError, match="2 queries against 3"):
        gain(draws(2), draws(3))


def test_holm_matches_a_hand_worked_case() -> None:
    assert holm([0.03, 0.01, 0.04, 0.6]) == pytest.approx([0.09, 0.04, 0.09, 0.6])
    assert holm([]) == []


@same_every_time
@given(P_VALUES)
def test_holm_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    found = holm(p_values)
    assert all(p <= adjusted <= 1 for p, adjusted in zip(p_values, found, strict=True))
    order = sorted(range(len(found)), key=lambda i: p_values[i])
    assert [found[i] for i in order] == sorted(found)
