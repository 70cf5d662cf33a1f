import math

import pytest
import torch

from model.losses.masked import masked_language_loss


@pytest.mark.parametrize("count", [1, 5])
def test_masked_language_loss_matches_a_plain_loop(count: int) -> None:
    logits = torch.randn(count, 11, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % 11
    terms = [
        -math.log(math.exp(logits[i, labels[i]]) / logits[i].exp().sum()) for i in range(count)
    ]
    found = masked_language_loss(logits, labels)
    assert found.item() == pytest.approx(sum(terms), rel=1e-5)


def test_parts_of_a_batch_add_up_to_it() -> None:
    logits = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(7)
    parts = [masked_language_loss(logits[i : i + 3], labels[i : i + 3]) for i in (0, 3, 6)]
    torch.testing.assert_close(torch.stack(parts).sum(), masked_language_loss(logits, labels))


def test_nothing_hidden_costs_nothing_and_has_a_finite_gradient() -> None:
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


def test_half_precision_logits_are_measured_in_full() -> None:
    logits = torch.randn(5, 11, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.arange(5)
    found = masked_language_loss(logits, labels)
    assert found.dtype == torch.float32
    assert torch.equal(found, masked_language_loss(logits.float(), labels))
