"""The parts that rankers share."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.baselines.chance import Random
from model.baselines.ranker import Dense, VectorRanker, WeightsUnavailable, cosines
from tests.model.tiny import games, same_every_time, unit_rows


@same_every_time
@given(count=st.integers(1, 6), queries=st.lists(st.integers(0, 5), max_size=4))
def test_cosines_match_a_plain_loop(count: int, queries: list[int]) -> None:
    rows = unit_rows(count, 3, seed=count).numpy()
    queries = [query % count for query in queries]
    scores = cosines(rows, queries)
    assert scores.shape == (len(queries), count)
    for i, query in enumerate(queries):
        for j in range(count):
            assert abs(scores[i, j] - sum(rows[query] * rows[j])) < 1e-6


def test_dense_ranker_encodes_the_texts_in_order() -> None:
    texts = [record.text for record in games(3)]
    rows = dict(zip(texts, unit_rows(3, 4, seed=0).numpy(), strict=True))
    ranker = Dense(lambda given: np.stack([rows[text] for text in given]))
    assert len(ranker.vectors) == 0
    ranker.fit(games(3))
    np.testing.assert_array_equal(ranker.vectors, np.stack([rows[text] for text in texts]))
    np.testing.assert_allclose(np.diag(ranker.scores(range(3))), 1, rtol=1e-6)


def test_only_rankers_with_vectors_are_vector_rankers() -> None:
    assert isinstance(Dense(lambda _: np.zeros((0, 2), dtype=np.float32)), VectorRanker)
    assert not isinstance(Random(seed=0), VectorRanker)


def test_unavailable_weights_name_the_model_and_the_remedy() -> None:
    error = WeightsUnavailable("some/model", "no network")
    assert (error.name, error.tried) == ("some/model", "no network")
    assert "some/model: weights not available: no network. Give the path of a folder" in str(error)
