"""The encoder behind its queue, with the checkpoint that ships."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.embedding import TransformerEmbedder, load_embedder
from model.checkpoint import MANIFEST
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


@pytest.fixture
def windowed(tmp_path: Path) -> Iterator[TransformerEmbedder]:
    """The shipped encoder as it would read two windows of a text."""
    for path in CHECKPOINT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / MANIFEST).unlink()
    facts = json.loads((CHECKPOINT / MANIFEST).read_text(encoding="utf-8"))
    (tmp_path / MANIFEST).write_text(json.dumps({**facts, "max_windows": 2}), encoding="utf-8")
    embedder = load_embedder(tmp_path, precision="float32", queue=4)
    yield embedder
    embedder.close()


def test_several_windows_count_as_read(windowed: TransformerEmbedder) -> None:
    window = json.loads((CHECKPOINT / MANIFEST).read_text(encoding="utf-8"))["max_tokens"] - 2
    read = 2 * window
    assert windowed.max_tokens == read
    assert windowed.count_tokens("lamp " * (read + 1)) == read + 1
    ends = ("sea", "sea, sky", "")
    full, cut, begun = windowed.embed(["lamp " * (read - 1) + end for end in ends])
    assert float(full @ cut) >= 0.9999 > float(full @ begun)


def test_texts_of_several_windows_keep_their_order_over_the_encoders_turns(
    windowed: TransformerEmbedder,
) -> None:
    texts = [f"a game about {n} lamps. " + "stone tower " * (n % 3 * 120) for n in range(36)]
    together = windowed.embed(texts)
    for row in (0, 1, 23, 35):
        assert float(together[row] @ windowed.embed([texts[row]])[0]) >= 0.9999
