"""What every baseline is: fitted on a catalogue, it scores every item for some of its rows."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from model.corpus import Record
from model.encoder import Vectors, encode_many

Scores = NDArray[np.float32]
"""(queries, items) float32, all finite; the higher, the nearer. Scales differ among rankers."""


class BaselineError(ValueError):
    """A baseline cannot be had or used; the message names it and says what to do."""


class WeightsUnavailable(BaselineError):
    """The weights of a baseline are not on this machine: its row has no numbers."""

    def __init__(self, name: str, tried: str) -> None:
        super().__init__(
            f"{name}: weights not available: {tried}. Give the path of a folder that holds the "
            "weights and the tokenizer"
        )
        self.name = name
        self.tried = tried


class Ranker(Protocol):
    """Fit once, then ask for scores as often as needed."""

    def fit(self, records: Sequence[Record]) -> None:
        """Read the catalogue: at least one record. A second call forgets the first."""

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return the scores of all fitted records for the query rows: (queries, records).

        queries: row numbers of fitted records. A query's score for itself means nothing.
        """


@runtime_checkable
class VectorRanker(Ranker, Protocol):
    """A ranker by cosine of vectors, which label-free measures can look at."""

    vectors: Vectors
    """(records, d) float32 unit rows after `fit`, no rows before. A row may be zero if its text
    gives nothing to go by."""


class Dense:
    """Ranks by the cosine of one vector an item."""

    def __init__(
        self,
        encode: Callable[[Sequence[str]], Vectors],
        *,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`encode` turns n texts into (n, d) unit rows; `report` takes a line of progress."""
        self._encode = encode
        self._report = report
        self._records: Sequence[Record] = ()
        self.vectors: Vectors = np.zeros((0, 0), dtype=np.float32)

    def fit(self, records: Sequence[Record]) -> None:
        """Encode the text of every record; the same list a second time costs nothing."""
        if records is self._records:
            return
        read = 0

        def done(count: int) -> None:
            nonlocal read
            read += count
            self._report(f"  {read} of {len(records)} texts")

        self.vectors = encode_many(self._encode, [record.text for record in records], done=done)
        self._records = records

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return cosines: (queries, records), in [-1, 1]."""
        return cosines(self.vectors, queries)


def cosines(vectors: Vectors, queries: Sequence[int]) -> Scores:
    """Return the dot products of the rows `queries` with all rows: (queries, n)."""
    scores: Scores = vectors[list(queries)] @ vectors.T  # (queries, d) @ (d, n)
    return scores
