"""Every metric loss against a slow plain loop, and what all of them have in common."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from model.config import CHOICES, TrainConfig
from model.losses.metric import Embedded, metric_loss
from tests.model.tiny import same_every_time, unit_rows

Rows = list[list[float]]
METRICS = CHOICES["metric"]
STRATEGIES = CHOICES["negatives"]


def config(metric: str, **more: Any) -> TrainConfig:
    """Settings whose margins leave some triplets active and some not."""
    return TrainConfig(metric=metric, **{"margin": 0.3, "temperature": 0.2, **more})


def batch_of(size: int, seed: int = 0, blocked: Tensor | None = None) -> Embedded:
    if blocked is None:
        blocked = torch.zeros(size, size, dtype=torch.bool)
    anchors, positives = (unit_rows(size, 6, seed=2 * seed + side) for side in (0, 1))
    return Embedded(anchors.requires_grad_(), positives.requires_grad_(), blocked)


def draw_blocked(size: int, seed: int) -> Tensor:
    upper = torch.rand(size, size, generator=torch.Generator().manual_seed(seed)) < 0.4
    return upper.triu(1) | upper.triu(1).T


# The plain loops: cosines of one direction, row i of them the anchor i, to a loss.


def angle(cosine: float) -> float:
    return math.acos(max(-1.0, min(1.0, cosine))) / math.pi


def plain_negative(distances: list[float], own: int, allowed: list[int], c: TrainConfig) -> int:
    semi = [j for j in allowed if distances[own] < distances[j] < distances[own] + c.margin]
    chosen = semi if c.negatives == "semi-hard" and semi else allowed
    return min(chosen, key=lambda j: distances[j])


def plain_mined(distances: Rows, allowed: list[list[int]], c: TrainConfig) -> list[tuple[int, int]]:
    rows = [i for i in range(len(distances)) if allowed[i]]
    return [(i, plain_negative(distances[i], i, allowed[i], c)) for i in rows]


def mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def triplet(distances: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    mined = plain_mined(distances, allowed, c)
    return mean([max(0.0, distances[i][i] - distances[i][j] + c.margin) for i, j in mined])


def triplet_angular(cosines: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    return triplet([[angle(x) for x in row] for row in cosines], allowed, c)


def triplet_cosine(cosines: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    return triplet([[1 - x for x in row] for row in cosines], allowed, c)


def contrastive(cosines: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    mined = plain_mined([[1 - x for x in row] for row in cosines], allowed, c)
    near = [1 - cosines[i][i] for i in range(len(cosines))]
    return mean(near) + mean([max(0.0, cosines[i][j] - (1 - c.margin)) for i, j in mined])


def cosine(cosines: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    mined = plain_mined([[1 - x for x in row] for row in cosines], allowed, c)
    near = [(1 - cosines[i][i]) ** 2 for i in range(len(cosines))]
    return mean(near + [cosines[i][j] ** 2 for i, j in mined])


def multiple_negatives(cosines: Rows, allowed: list[list[int]], c: TrainConfig) -> float:
    if not any(allowed):
        return 0.0
    terms = []
    for i, row in enumerate(cosines):
        scores = torch.tensor([row[i], *(row[j] for j in allowed[i])]) / c.temperature
        terms.append(-float(torch.log_softmax(scores, dim=0)[0]))
    return mean(terms)


PLAIN: dict[str, Callable[[Rows, list[list[int]], TrainConfig], float]] = {
    "triplet-angular": triplet_angular,
    "triplet-cosine": triplet_cosine,
    "contrastive": contrastive,
    "cosine": cosine,
    "multiple-negatives": multiple_negatives,
}


def plain_loss(batch: Embedded, c: TrainConfig) -> float:
    cosines = (batch.anchors.detach().double() @ batch.positives.detach().double().T).tolist()
    size = range(len(cosines))
    allowed = [[j for j in size if j != i and not batch.blocked[i, j]] for i in size]
    there = PLAIN[c.metric](cosines, allowed, c)
    back = PLAIN[c.metric]([list(column) for column in zip(*cosines, strict=True)], allowed, c)
    return (there + back) / 2 if c.both_directions else there


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("negatives", ["hardest", "semi-hard"])
@pytest.mark.parametrize("both", [True, False])
def test_a_loss_matches_its_plain_loop(metric: str, negatives: str, both: bool) -> None:
    c = config(metric, negatives=negatives, both_directions=both)

    @same_every_time
    @given(st.integers(2, 6), st.integers(0, 999), st.booleans())
    def check(size: int, seed: int, some_blocked: bool) -> None:
        blocked = draw_blocked(size, seed) if some_blocked else None
        batch = batch_of(size, seed, blocked)
        assert metric_loss(batch, c).loss.item() == pytest.approx(plain_loss(batch, c), abs=2e-5)

    check()


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "multiple-negatives"])
def test_a_random_negative_that_is_the_only_one_is_taken(metric: str) -> None:
    c = config(metric, negatives="random")
    for seed in range(9):
        batch = batch_of(2, seed)  # two pairs: the other passage is the only negative
        assert metric_loss(batch, c).loss.item() == pytest.approx(plain_loss(batch, c), abs=2e-5)


def test_random_negatives_cost_less_than_the_hardest() -> None:
    batch = batch_of(16)
    torch.manual_seed(0)
    found = {name: metric_loss(batch, config(METRICS[0], negatives=name)) for name in STRATEGIES}
    assert found["random"].loss < found["hardest"].loss
    assert found["semi-hard"].loss <= found["hardest"].loss


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("both", [True, False])
def test_a_batch_without_negatives_has_a_finite_gradient(metric: str, both: bool) -> None:
    batch = batch_of(3, blocked=torch.ones(3, 3, dtype=torch.bool))
    found = metric_loss(batch, config(metric, both_directions=both))
    sides = torch.autograd.grad(found.loss, (batch.anchors, batch.positives))
    assert all(side.isfinite().all() for side in sides)
    if metric in ("triplet-angular", "triplet-cosine", "multiple-negatives"):
        assert found.loss.item() == 0.0
        assert not any(side.any() for side in sides)


@pytest.mark.parametrize("metric", METRICS)
def test_a_blocked_item_feels_nothing_of_the_others(metric: str) -> None:
    blocked = torch.zeros(3, 3, dtype=torch.bool)
    blocked[2, :] = blocked[:, 2] = True  # the third pair is no negative of any other
    found = []
    for seed in (1, 2):
        batch = batch_of(3, seed, blocked)
        for side, row in ((batch.anchors, 8), (batch.positives, 9)):
            side.data[2] = unit_rows(1, 6, seed=row)[0]
        metric_loss(batch, config(metric)).loss.backward()
        assert batch.anchors.grad is not None
        found.append(batch.anchors.grad[2])
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_equal_and_opposite_passages_have_a_finite_gradient(metric: str, sign: float) -> None:
    row = unit_rows(1, 64, seed=0)
    anchors, positives = row.repeat(4, 1), sign * row.repeat(4, 1)
    batch = Embedded(anchors.requires_grad_(), positives.requires_grad_(), torch.zeros(4, 4).bool())
    found = metric_loss(batch, config(metric))
    found.loss.backward()
    for side in (batch.anchors, batch.positives):
        assert side.grad is not None
        assert side.grad.isfinite().all()


@pytest.mark.parametrize("both", [True, False])
def test_both_directions_look_from_the_positives_too(both: bool) -> None:
    batch = batch_of(5)
    swapped = Embedded(batch.positives, batch.anchors, batch.blocked)
    c = config("triplet-angular", both_directions=both)
    there, back = (metric_loss(b, c).loss.item() for b in (batch, swapped))
    assert (there == pytest.approx(back, abs=1e-6)) is both


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5])
def test_what_is_watched_matches_a_plain_loop(margin: float) -> None:
    batch = batch_of(6, blocked=draw_blocked(6, 1))
    found = metric_loss(batch, config("contrastive", margin=margin))
    cosines = (batch.anchors @ batch.positives.T).tolist()
    near, far = [], []
    for i in range(6):
        angles = [angle(cosine) for cosine in cosines[i]]
        others = [angles[j] for j in range(6) if j != i and not batch.blocked[i, j]]
        near.append(angles[i])
        far.append(min(others, default=1.0))
    active = mean([float(f < n + margin) for n, f in zip(near, far, strict=True)])
    assert found.active.item() == pytest.approx(active)
    assert found.positive.item() == pytest.approx(mean(near), abs=1e-5)
    assert found.negative.item() == pytest.approx(mean(far), abs=1e-5)
    assert not any(part.requires_grad for part in (found.active, found.positive, found.negative))
