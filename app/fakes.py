"""Parts for tests: the same protocols, no weights."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.types import Matrix, Vector

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Texts with common words get near vectors: each word adds a random direction of its own."""

    def __init__(
        self, dimension: int = 64, encoder_id: str = "hashing-1", max_tokens: int = 50
    ) -> None:
        self.encoder_id = encoder_id
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit rows; remembers the texts in `embedded`."""
        self.embedded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        """Return the number of words."""
        return len(_WORD.findall(text))

    def close(self) -> None:
        """Do nothing."""

    def _vector(self, text: str) -> Vector:
        words = _WORD.findall(text.lower())[: self.max_tokens] or [""]
        total = np.sum([self._direction(word) for word in words], axis=0)
        vector: Vector = (total / np.linalg.norm(total)).astype(np.float32)
        return vector

    def _direction(self, word: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        return np.random.default_rng(seed).normal(size=self.dimension)
