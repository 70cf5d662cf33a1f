"""The encoder behind its queue, with the checkpoint that ships."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.embedding import TransformerEmbedder, load_embedder
from tests.processes import CHECKPOINT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the shipped checkpoint is not there"),
]
TEXTS = [f"a game about {n} lamps" + " that flicker" * (n % 60) for n in range(150)]


@pytest.fixture(scope="module")
def embedder() -> Iterator[TransformerEmbedder]:
    """The shipped encoder in float32."""
    embedder = load_embedder(CHECKPOINT, precision="float32", queue=4)
    yield embedder
    embedder.close()


def test_many_texts_keep_their_order_and_their_vectors(embedder: TransformerEmbedder) -> None:
    together = embedder.embed(TEXTS)
    for row in (0, 59, 64, 149):
        assert float(together[row] @ embedder.embed([TEXTS[row]])[0]) >= 0.9999
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_bfloat16_gives_near_vectors_under_another_name(embedder: TransformerEmbedder) -> None:
    half = load_embedder(CHECKPOINT, precision="bfloat16", queue=4)
    cosines = (half.embed(TEXTS[:40]) * embedder.embed(TEXTS[:40])).sum(axis=1)
    assert np.min(cosines) >= 0.999
    assert half.encoder_id == f"{embedder.encoder_id}-bfloat16"
    half.close()
