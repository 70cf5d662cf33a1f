import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation import (
    Annotation,
    Ranks,
    expert_metrics,
    hit_rate,
    mean_percentile_rank,
    mean_reciprocal_rank,
    ndcg,
    passage_metrics,
    percent,
    target_ranks,
)
from tests.model.tiny import same_every_time, unit_rows

QUERIES = st.lists(
    st.lists(st.integers(1, 20), min_size=1, max_size=6, unique=True).map(
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
def test_reciprocal_rank_matches_a_plain_loop(ranks: list[Ranks]) -> None:
    plain = sum(1 / min(r.tolist()) for r in ranks) / len(ranks)
    assert mean_reciprocal_rank(ranks) == pytest.approx(plain)


@same_every_time
@given(QUERIES, st.integers(1, 25))
def test_hit_rate_matches_a_plain_loop(ranks: list[Ranks], k: int) -> None:
    plain = sum(sum(rank <= k for rank in r.tolist()) / len(r) for r in ranks) / len(ranks)
    assert hit_rate(ranks, k) == pytest.approx(plain)


@same_every_time
@given(QUERIES)
def test_percentile_rank_matches_a_plain_loop(ranks: list[Ranks]) -> None:
    every = [rank for r in ranks for rank in r.tolist()]
    plain = sum(1 - (rank - 1) / 19 for rank in every) / len(every)
    assert mean_percentile_rank(ranks, 20) == pytest.approx(plain)
    assert 0 <= mean_percentile_rank(ranks, 20) <= 1


@same_every_time
@given(QUERIES, st.integers(1, 25))
def test_ndcg_matches_a_plain_loop(ranks: list[Ranks], k: int) -> None:
    plain = 0.0
    for r in ranks:
        gain = sum(1 / math.log2(place + 1) for place in range(1, k + 1) if place in r.tolist())
        best = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(r)) + 1))
        plain += gain / best / len(ranks)
    assert ndcg(ranks, k) == pytest.approx(plain)
    assert 0 <= ndcg(ranks, k) <= 1 + 1e-9


@pytest.mark.parametrize("count", [1, 3])
def test_the_best_order_scores_one_in_every_metric(count: int) -> None:
    ranks: list[Ranks] = [np.arange(1, count + 1)]
    assert mean_reciprocal_rank(ranks) == ndcg(ranks, 10) == hit_rate(ranks, 10) == 1
    assert mean_percentile_rank([np.array([1])], 1) == 1


def test_expert_metrics_match_a_hand_worked_catalogue() -> None:
    angles = np.radians([0, 10, 25, 45, 90])  # item e is the furthest from item a
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = expert_metrics(vectors, list("abcde"), [Annotation("a", ("c", "e"))])
    gain = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    assert found == {
        "MPR": round(100 * (2 / 3 + 0) / 2, 2),
        "MRR": 50.0,
        "HR@10": 100.0,
        "HR@100": 100.0,
        "NDCG@10": round(100 * gain, 2),
    }


def test_a_query_is_never_its_own_neighbour() -> None:
    vectors = np.ones((3, 1), dtype=np.float32)
    found = expert_metrics(vectors, ["a", "b", "c"], [Annotation("b", ("a",))])
    assert found["MRR"] == 100.0


@pytest.mark.parametrize("annotation", [Annotation("x", ("a",)), Annotation("a", ("x",))])
def test_an_id_that_the_catalogue_lacks_is_refused(annotation: Annotation) -> None:
    with pytest.raises(KeyError, match="x"):
        expert_metrics(np.eye(2, dtype=np.float32), ["a", "b"], [annotation])


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
