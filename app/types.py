"""Values that travel between the layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""(dimension,) float32, length 1."""

Matrix = NDArray[np.float32]
"""(n, dimension) float32, unit rows."""


@dataclass(frozen=True)
class Item:
    """One item of the catalogue; the id belongs to the caller."""

    id: str
    title: str
    description: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    """An item found by the index. score: `1 - angular distance`, in [0, 1], higher is closer."""

    id: str
    score: float


@dataclass(frozen=True)
class Neighbour:
    """A similar item: rank from 1, score as in `Hit`."""

    item: Item
    score: float
    rank: int


@dataclass(frozen=True)
class Warned:
    """Something the caller should know about an answer that was given all the same."""

    code: str
    detail: str


@dataclass(frozen=True)
class Write:
    """An item about to be stored, with the hash of the text that is embedded for it."""

    item: Item
    text_hash: str


class Outcome(StrEnum):
    """What a write did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """The newest state of an item: its text's hash, None once the item is deleted."""

    sequence: int
    item_id: str
    text_hash: str | None


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with an input: where (`title`, `query.limit`) and what."""

    field: str
    message: str


@dataclass(frozen=True)
class Refusal:
    """A line of an import that was not taken, and why."""

    line: int
    item_id: str | None
    errors: tuple[FieldError, ...]


@dataclass(frozen=True)
class ImportState:
    """How far an import is. next_line: the first line not dealt with yet."""

    id: int
    next_line: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    finished: bool = False


@dataclass(frozen=True)
class ImportStep:
    """What one committed chunk adds to an import: it covers the lines before `next_line`."""

    state: ImportState
    next_line: int
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class IndexStatus:
    """Counts of the index. generation: its name, None while search is exact throughout."""

    generation: str | None
    generation_items: int
    generation_recall: float | None
    delta_items: int
    sequence: int
    not_embedded: int
