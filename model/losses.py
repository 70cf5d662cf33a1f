"""Vectors to one scalar: the MetricBERT objective."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.mining import hardest_negatives
from model.similarity import angular_distance


@dataclass(frozen=True)
class MetricLoss:
    """The metric part of the loss and what tells whether it still teaches.

    loss: scalar. active: share of triplets inside the margin, in [0, 1]. positive, negative: mean
    angular distance to the positive and to the hardest negative, scalars without gradient.
    """

    loss: Tensor
    active: Tensor
    positive: Tensor
    negative: Tensor


def triplet_loss(anchors: Tensor, positives: Tensor, margin: float) -> MetricLoss:
    """Return the margin triplet loss on angular distance with the hardest in-batch negative.

    anchors, positives: (b, d) unit rows, b >= 2, row i of both from one item.
    `mean(max(0, d(a, p) - d(a, n) + margin))`, Malkiel et al. 2022 (arXiv 2208.06610).
    """
    distances = angular_distance(anchors, positives)  # (b, b); the diagonal is the own positive
    near = distances.diagonal()  # (b,)
    far = distances.gather(1, hardest_negatives(distances).unsqueeze(1)).squeeze(1)  # (b,)
    hinge = torch.relu(near - far + margin)
    return MetricLoss(
        loss=hinge.mean(),
        active=(hinge.detach() > 0).float().mean(),
        positive=near.detach().mean(),
        negative=far.detach().mean(),
    )


def masked_language_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross entropy at the masked positions.

    logits: (masked, vocabulary), labels: (masked,) int64. 0 when nothing is masked, so that a
    batch of very short texts does not turn the whole loss into NaN.
    """
    if labels.numel() == 0:
        return logits.sum() * 0.0
    return nn.functional.cross_entropy(logits.float(), labels)
