"""Records to (anchor, positive) pairs: passages of one item, and a split of the items.

Every draw is a function of the seed and the step, so a resumed run sees what an unbroken one saw.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from model.corpus import Record
from model.neighbours import Neighbours
from model.text import item_text

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_POOL = 16
"""Batches whose items are sorted by length together."""
_DELETED = 0.6
"""Share of words that a noised passage loses (Wang et al. 2021, TSDAE, arXiv 2104.06979)."""


@dataclass(frozen=True)
class Pair:
    """Two passages of the item `id`: the pseudo-label says that they belong together."""

    id: str
    anchor: str
    positive: str


Draw = Callable[[Record, random.Random], Pair]


def sentences(text: str) -> list[str]:
    """Split a cleaned text behind full stops, exclamation and question marks."""
    return [part for part in _SENTENCE_END.split(text) if part]


def halves(record: Record, rng: random.Random) -> Pair:
    """Draw two passages that share no sentence.

    The sentences of the description are dealt into two random halves, each kept in reading
    order. A description of one sentence is paired with the title instead.
    """
    parts = list(dict.fromkeys(sentences(record.description)))  # a repeated one counts once
    if len(parts) < 2:
        return Pair(record.id, record.title, record.description)
    chosen = set(rng.sample(range(len(parts)), len(parts) // 2))
    anchor = " ".join(part for i, part in enumerate(parts) if i in chosen)
    positive = " ".join(part for i, part in enumerate(parts) if i not in chosen)
    return Pair(record.id, anchor, positive)


def titled_halves(record: Record, rng: random.Random) -> Pair:
    """Draw halves, the title before one of them: items are served with their title."""
    pair = halves(record, rng)
    if pair.anchor == record.title:
        return pair
    return Pair(record.id, item_text(record.title, pair.anchor), pair.positive)


def whole_half(record: Record, rng: random.Random) -> Pair:
    """Draw the text as it is served, and a half of its description."""
    return Pair(record.id, record.text, halves(record, rng).positive)


def identical(record: Record, _: random.Random) -> Pair:
    """Return the text twice: dropout alone sets the two apart (SimCSE, arXiv 2104.08821)."""
    return Pair(record.id, record.text, record.text)


def noised(record: Record, rng: random.Random) -> Pair:
    """Return the text with most words deleted, and whole (TSDAE, arXiv 2104.06979)."""
    words = record.text.split()
    kept = [word for word in words if rng.random() >= _DELETED] or [rng.choice(words)]
    return Pair(record.id, " ".join(kept), record.text)


def title_description(record: Record) -> Pair:
    """Return the title and the description."""
    return Pair(record.id, record.title, record.description)


DRAWS: dict[str, Draw] = {
    "halves": halves,
    "titled-halves": titled_halves,
    "whole-half": whole_half,
    "identical": identical,
    "noised": noised,
}
"""The values of the setting `passages`."""


def split(
    records: Sequence[Record], *, heldout: float, seed: int
) -> tuple[list[Record], list[Record]]:
    """Return (train, held-out) records; no item is in both. The same seed gives the same split."""
    shuffled = list(records)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - reproducible, not secret
    count = round(len(shuffled) * heldout)
    return shuffled[count:], shuffled[:count]


@dataclass(frozen=True)
class Drawing:
    """How pairs are made, and what shares a batch.

    title_share: share of pairs that are title and description. neighbours: of the records; without
    them there is neither of the following. mutual: share of pairs whose positive is a passage of a
    mutual neighbour. mined: hard negatives that come with an item into its batch.
    """

    draw: Draw = halves
    title_share: float = 0.0
    neighbours: Neighbours | None = None
    mutual: float = 0.0
    mined: int = 0


_HALVES = Drawing()


class PairSchedule:
    """Which pairs a step trains on: a function of the seed and the step alone.

    Every epoch shuffles the items. Items of like length share a batch: little is spent on
    padding, and length tells no positive from a negative. No item is twice in a batch; the items
    that do not fill an epoch's last batch are left out of it.
    """

    def __init__(
        self,
        records: Sequence[Record],
        *,
        size: int,
        seed: int,
        drawing: Drawing = _HALVES,
    ) -> None:
        """Raise `ValueError` when there are fewer records than a batch holds."""
        if len(records) < size:
            raise ValueError(f"{len(records)} records cannot fill a batch of {size}")
        self._records = records
        self._size = size
        self._seed = seed
        self._drawing = drawing
        self._epoch = -1
        self._batches: list[list[int]] = []

    @property
    def steps_per_epoch(self) -> int:
        """Batches in which every item occurs at most once."""
        return len(self._records) // self._size

    def at(self, step: int) -> list[Pair]:
        """Return the pairs of step `step`, counted from 0."""
        epoch, number = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._deal(epoch)
        rng = random.Random(f"{self._seed} step {step}")  # noqa: S311 - reproducible
        rows = self._batches[number]
        return [self._pair(row, rows, rng) for row in rows]

    def _deal(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self._seed} epoch {epoch}")  # noqa: S311 - reproducible
        order = rng.sample(range(len(self._records)), self.steps_per_epoch * self._size)
        groups = self._grouped(order, rng)
        pool = self._size * _POOL
        rows: list[int] = []
        for start in range(0, len(groups), pool):
            for group in sorted(groups[start : start + pool], key=self._length):
                rows += group
        batches = [rows[i : i + self._size] for i in range(0, len(rows), self._size)]
        rng.shuffle(batches)
        return batches

    def _grouped(self, order: Sequence[int], rng: random.Random) -> list[list[int]]:
        """Return every row once, alone or with hard negatives that are in no group before."""
        near, mined = self._drawing.neighbours, self._drawing.mined
        if near is None or not mined:
            return [[row] for row in order]
        free, groups = set(order), []
        for row in order:
            if row in free:
                free.discard(row)
                left = [rival for rival in near.rivals[row] if rival in free]
                group = [row, *rng.sample(left, min(mined, len(left)))]
                free.difference_update(group)
                groups.append(group)
        return groups

    def _length(self, group: Sequence[int]) -> int:
        return len(self._records[group[0]].description)

    def _pair(self, row: int, batch: Sequence[int], rng: random.Random) -> Pair:
        how, record = self._drawing, self._records[row]
        if how.title_share and rng.random() < how.title_share:
            return title_description(record)
        pair = how.draw(record, rng)
        if how.neighbours is None or not how.mutual:
            return pair
        # one in the batch would be a negative of its own passage
        partners = [other for other in how.neighbours.mutual[row] if other not in batch]
        if not partners or rng.random() >= how.mutual:
            return pair
        partner = how.draw(self._records[rng.choice(partners)], rng)
        return replace(pair, positive=partner.positive)
