"""The ranking by chance."""

import numpy as np

from model.baselines.chance import Random
from tests.model.tiny import games


def test_scores_depend_on_seed_and_query_alone() -> None:
    first, second = Random(seed=1), Random(seed=1)
    first.fit(games(20))
    second.fit(games(20))
    together = first.scores([3, 5])
    np.testing.assert_array_equal(together[1], second.scores([5])[0])
    assert (together[0] != together[1]).any()
    other = Random(seed=2)
    other.fit(games(20))
    assert (other.scores([3, 5]) != together).any()


def test_scores_are_even_in_zero_to_one() -> None:
    ranker = Random(seed=0)
    ranker.fit(games(40))
    scores = ranker.scores(range(40))
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores < 1)).all()
    assert abs(scores.mean() - 0.5) < 0.05
