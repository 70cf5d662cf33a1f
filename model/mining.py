"""A matrix of distances to the indices of hard rows, without gradients."""

import torch
from torch import Tensor


@torch.no_grad()
def hardest_negatives(distances: Tensor) -> Tensor:
    """Return, for each anchor, the nearest passage that is not its own positive.

    distances: (b, b), b >= 2; the diagonal is each anchor's own positive. Result: (b,) int64.
    Raises `ValueError` for fewer than two rows: a single pair has no negative.
    """
    if distances.shape[0] < 2:
        raise ValueError("a batch needs at least two pairs to hold a negative")
    own = torch.eye(distances.shape[0], dtype=torch.bool, device=distances.device)
    return distances.masked_fill(own, float("inf")).argmin(dim=1)
