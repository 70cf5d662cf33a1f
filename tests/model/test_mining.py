import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.mining import hardest_negatives
from tests.model.tiny import same_every_time


@same_every_time
@given(st.integers(2, 6), st.data())
def test_the_hardest_negative_matches_a_plain_loop(size: int, data: st.DataObject) -> None:
    row = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=size, max_size=size)
    distances = data.draw(st.lists(row, min_size=size, max_size=size))
    found = hardest_negatives(torch.tensor(distances)).tolist()
    for i, j in enumerate(found):
        assert j != i
        assert distances[i][j] == min(d for k, d in enumerate(distances[i]) if k != i)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_ties_never_pick_the_own_positive(value: float) -> None:
    found = hardest_negatives(torch.full((5, 5), value))
    assert (found != torch.arange(5)).all()
    assert found.dtype == torch.int64


def test_mining_leaves_its_input_and_the_gradient_alone() -> None:
    distances = torch.zeros(3, 3, requires_grad=True)
    assert not hardest_negatives(distances).requires_grad
    assert torch.equal(distances, torch.zeros(3, 3))


@pytest.mark.parametrize("size", [0, 1])
def test_less_than_two_pairs_hold_no_negative(size: int) -> None:
    with pytest.raises(ValueError, match="at least two pairs"):
        hardest_negatives(torch.zeros(size, size))
