"""Other items to learn from, found in the catalogue itself by the base model's vectors.

Two items that are among each other's nearest may be pairs as good as two passages of one
(self-training). Items somewhat farther are the hard negatives that no small batch holds; the
nearest are left out of those, being as likely similar as not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

MUTUAL = 5
"""Nearest items looked at for mutual neighbours."""
RIVALS = (20, 100)
"""Places, nearest first, between which a hard negative is looked for."""
_BLOCK = 512
"""Items whose neighbours are found at once: 512 x 32,673 cosines take 64 MiB."""


@dataclass(frozen=True)
class Neighbours:
    """Rows of other items for each of n items.

    mutual: those among the item's nearest that have it among theirs. rivals: the hard negatives.
    Both nearest first, and empty where there are none.
    """

    mutual: Sequence[Sequence[int]]
    rivals: Sequence[Sequence[int]]


def find_neighbours(vectors: Matrix) -> Neighbours:
    """Return the neighbours of every row among all others. vectors: (n, d) unit rows."""
    count = len(vectors)
    first, last = RIVALS
    kept = min(last, count - 1)
    nearest = np.empty((count, kept), dtype=np.int64)
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        cosines = vectors[rows] @ vectors.T  # (block, n)
        cosines[np.arange(len(rows)), rows] = -2.0  # below any cosine: itself comes last
        some = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
        order = np.argsort(-np.take_along_axis(cosines, some, axis=1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(some, order, axis=1)
    close = [set(row) for row in nearest[:, :MUTUAL].tolist()]
    return Neighbours(
        [
            [other for other in row if item in close[other]]
            for item, row in enumerate(nearest[:, :MUTUAL].tolist())
        ],
        nearest[:, first:].tolist(),
    )
