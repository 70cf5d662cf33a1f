import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from model.evaluation.ranking import (
    PerQuery,
    Ranks,
    average_precisions,
    hit_rate,
    hit_rates,
    mean_reciprocal_rank,
    ndcgs,
    passage_metrics,
    percent,
    percentile_ranks,
    ranking_values,
    reciprocal_ranks,
    target_ranks,
)
from tests.model.tiny import same_every_time, unit_rows

LAST = 20
QUERIES = st.lists(
    st.lists(st.integers(1, LAST), min_size=1, max_size=6, unique=True).map(
        lambda ranks: np.array(ranks, dtype=np.int64)
    ),
    min_size=1,
    max_size=5,
)


def plain_rank(scores: list[float], target: int, query: int) -> int:
    ahead = 0
    for other, score in enumerate(scores):
        if other not in (query, target):
            ahead += score > scores[target] or (score == scores[target] and other < target)
    return ahead + 1


@same_every_time
@given(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0]), min_size=2, max_size=12), st.data())
def test_ranks_match_a_plain_loop_ties_included(scores: list[float], data: st.DataObject) -> None:
    query, *targets = data.draw(st.permutations(range(len(scores))))
    found = target_ranks(np.array(scores), targets, query=query)
    assert found.tolist() == [plain_rank(scores, target, query) for target in targets]


@same_every_time
@given(QUERIES)
def test_reciprocal_ranks_match_a_plain_loop(ranks: list[Ranks]) -> None:
    plain = [1 / min(r.tolist()) for r in ranks]
    assert reciprocal_ranks(ranks).tolist() == pytest.approx(plain)
    assert mean_reciprocal_rank(ranks) == pytest.approx(sum(plain) / len(plain))


@same_every_time
@given(QUERIES, st.integers(1, 25))
def test_hit_rates_match_a_plain_loop(ranks: list[Ranks], k: int) -> None:
    plain = [sum(rank <= k for rank in r.tolist()) / len(r) for r in ranks]
    assert hit_rates(ranks, k).tolist() == pytest.approx(plain)
    assert hit_rate(ranks, k) == pytest.approx(sum(plain) / len(plain))


@same_every_time
@given(QUERIES)
def test_percentile_rank_is_a_mean_over_pairs(ranks: list[Ranks]) -> None:
    every = [rank for r in ranks for rank in r.tolist()]
    plain = sum(1 - (rank - 1) / (LAST - 1) for rank in every) / len(every)
    found = percentile_ranks(ranks, LAST)
    assert found.mean == pytest.approx(plain)
    assert found.counts.tolist() == [len(r) for r in ranks]


@same_every_time
@given(QUERIES, st.integers(1, 25))
def test_ndcgs_match_a_plain_loop(ranks: list[Ranks], k: int) -> None:
    plain = []
    for r in ranks:
        gain = sum(1 / math.log2(place + 1) for place in range(1, k + 1) if place in r.tolist())
        plain.append(gain / sum(1 / math.log2(i + 1) for i in range(1, min(k, len(r)) + 1)))
    assert ndcgs(ranks, k).tolist() == pytest.approx(plain)
    assert (ndcgs(ranks, k) <= 1 + 1e-9).all()


@same_every_time
@given(QUERIES, st.integers(1, 25), st.randoms(use_true_random=False))
def test_graded_ndcgs_match_scikit_learn(ranks: list[Ranks], k: int, rng: random.Random) -> None:
    gains = [np.array([rng.randint(1, 3) for _ in r], dtype=float) for r in ranks]
    scores = -np.arange(LAST, dtype=float)  # row i has rank i + 1
    for found, r, gain in zip(ndcgs(ranks, k, gains), ranks, gains, strict=True):
        worth = np.zeros(LAST)
        worth[r - 1] = gain
        assert found == pytest.approx(ndcg_score([worth], [scores], k=k))


@same_every_time
@given(QUERIES)
def test_average_precisions_match_a_plain_loop(ranks: list[Ranks]) -> None:
    plain = []
    for r in (r.tolist() for r in ranks):
        precisions = [sum(other <= rank for other in r) / rank for rank in r]
        plain.append(sum(precisions) / len(r))
    assert average_precisions(ranks).tolist() == pytest.approx(plain)


@same_every_time
@given(QUERIES, st.integers(1, LAST))
def test_metrics_match_scikit_learn(ranks: list[Ranks], k: int) -> None:
    scores = -np.arange(LAST, dtype=float)  # row i has rank i + 1
    for i, r in enumerate(ranks):
        relevant = np.isin(np.arange(1, LAST + 1), r)
        assert ndcgs(ranks, k)[i] == pytest.approx(ndcg_score([relevant], [scores], k=k))
        found = average_precision_score(relevant, scores)
        assert average_precisions(ranks)[i] == pytest.approx(found)


@pytest.mark.parametrize("count", [1, 3])
def test_the_best_order_scores_one_in_every_metric(count: int) -> None:
    ranks: list[Ranks] = [np.arange(1, count + 1)]
    found = {name: values.mean for name, values in ranking_values(ranks, count).items()}
    assert found.pop("MPR") == (1.0 if count == 1 else 0.5)  # a mean over all pairs
    assert set(found.values()) == {1.0}


def test_the_mean_is_a_ratio_of_two_sums() -> None:
    assert PerQuery(np.array([1.0, 2.0]), np.array([1.0, 3.0])).mean == 0.75
    assert PerQuery.mean_over_queries(np.array([1.0, 2.0])).mean == 1.5


def test_passages_that_match_their_own_are_all_found() -> None:
    rows = unit_rows(6, 16, seed=0).numpy()
    assert passage_metrics(rows, rows) == {"passage MRR": 100.0, "passage HR@1": 100.0}
    assert passage_metrics(rows[:1], rows[:1])["passage HR@1"] == 100.0


def test_passage_metrics_match_a_plain_loop() -> None:
    left, right = (unit_rows(9, 4, seed=seed).numpy() for seed in (0, 1))
    ranks = [plain_rank((right @ row).tolist(), i, query=-1) for i, row in enumerate(left)]
    found = passage_metrics(left, right)
    assert found["passage MRR"] == pytest.approx(100 * sum(1 / r for r in ranks) / 9, abs=0.01)
    assert found["passage HR@1"] == pytest.approx(100 * ranks.count(1) / 9, abs=0.01)


def test_percent_has_two_decimals() -> None:
    assert percent({"a": 0.123456, "b": 1.0}) == {"a": 12.35, "b": 100.0}
