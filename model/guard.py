"""False negatives: items of one batch that may well be similar must not be pushed apart."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from model.corpus import Record

OVERLAP = 0.5
"""Share of words in common (Jaccard) from which two texts count as nearly identical."""

_SUBTITLE = re.compile(r"\s*(?::|\s[-\u2013\u2014]\s|\().*$")
_NUMBER = re.compile(r"\s+(?:\d+|[ivx]+)$")
_WORD = re.compile(r"\w+")


def franchise(title: str) -> str:
    """Return the part of a title that its sequels and editions share.

    >>> franchise("Red Harbour II: Night Tide")
    'red harbour'
    """
    stem = _SUBTITLE.sub("", title.lower()).strip()
    return _NUMBER.sub("", stem) or stem or title.lower()


def words(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case."""
    return frozenset(_WORD.findall(text.lower()))


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the share of words in common (Jaccard), in [0, 1]; 0 for two empty sets."""
    return len(left & right) / max(len(left | right), 1)


def lookalikes(records: Sequence[Record]) -> Tensor:
    """Return which of `records` are no safe negatives of each other: (b, b) bool, symmetric.

    Two are when they share the franchise part of the title or more than `OVERLAP` of the
    description's words.
    """
    names = [franchise(record.title) for record in records]
    texts = [words(record.description) for record in records]
    blocked = torch.zeros(len(records), len(records), dtype=torch.bool)
    for i in range(len(records)):
        for j in range(i):
            alike = names[i] == names[j] or overlap(texts[i], texts[j]) > OVERLAP
            blocked[i, j] = blocked[j, i] = alike
    return blocked
