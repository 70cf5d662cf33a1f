"""Records to (anchor, positive) pairs: two passages of one item, and a split of the items."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.corpus import Record

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Pair:
    """Two passages of the item `id`: the pseudo-label says that they belong together."""

    id: str
    anchor: str
    positive: str


def sentences(text: str) -> list[str]:
    """Split a cleaned text behind full stops, exclamation and question marks."""
    return [part for part in _SENTENCE_END.split(text) if part]


def draw_pair(record: Record, rng: random.Random) -> Pair:
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


def split(
    records: Sequence[Record], *, heldout: float, seed: int
) -> tuple[list[Record], list[Record]]:
    """Return (train, held-out) records; no item is in both. The same seed gives the same split."""
    shuffled = list(records)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - reproducible, not secret
    count = round(len(shuffled) * heldout)
    return shuffled[count:], shuffled[:count]


def pair_batches(records: Sequence[Record], *, size: int, seed: int) -> Iterator[list[Pair]]:
    """Yield batches of pairs for ever: every epoch shuffles the items and draws new passages.

    No item is twice in a batch, since a batch is a slice of one shuffle; an epoch's last, short
    batch is left out. Raises `ValueError` when there are fewer records than a batch holds.
    """
    if len(records) < size:
        raise ValueError(f"{len(records)} records cannot fill a batch of {size}")
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        order = rng.sample(list(records), len(records))
        for start in range(0, len(order) - size + 1, size):
            yield [draw_pair(record, rng) for record in order[start : start + size]]
