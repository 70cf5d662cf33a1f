"""Rankers whose scores are given, and a catalogue to rank."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.corpus import Record, Tag
from tests.model.tiny import games


class Fixed:
    """Gives the rows of a table, (items, items); remembers what it was asked for."""

    def __init__(self, table: NDArray[np.float32]) -> None:
        self.table = table
        self.asked: list[list[int]] = []

    def scores(self, queries: Sequence[int]) -> NDArray[np.float32]:
        self.asked.append(list(queries))
        return self.table[list(queries)]


def drawn(items: int, *, seed: int = 0) -> Fixed:
    return Fixed(np.random.default_rng(seed).random((items, items), dtype=np.float32))


def coloured(count: int) -> list[Record]:
    """Games of two colours, in turn, and some with both; the last has none."""
    tags: list[tuple[Tag, ...]] = [(("colour", "red" if i % 2 else "blue"),) for i in range(count)]
    tags[0] = (("colour", "red"), ("colour", "blue"))
    tags[-1] = ()
    return [
        Record(r.id, r.title, r.description, tag) for r, tag in zip(games(count), tags, strict=True)
    ]
