"""Both fusions against plain loops over one query at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.baselines.fusion import Fusion, reciprocal_ranks, standardise, weighted_sum
from model.baselines.lexical import Bm25, TfIdf
from model.baselines.ranker import BaselineError, Scores
from tests.model.tiny import games, same_every_time

QUERIES = [0, 2, 3]
# few different values, so that there are ties
scores = arrays(np.float32, (3, 5), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 7.0]))


def others(row: Scores, query: int) -> list[float]:
    return [float(score) for i, score in enumerate(row) if i != query]


@same_every_time
@given(dense=scores, lexical=scores)
def test_weighted_sum_matches_a_plain_loop(dense: Scores, lexical: Scores) -> None:
    merged = weighted_sum(0.2)(dense, lexical, QUERIES)
    for row, query in enumerate(QUERIES):
        expected = np.zeros(4)
        for table, weight in ((dense, 0.8), (lexical, 0.2)):
            values = np.array(others(table[row], query))
            if values.std() > 0:
                expected += weight * (values - values.mean()) / values.std()
        np.testing.assert_allclose(others(merged[row], query), expected, atol=1e-5)


@same_every_time
@given(dense=scores, lexical=scores)
def test_reciprocal_ranks_match_a_plain_loop(dense: Scores, lexical: Scores) -> None:
    merged = reciprocal_ranks(dense, lexical, QUERIES)
    for row, query in enumerate(QUERIES):
        for item in set(range(5)) - {query}:
            expected = 0.0
            for table in (dense, lexical):
                values, own = others(table[row], query), table[row, item]
                above, level = sum(v > own for v in values), sum(v == own for v in values)
                expected += 1 / (60 + above + (level + 1) / 2)
            assert abs(merged[row, item] - expected) < 1e-6


def test_equal_scores_stand_out_for_nothing() -> None:
    even = np.full((1, 7), 0.1, dtype=np.float32)
    even[0, 3] = 50  # the query's own
    assert np.delete(standardise(even, [3]), 3).tolist() == [0.0] * 6
    assert np.isfinite(standardise(even[:, :1], [0])).all()


@pytest.mark.parametrize(("weight", "which"), [(0.0, 0), (1.0, 1)])
def test_weights_at_the_ends_keep_one_ranking(weight: float, which: int) -> None:
    parts = (TfIdf(), Bm25())
    fusion = Fusion(*parts, weighted_sum(weight))
    fusion.fit(games(12))
    alone, fused = parts[which].scores([4])[0], fusion.scores([4])[0]
    for better in range(12):
        for worse in range(12):
            if 4 not in (better, worse) and alone[better] > alone[worse]:
                assert fused[better] > fused[worse]


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_weights_outside_the_range_are_refused(weight: float) -> None:
    with pytest.raises(BaselineError, match=f"{weight}; it must be in 0..1"):
        weighted_sum(weight)
