import math

import pytest
import torch
from torch import Tensor

from model.losses import masked_language_loss, triplet_loss
from tests.model.tiny import unit_rows

MARGIN = 0.1


def distance(a: Tensor, b: Tensor) -> float:
    return math.acos(float(a @ b)) / math.pi


@pytest.mark.parametrize("size", [2, 3, 7])
def test_triplet_loss_matches_a_plain_loop(size: int) -> None:
    a, p = unit_rows(size, 8, seed=size), unit_rows(size, 8, seed=100 + size)
    near = [distance(a[i], p[i]) for i in range(size)]
    far = [min(distance(a[i], p[j]) for j in range(size) if j != i) for i in range(size)]
    terms = [max(0.0, n - f + MARGIN) for n, f in zip(near, far, strict=True)]
    found = triplet_loss(a, p, MARGIN)
    assert found.loss.item() == pytest.approx(sum(terms) / size, abs=1e-5)
    assert found.active.item() == pytest.approx(sum(term > 0 for term in terms) / size)
    assert found.positive.item() == pytest.approx(sum(near) / size, abs=1e-5)
    assert found.negative.item() == pytest.approx(sum(far) / size, abs=1e-5)


def test_pairs_that_are_apart_by_the_margin_cost_nothing() -> None:
    anchors = torch.eye(3, requires_grad=True)
    found = triplet_loss(anchors, torch.eye(3), MARGIN)
    found.loss.backward()
    assert (found.loss.item(), found.active.item()) == (0.0, 0.0)
    assert anchors.grad is not None
    assert not anchors.grad.any()


@pytest.mark.parametrize("half", [False, True])
def test_a_collapsed_batch_costs_the_margin_and_has_finite_gradients(half: bool) -> None:
    row = unit_rows(1, 64, seed=0)
    anchors = row.repeat(4, 1).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        found = triplet_loss(anchors, row.repeat(4, 1), MARGIN)
    found.loss.backward()
    assert found.loss.item() == pytest.approx(MARGIN, abs=1e-4)
    assert anchors.grad is not None
    assert anchors.grad.isfinite().all()


def test_only_the_loss_carries_a_gradient() -> None:
    found = triplet_loss(unit_rows(3, 8, seed=0).requires_grad_(), unit_rows(3, 8, seed=1), MARGIN)
    assert found.loss.requires_grad
    assert not any(part.requires_grad for part in (found.active, found.positive, found.negative))


def test_a_single_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two pairs"):
        triplet_loss(unit_rows(1, 8, seed=0), unit_rows(1, 8, seed=1), MARGIN)


@pytest.mark.parametrize("count", [1, 5])
def test_masked_language_loss_matches_a_plain_loop(count: int) -> None:
    logits = torch.randn(count, 11, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % 11
    terms = [
        -math.log(math.exp(logits[i, labels[i]]) / logits[i].exp().sum()) for i in range(count)
    ]
    found = masked_language_loss(logits, labels)
    assert found.item() == pytest.approx(sum(terms) / count, rel=1e-5)


def test_nothing_masked_costs_nothing_and_has_a_finite_gradient() -> None:
    weights = torch.ones(4, 11, requires_grad=True)
    loss = masked_language_loss(torch.zeros(0, 4) @ weights, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0.0
    assert weights.grad is not None
    assert weights.grad.isfinite().all()


def test_sure_and_wrong_guesses_have_a_finite_loss_and_gradient() -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    loss = masked_language_loss(logits, torch.tensor([1, 1]))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
