"""The masked-language loss."""

from torch import Tensor, nn


def masked_language_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the summed cross entropy at the hidden positions, a scalar.

    logits: (hidden, vocabulary), labels: (hidden,) int64. 0 when nothing is hidden. A sum, since
    the mean over a batch that is read in parts is not the mean of the parts' means.
    """
    return nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
