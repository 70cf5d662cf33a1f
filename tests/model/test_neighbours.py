import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.neighbours import MUTUAL, RIVALS, find_neighbours
from tests.model.tiny import same_every_time, unit_rows


@same_every_time
@given(st.integers(2, 130), st.integers(0, 9))
def test_neighbours_are_those_of_a_plain_loop(count: int, seed: int) -> None:
    vectors = unit_rows(count, 8, seed=seed).numpy()
    order = [
        sorted(set(range(count)) - {i}, key=lambda j: -float(vectors[i] @ vectors[j]))
        for i in range(count)
    ]
    found = find_neighbours(vectors)
    for i in range(count):
        assert list(found.mutual[i]) == [j for j in order[i][:MUTUAL] if i in order[j][:MUTUAL]]
        # two that are equally far may change places
        rivals = [float(vectors[i] @ vectors[j]) for j in order[i][slice(*RIVALS)]]
        assert [float(vectors[i] @ vectors[j]) for j in found.rivals[i]] == pytest.approx(rivals)


@pytest.mark.parametrize("count", [1, 511, 512, 513])
def test_the_last_block_is_searched_like_the_first(count: int) -> None:
    vectors = unit_rows(count, 4, seed=0).numpy()
    turned = find_neighbours(np.ascontiguousarray(vectors[::-1]))
    found = find_neighbours(vectors)
    for i in range(count):
        assert [count - 1 - j for j in turned.mutual[count - 1 - i]] == list(found.mutual[i])
