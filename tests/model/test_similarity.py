import math

import numpy as np
import pytest
import torch

from model.similarity import angular_distance, normalized
from tests.model.tiny import unit_rows


def test_angular_distance_matches_a_plain_loop() -> None:
    left, right = unit_rows(4, 8, seed=0), unit_rows(5, 8, seed=1)
    plain = [
        [math.acos(sum(float(x * y) for x, y in zip(a, b, strict=True))) / math.pi for b in right]
        for a in left
    ]
    torch.testing.assert_close(angular_distance(left, right), torch.tensor(plain))


def test_known_directions_have_known_distances() -> None:
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    distances = angular_distance(east, torch.cat([east, north, -east]))
    torch.testing.assert_close(distances, torch.tensor([[0.0, 0.5, 1.0]]), atol=5e-4, rtol=0)
    assert ((distances >= 0) & (distances <= 1)).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("half", [False, True])
def test_gradients_are_finite_for_identical_and_opposite_rows(sign: float, half: bool) -> None:
    left = unit_rows(6, 384, seed=0).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        distances = angular_distance(left, sign * left.detach())
    distances.sum().backward()
    assert left.grad is not None
    assert left.grad.isfinite().all()


def test_half_precision_training_measures_in_full_precision() -> None:
    left, right = unit_rows(8, 384, seed=0), unit_rows(8, 384, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        distances = angular_distance(left, right)
    torch.testing.assert_close(distances, angular_distance(left, right))


def test_rows_a_little_longer_than_one_stay_in_range() -> None:
    rows = unit_rows(3, 16, seed=0) * 1.001
    assert angular_distance(rows, rows).isfinite().all()
    assert float(angular_distance(rows, -rows).max()) <= 1


@pytest.mark.parametrize("counts", [(0, 3), (3, 0), (0, 0), (1, 1)])
def test_an_empty_or_one_row_block_keeps_its_shape(counts: tuple[int, int]) -> None:
    left, right = (unit_rows(count, 4, seed=0) for count in counts)
    assert angular_distance(left, right).shape == counts


def test_unit_rows_have_length_one_and_zeros_stay_zeros() -> None:
    rows = normalized(np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 1e-30]]))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, np.array([[0.6, 0.8], [0, 0], [0, 1]]), rtol=1e-6)
