"""Vectors brought to length 1, and the angular distances of such vectors."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
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


def normalized(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the rows at length 1 in float32; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, 1)
    rows: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return rows
