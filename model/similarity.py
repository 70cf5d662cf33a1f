"""Two blocks of unit vectors to a matrix of angular distances."""

import math

import torch
from torch import Tensor

_LIMIT = 1 - 1e-6
"""arccos has an infinite slope at +-1; clamped just inside, its gradient stays finite."""


def angular_distance(left: Tensor, right: Tensor) -> Tensor:
    """Return `arccos(cos) / pi` of every row of `left` with every row of `right`.

    left: (n, d), right: (m, d), unit rows. Result: (n, m) in [0, 1], 0 for the same direction;
    the clamp keeps it at or above 0.00045. Malkiel et al. 2022 (arXiv 2208.06610).
    """
    with torch.autocast(left.device.type, enabled=False):  # bfloat16 would round the limit to 1
        cosine = (left.float() @ right.float().T).clamp(-_LIMIT, _LIMIT)  # (n, m)
    return torch.arccos(cosine) / math.pi
