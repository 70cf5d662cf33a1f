"""The metric losses: vectors of a whole batch to one scalar.

`triplet-angular` is MetricBERT's (Malkiel et al. 2022, arXiv 2208.06610, L_metric); the others are
what it is compared with, taken from the libraries that keep them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import ContrastiveLoss, NTXentLoss, TripletMarginLoss
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor, nn

from model.config import TrainConfig
from model.mining import mine, usable
from model.similarity import angular_distance


@dataclass(frozen=True)
class Embedded:
    """A batch as vectors. anchors, positives: (b, d) unit rows, b >= 2, row i of one item.

    blocked: (b, b) bool, symmetric: no negatives of each other, see `model.guard`.
    """

    anchors: Tensor
    positives: Tensor
    blocked: Tensor


@dataclass(frozen=True)
class MetricLoss:
    """The metric part of the loss and what tells whether it still teaches.

    loss: scalar. active: share of anchors whose hardest negative is not a margin farther than
    their positive, in [0, 1]. positive, negative: mean angular distance to the positive and to the
    hardest negative. All but the loss are without gradient.
    """

    loss: Tensor
    active: Tensor
    positive: Tensor
    negative: Tensor


Direction = Callable[[Tensor, Tensor, Tensor, TrainConfig], Tensor]
"""(anchors, positives, allowed negatives (b, b) bool, config) -> scalar."""


def metric_loss(batch: Embedded, config: TrainConfig) -> MetricLoss:
    """Return the loss that the config names, from anchors to positives or both ways.

    A batch in which nothing may be a negative has a loss of 0. Computes in float32.
    """
    allowed = usable(batch.blocked.to(batch.anchors.device))
    direction = _LOSSES[config.metric]
    loss = direction(batch.anchors, batch.positives, allowed, config)
    if config.both_directions:
        back = direction(batch.positives, batch.anchors, allowed, config)
        loss = (loss + back) / 2
    return MetricLoss(loss, *_watch(batch, allowed, config.margin))


@torch.no_grad()
def _watch(batch: Embedded, allowed: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
    distances = angular_distance(batch.anchors, batch.positives)  # (b, b)
    near = distances.diagonal()  # (b,)
    far = distances.masked_fill(~allowed, 1.0).amin(dim=1)  # (b,); 1 is the largest there is
    return (far < near + margin).float().mean(), near.mean(), far.mean()


def _triplet_angular(
    anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig
) -> Tensor:
    """`mean(max(0, d(a, p) - d(a, n) + margin))` with the angular distance d."""
    distances = angular_distance(anchors, positives)  # (b, b); the diagonal is the own positive
    rows, negatives = _mined(distances, allowed, config)
    hinge = torch.relu(distances.diagonal()[rows] - distances[rows, negatives] + config.margin)
    return hinge.sum() / max(len(rows), 1)


def _mined(distances: Tensor, allowed: Tensor, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Return (rows, their negatives). distances: (b, b), in the units of the margin."""
    negatives = mine(distances, allowed, config.negatives, margin=config.margin)
    rows = (negatives >= 0).nonzero().squeeze(1)
    return rows, negatives[rows]


def _mined_by_cosine(
    anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig
) -> tuple[Tensor, Tensor]:
    return _mined(1 - anchors @ positives.T, allowed, config)


def _triplet_cosine(
    anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig
) -> Tensor:
    """`mean(max(0, cos(a, n) - cos(a, p) + margin))`."""
    rows, negatives = _mined_by_cosine(anchors, positives, allowed, config)
    loss = TripletMarginLoss(config.margin, distance=CosineSimilarity(), reducer=MeanReducer())
    found = loss(anchors, indices_tuple=(rows, rows, negatives), ref_emb=positives)
    return _scalar(found, anchors, positives)


def _contrastive(
    anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig
) -> Tensor:
    """Pull positives to cosine 1, push negatives below `1 - margin` (Hadsell et al. 2006)."""
    rows, negatives = _mined_by_cosine(anchors, positives, allowed, config)
    own = torch.arange(len(anchors), device=anchors.device)
    loss = ContrastiveLoss(
        pos_margin=1.0,
        neg_margin=1.0 - config.margin,
        distance=CosineSimilarity(),
        reducer=MeanReducer(),
    )
    found = loss(anchors, indices_tuple=(own, own, rows, negatives), ref_emb=positives)
    return _scalar(found, anchors, positives)


def _cosine(anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig) -> Tensor:
    """Cosine to its label, 1 for a positive and 0 for a negative, squared error.

    The objective of Reimers and Gurevych 2019 (SBERT, arXiv 1908.10084) for labelled pairs.
    """
    rows, negatives = _mined_by_cosine(anchors, positives, allowed, config)
    cosine = nn.functional.cosine_similarity
    right = cosine(anchors, positives)
    wrong = cosine(anchors[rows], positives[negatives])
    found = torch.cat([right, wrong])
    return nn.functional.mse_loss(found, torch.cat([right * 0 + 1, wrong * 0]))


def _multiple_negatives(
    anchors: Tensor, positives: Tensor, allowed: Tensor, config: TrainConfig
) -> Tensor:
    """InfoNCE over all allowed negatives (van den Oord et al. 2018, arXiv 1807.03748)."""
    own = torch.arange(len(anchors), device=anchors.device)
    rows, negatives = allowed.nonzero(as_tuple=True)
    loss = NTXentLoss(config.temperature, distance=CosineSimilarity(), reducer=MeanReducer())
    found = loss(anchors, indices_tuple=(own, own, rows, negatives), ref_emb=positives)
    return _scalar(found, anchors, positives)


def _scalar(loss: Tensor, anchors: Tensor, positives: Tensor) -> Tensor:
    """Return the loss on the graph, also where the library had no pair and gave a plain zero."""
    return loss + 0.0 * (anchors.sum() + positives.sum())


_LOSSES: dict[str, Direction] = {
    "triplet-angular": _triplet_angular,
    "triplet-cosine": _triplet_cosine,
    "contrastive": _contrastive,
    "cosine": _cosine,
    "multiple-negatives": _multiple_negatives,
}
