import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.mining import mine, usable
from tests.model.tiny import same_every_time

MARGIN = 0.3
VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[list[float]], list[list[bool]]]:
    """Distances with many ties, and which of them are allowed; the diagonal never is."""
    size = draw(st.integers(1, 6))
    square = st.lists(VALUES, min_size=size, max_size=size)
    distances = draw(st.lists(square, min_size=size, max_size=size))
    some = st.lists(st.booleans(), min_size=size, max_size=size)
    allowed = draw(st.lists(some, min_size=size, max_size=size))
    return distances, [[ok and i != j for j, ok in enumerate(row)] for i, row in enumerate(allowed)]


def found(distances: list[list[float]], allowed: list[list[bool]], strategy: str) -> list[int]:
    rows = mine(torch.tensor(distances), torch.tensor(allowed), strategy, margin=MARGIN).tolist()
    return [int(row) for row in rows]


@same_every_time
@given(matrices())
def test_the_hardest_negative_matches_a_plain_loop(
    drawn: tuple[list[list[float]], list[list[bool]]],
) -> None:
    distances, allowed = drawn
    for i, j in enumerate(found(distances, allowed, "hardest")):
        others = [distances[i][k] for k in range(len(distances)) if allowed[i][k]]
        assert (j == -1) == (not others)
        assert j == -1 or (allowed[i][j] and distances[i][j] == min(others))


@same_every_time
@given(matrices())
def test_the_semi_hard_negative_matches_a_plain_loop(
    drawn: tuple[list[list[float]], list[list[bool]]],
) -> None:
    distances, allowed = drawn
    for i, j in enumerate(found(distances, allowed, "semi-hard")):
        own = distances[i][i]
        others = [distances[i][k] for k in range(len(distances)) if allowed[i][k]]
        semi = [value for value in others if own < value < own + MARGIN]
        assert (j == -1) == (not others)
        assert j == -1 or (allowed[i][j] and distances[i][j] == min(semi or others))


def test_random_negatives_are_drawn_evenly_from_those_allowed() -> None:
    allowed = usable(torch.zeros(4, 4, dtype=torch.bool))
    allowed[0, 3] = False
    torch.manual_seed(0)
    drawn = torch.stack([mine(torch.zeros(4, 4), allowed, "random", margin=0) for _ in range(999)])
    counts = torch.stack([(drawn == j).float().mean(dim=0) for j in range(4)], dim=1)
    assert counts[0].tolist() == pytest.approx([0, 0.5, 0.5, 0], abs=0.05)
    assert counts[1].tolist() == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.05)


def test_a_seed_settles_the_random_negatives() -> None:
    allowed = usable(torch.zeros(9, 9, dtype=torch.bool))
    rows = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        rows.append(mine(torch.zeros(9, 9), allowed, "random", margin=0).tolist())
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.parametrize("strategy", ["hardest", "semi-hard", "random"])
def test_an_anchor_without_a_negative_has_none(strategy: str) -> None:
    nothing = torch.zeros(3, 3, dtype=torch.bool)
    chosen = mine(torch.zeros(3, 3), nothing, strategy, margin=MARGIN)
    assert (chosen.tolist(), chosen.dtype) == ([-1, -1, -1], torch.int64)


def test_mining_leaves_its_input_and_the_gradient_alone() -> None:
    distances = torch.zeros(3, 3, requires_grad=True)
    allowed = usable(torch.zeros(3, 3, dtype=torch.bool))
    assert not mine(distances, allowed, "semi-hard", margin=MARGIN).requires_grad
    assert torch.equal(distances, torch.zeros(3, 3))
    assert allowed.sum() == 6


def test_the_own_positive_and_blocked_items_are_no_negatives() -> None:
    blocked = torch.tensor([[False, True, False], [True, False, False], [False, False, False]])
    expected = [[False, False, True], [False, False, True], [True, True, False]]
    assert usable(blocked).tolist() == expected
