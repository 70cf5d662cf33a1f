"""Other items to learn from, found in the catalogue itself by the base model's vectors.

Two items that are among each other's nearest may be pairs as good as two passages of one
(self-training). Items somewhat farther are the hard negatives that no small batch holds; the
nearest are left out of those, being as likely similar as not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from model.baselines.ranker import Scores, cosines
from model.encoder import Vectors
from model.evaluation.lists import neighbour_lists

MUTUAL = 5
"""Nearest items looked at for mutual neighbours."""
RIVALS = (20, 100)
"""Places, nearest first, between which a hard negative is looked for."""


@dataclass(frozen=True)
class Neighbours:
    """Rows of other items for each of n items.

    mutual: those among the item's nearest that have it among theirs. rivals: the hard negatives.
    Both nearest first, and empty where there are none.
    """

    mutual: Sequence[Sequence[int]]
    rivals: Sequence[Sequence[int]]


class _Cosines:
    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def scores(self, queries: Sequence[int]) -> Scores:
        return cosines(self._vectors, queries)


def find_neighbours(vectors: Vectors) -> Neighbours:
    """Return the neighbours of every row among all others. vectors: (n, d) unit rows, n >= 1."""
    count = len(vectors)
    if count == 1:
        return Neighbours([[]], [[]])
    first, last = RIVALS
    lists = neighbour_lists(_Cosines(vectors), range(count), min(last, count - 1))
    near = lists[:, :MUTUAL].tolist()
    has = [set(row) for row in near]
    mutual = [[other for other in row if item in has[other]] for item, row in enumerate(near)]
    return Neighbours(mutual, lists[:, first:].tolist())
