"""Two vectors to one score, the same for every way of finding them."""

import numpy as np
from numpy.typing import NDArray

from app.types import Matrix, Vector


def scores(query: Vector, vectors: Matrix) -> NDArray[np.float64]:
    """Return `1 - angle / pi` of the query and each row: (n,) float64 in [0, 1], higher is closer.

    The angle is `2 arcsin(|a - b| / 2)`, which is exact for near vectors: identical ones score
    1.0, where `arccos` of a rounded cosine would give 0.9998.
    """
    chords = np.linalg.norm(vectors.astype(np.float64) - query.astype(np.float64), axis=1)
    angles: NDArray[np.float64] = 2.0 * np.arcsin(np.clip(chords / 2.0, 0.0, 1.0))
    return 1.0 - angles / np.pi


def nearest(query: Vector, vectors: Matrix, count: int) -> NDArray[np.int64]:
    """Return the rows of the `count` largest dot products, in no order: an exact scan."""
    if count >= len(vectors):
        return np.arange(len(vectors))
    return np.argpartition(vectors @ query, -count)[-count:].astype(np.int64)
