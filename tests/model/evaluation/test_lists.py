import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.lists import (
    BLOCK,
    ScoreError,
    first,
    neighbour_lists,
    sample_rows,
    score_rows,
)
from tests.model.evaluation.rankers import Fixed
from tests.model.tiny import same_every_time


@same_every_time
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=2, max_size=12), st.data())
def test_the_first_match_a_full_sort_ties_included(
    scores: list[float], data: st.DataObject
) -> None:
    query = data.draw(st.integers(0, len(scores) - 1))
    k = data.draw(st.integers(1, len(scores) - 1))
    order = sorted((i for i in range(len(scores)) if i != query), key=lambda i: -scores[i])
    assert first(np.array(scores), k, query=query).tolist() == order[:k]


def test_blocks_give_every_query_its_own_row() -> None:
    count = BLOCK + 3
    ranker = Fixed(np.random.default_rng(0).random((count, count), dtype=np.float32))
    queries = list(range(count))[::-1]
    np.testing.assert_array_equal(np.stack(list(score_rows(ranker, queries))), ranker.table[::-1])
    assert max(map(len, ranker.asked)) == BLOCK
    lists = neighbour_lists(ranker, queries, 4)
    assert lists.shape == (count, 4)
    assert lists[0].tolist() == first(ranker.table[-1], 4, query=count - 1).tolist()


def test_a_score_that_is_not_finite_is_refused() -> None:
    ranker = Fixed(np.array([[0, np.nan], [0, 0]], dtype=np.float32))
    with pytest.raises(ScoreError, match="not finite"):
        neighbour_lists(ranker, [0, 1], 1)


def test_a_sample_is_the_same_for_the_same_seed_and_has_no_repetition() -> None:
    found = sample_rows(50, 20, seed=3)
    assert found == sample_rows(50, 20, seed=3) != sample_rows(50, 20, seed=4)
    assert len(set(found)) == 20
    assert sample_rows(5, 20, seed=0) == [0, 1, 2, 3, 4]
