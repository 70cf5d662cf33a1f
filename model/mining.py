"""A matrix of distances to the negatives that are learned from, without gradients."""

import torch
from torch import Tensor


def usable(blocked: Tensor) -> Tensor:
    """Return which passages may be a negative of which anchor: not blocked, not its own positive.

    blocked: (b, b) bool. Result: (b, b) bool.
    """
    own = torch.eye(len(blocked), dtype=torch.bool, device=blocked.device)
    return ~(blocked | own)


@torch.no_grad()
def mine(distances: Tensor, allowed: Tensor, strategy: str, *, margin: float) -> Tensor:
    """Return a negative for each anchor, or -1 where none is allowed.

    distances: (b, b), lower is nearer, the diagonal is each anchor's own positive. allowed:
    (b, b) bool. Result: (b,) int64.
    `hardest` is the nearest. `semi-hard` is the nearest among those farther than the positive but
    inside the margin, the hardest where there are none (Schroff et al. 2015, FaceNet). `random`
    draws evenly from torch's generator.
    """
    if strategy == "random":
        keys = torch.rand(distances.shape, device="cpu").to(distances.device)
    elif strategy == "semi-hard":
        own = distances.diagonal().unsqueeze(1)  # (b, 1)
        semi = allowed & (distances > own) & (distances < own + margin)
        allowed = torch.where(semi.any(dim=1, keepdim=True), semi, allowed)
        keys = distances
    else:
        keys = distances
    chosen = keys.masked_fill(~allowed, float("inf")).argmin(dim=1)
    return torch.where(allowed.any(dim=1), chosen, -1)
