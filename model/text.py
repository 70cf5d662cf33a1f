"""The one function that turns an item into the exact string that is embedded.

Standard library only: training and serving both import it, so they cannot disagree.
"""

import hashlib
import re
import unicodedata

RECIPE = "title-description-v1"
"""Name of the text recipe; saved with every checkpoint and refused on load when it differs."""

_SPACE = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates, those left out that are white space."""


def clean(text: str) -> str:
    """Return `text` in Unicode NFC, white space runs as one space, control characters left out."""
    composed = unicodedata.normalize("NFC", _UNPRINTABLE.sub("", text))
    return _SPACE.sub(" ", composed).strip()


def item_text(title: str, description: str) -> str:
    r"""Return the string that stands for an item.

    >>> item_text("Pong", "Two paddles and\n a ball.")
    'Pong. Two paddles and a ball.'
    """
    parts = [part for part in (clean(title), clean(description)) if part]
    return ". ".join(parts)


def text_hash(text: str) -> str:
    """Return the SHA-256 of the embedded string, in hex: one hash, one vector per model."""
    return hashlib.sha256(text.encode()).hexdigest()
