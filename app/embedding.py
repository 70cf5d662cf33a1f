"""The encoder behind a bounded queue: the one app file that loads torch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import torch

from app.errors import Overloaded, StartupError
from app.types import Matrix
from model.checkpoint import CheckpointError
from model.encoder import Encoder, load_encoder, quiet

_TURN_TOKENS = 2**14
"""Tokens read in a turn of the encoder, or one text: a bulk load lets a query in after each."""


class TransformerEmbedder:
    """An `Embedder` that runs a checkpoint.

    One thread owns the encoder: concurrent forward passes oversubscribe the cores and have
    crashed. At most `queue` calls wait for it; one more is refused at once.
    """

    def __init__(self, encoder: Encoder, encoder_id: str, *, queue: int) -> None:
        self.encoder_id = encoder_id
        self.dimension = encoder.dimension
        self.max_tokens = encoder.max_tokens
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._places = BoundedSemaphore(queue)
        self._texts_a_turn = max(1, _TURN_TOKENS // encoder.max_tokens)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return (n, dimension) float32 unit rows. Raises `Overloaded`."""
        if not self._places.acquire(blocking=False):
            raise Overloaded
        vectors: Matrix = np.empty((len(texts), self.dimension), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        try:
            for start in range(0, len(texts), self._texts_a_turn):
                # alike in length: little padding
                rows = by_length[start : start + self._texts_a_turn]
                wanted = [texts[row] for row in rows]
                vectors[rows] = self._thread.submit(self._encoder.encode, wanted).result()
        finally:
            self._places.release()
        return vectors

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, read or not."""
        return self._thread.submit(self._encoder.token_use, text).result().total

    def close(self) -> None:
        """Stop the encoder's thread once the work before it is done."""
        self._thread.shutdown()


def load_embedder(checkpoint: Path, *, precision: str, queue: int) -> TransformerEmbedder:
    """Load a checkpoint folder. Raises `StartupError` that says what is wrong with it.

    precision: "float32" or "bfloat16". Vectors of the second differ a little (cosine about
    0.9999), so they go by another encoder id.
    """
    quiet()
    try:
        encoder, manifest = load_encoder(checkpoint, precision=getattr(torch, precision))
    except CheckpointError as error:
        raise StartupError(
            f"{error}. METRICBERT_CHECKPOINT names the folder; "
            "`python -m model train --help` makes one"
        ) from error
    suffix = "" if precision == "float32" else f"-{precision}"
    return TransformerEmbedder(encoder, manifest.encoder_id + suffix, queue=queue)
