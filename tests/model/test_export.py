import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
)

from model.checkpoint import MANIFEST, WEIGHTS, CheckpointError, read_manifest
from model.config import ConfigError, EncoderConfig
from model.corpus import file_digest
from model.encoder import Vectors, load_encoder
from model.export import Provenance, record_metrics, save_checkpoint, save_reading
from tests.model.tiny import MAX_TOKENS, tiny_tokenizer

TEXTS = ["red cat", "The old tower, a forest!", "", "zebra 12", "fast car race " * 40]
SENTENCES = [
    "Chess",
    "Two players move wooden pieces over a board of sixty-four squares.",
    "Drive a truck across a continent, deliver freight and pay for fuel.",
    "A café owner & her ghost solve crimes in 1920s Zürich — mostly by listening.",
    "You wake in a flooded city. Nobody remembers your name, and the tide comes in at night. " * 40,
]
PROVENANCE = Provenance(name="tiny", base_model="none", data={"catalogue": "games.jsonl"})


def through_transformers(folder: Path, texts: list[str]) -> Vectors:
    """What a user of transformers writes: mean pooling over the mask, then L2 norm."""
    model = AutoModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=True, truncation=True, return_tensors="pt"
    )
    with torch.inference_mode():
        hidden = model(**tokens).last_hidden_state  # (n, length, d)
    mask = tokens["attention_mask"].unsqueeze(-1)  # (n, length, 1)
    mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)  # (n, d)
    vectors: Vectors = torch.nn.functional.normalize(mean, dim=1).numpy()
    return vectors


def through_sentence_transformers(folder: Path, texts: list[str]) -> Vectors:
    vectors: Vectors = SentenceTransformer(str(folder), device="cpu").encode(texts)
    return vectors


LIBRARIES = pytest.mark.parametrize("encode", [through_transformers, through_sentence_transformers])


def nearest(left: Vectors, right: Vectors) -> float:
    """Smallest cosine of two rows; both are of length one."""
    np.testing.assert_allclose(np.linalg.norm([left, right], axis=2), 1, atol=1e-4)
    return float(np.einsum("nd,nd->n", left, right).min())


@LIBRARIES
def test_other_libraries_give_the_same_vectors(encode: Any, checkpoint: Path) -> None:
    ours = load_encoder(checkpoint)[0].encode(TEXTS)
    assert nearest(encode(checkpoint, TEXTS[:-1]), ours[:-1]) >= 0.9999


@LIBRARIES
def test_other_libraries_cut_a_long_text_at_the_same_place(encode: Any, checkpoint: Path) -> None:
    ours = load_encoder(checkpoint)[0].encode(TEXTS[-1:])
    assert nearest(encode(checkpoint, TEXTS[-1:]), ours) >= 0.9999


@LIBRARIES
def test_other_libraries_read_the_first_window(
    encode: Any, bert: BertForMaskedLM, tmp_path: Path
) -> None:
    save_checkpoint(
        tmp_path / "out",
        bert,
        tiny_tokenizer(),
        max_tokens=16,
        max_windows=3,
        provenance=PROVENANCE,
    )
    encoder, manifest = load_encoder(tmp_path / "out")
    assert (manifest.max_windows, encoder.max_tokens) == (3, 42)
    first = " ".join(TEXTS[-1].split()[:14])  # a word is a token here
    found = encode(tmp_path / "out", [first, TEXTS[-1]])
    assert nearest(found, encoder.encode([first, first])) >= 0.9999
    assert nearest(found[1:], encoder.encode(TEXTS[-1:])) < 0.9999


@pytest.mark.slow
@LIBRARIES
@pytest.mark.parametrize("texts", [SENTENCES[:-1], SENTENCES], ids=["short", "and a long one"])
def test_other_libraries_read_the_shipped_checkpoint_alike(
    texts: list[str], encode: Any, shipped: Path
) -> None:
    encoder, _ = load_encoder(shipped)
    assert encoder.token_use(SENTENCES[-1]).total > encoder.max_tokens
    assert nearest(encode(shipped, texts), encoder.encode(texts)) >= 0.9999


def test_the_language_head_is_found_with_its_weights(
    checkpoint: Path, bert: BertForMaskedLM
) -> None:
    loaded, info = AutoModelForMaskedLM.from_pretrained(checkpoint, output_loading_info=True)
    assert not any(info.values()), info
    saved = bert.state_dict()
    assert loaded.state_dict().keys() == saved.keys()
    for name, weights in loaded.state_dict().items():
        torch.testing.assert_close(weights, saved[name], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_shipped_language_head_guesses_words(shipped: Path) -> None:
    model, info = AutoModelForMaskedLM.from_pretrained(shipped, output_loading_info=True)
    assert not any(info.values()), info
    assert model.dtype == torch.float32


def test_weights_lie_in_half_precision_and_load_in_full(checkpoint: Path) -> None:
    stored = load_file(checkpoint / WEIGHTS)
    assert {weights.dtype for weights in stored.values()} == {torch.float16}
    assert AutoModel.from_pretrained(checkpoint).dtype == torch.float32


def test_a_checkpoint_is_written_again_to_read_less(checkpoint: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(checkpoint, source)
    record_metrics(source, {"held-out items (2)": {"a": {"MRR": 1}}, "of a catalogue": {"MRR": 1}})
    before = read_manifest(source)
    after = save_reading(source, tmp_path / "out", EncoderConfig(max_tokens=16), command=["reread"])
    assert (after.max_tokens, after.files) == (16, before.files)
    assert after.encoder_id != before.encoder_id
    assert after.encoder_id.split("-")[:-1] == before.encoder_id.split("-")[:-1]
    assert after.metrics.keys() == {"held-out items (2)"}
    assert after.config["read before by"] == before.encoder_id
    assert "reads 16 tokens" in (tmp_path / "out" / "README.md").read_text("utf-8")


@LIBRARIES
def test_other_libraries_follow_the_other_reading(
    encode: Any, checkpoint: Path, tmp_path: Path
) -> None:
    save_reading(checkpoint, tmp_path / "out", EncoderConfig(max_tokens=16))
    ours = load_encoder(tmp_path / "out")[0].encode(TEXTS[-1:])
    assert nearest(encode(tmp_path / "out", TEXTS[-1:]), ours) >= 0.9999
    assert nearest(ours, load_encoder(checkpoint)[0].encode(TEXTS[-1:])) < 0.9999


def test_a_reading_longer_than_the_model_is_refused(bert: BertForMaskedLM, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", bert, tiny_tokenizer(), max_tokens=16, provenance=PROVENANCE)
    config = tmp_path / "a" / "config.json"
    manifest = tmp_path / "a" / MANIFEST
    short = config.read_text("utf-8").replace(
        '"max_position_embeddings": 512', '"max_position_embeddings": 64'
    )
    old = file_digest(config)
    config.write_text(short, "utf-8")
    new = file_digest(config)
    manifest.write_text(manifest.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match="max_tokens is 128; it must be at most 64"):
        save_reading(tmp_path / "a", tmp_path / "b", EncoderConfig(max_tokens=128))
    assert not (tmp_path / "b").exists()


def test_the_manifest_says_where_the_checkpoint_comes_from(
    bert: BertForMaskedLM, tmp_path: Path
) -> None:
    saved = save_checkpoint(
        tmp_path / "out", bert, tiny_tokenizer(), max_tokens=MAX_TOKENS, provenance=PROVENANCE
    )
    assert saved == read_manifest(tmp_path / "out")
    assert (saved.dimension, saved.max_tokens, saved.base_model) == (32, MAX_TOKENS, "none")
    assert saved.data == {"catalogue": "games.jsonl"}
    assert saved.files.keys() == {"config.json", WEIGHTS, "tokenizer.json"}


def test_saving_leaves_model_and_tokenizer_as_they_were(
    bert: BertForMaskedLM, tmp_path: Path
) -> None:
    tokenizer = tiny_tokenizer()
    save_checkpoint(tmp_path / "out", bert, tokenizer, max_tokens=16, provenance=PROVENANCE)
    assert bert.dtype == torch.float32
    assert tokenizer.model_max_length == 512


def test_an_encoder_id_does_not_depend_on_what_the_tokenizer_did_before(
    bert: BertForMaskedLM, checkpoint: Path, tmp_path: Path
) -> None:
    used = tiny_tokenizer()
    used(["red cat", "blue"], padding=True, truncation=True, max_length=8)
    saved = save_checkpoint(
        tmp_path / "out", bert, used, max_tokens=MAX_TOKENS, provenance=PROVENANCE
    )
    assert saved.encoder_id == read_manifest(checkpoint).encoder_id
    assert json.loads((tmp_path / "out" / "tokenizer.json").read_text())["truncation"] is None


def test_an_occupied_target_is_left_as_it_is(bert: BertForMaskedLM, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(CheckpointError, match=f"^{tmp_path} already exists"):
        save_checkpoint(
            tmp_path, bert, tiny_tokenizer(), max_tokens=MAX_TOKENS, provenance=PROVENANCE
        )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


class FullDisk(PreTrainedTokenizerFast):
    def save_pretrained(self, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_part_of_a_checkpoint(bert: BertForMaskedLM, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.__class__ = FullDisk
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(
            tmp_path / "out", bert, tokenizer, max_tokens=MAX_TOKENS, provenance=PROVENANCE
        )
    assert list(tmp_path.iterdir()) == []


def test_recorded_metrics_join_the_earlier_ones(bert: BertForMaskedLM, tmp_path: Path) -> None:
    before = save_checkpoint(
        tmp_path / "out", bert, tiny_tokenizer(), max_tokens=MAX_TOKENS, provenance=PROVENANCE
    )
    record_metrics(tmp_path / "out", {"first": 1.0})
    after = record_metrics(tmp_path / "out", {"experts": {"base": {"MRR": 12.5}}})
    assert after == read_manifest(tmp_path / "out")
    assert after.metrics == {"first": 1.0, "experts": {"base": {"MRR": 12.5}}}
    assert (after.encoder_id, after.files) == (before.encoder_id, before.files)
    assert "| base | 12.5 |" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_recording_leaves_no_temporary_file(bert: BertForMaskedLM, tmp_path: Path) -> None:
    save_checkpoint(
        tmp_path / "out", bert, tiny_tokenizer(), max_tokens=MAX_TOKENS, provenance=PROVENANCE
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    record_metrics(tmp_path / "out", {"first": 1.0})
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert MANIFEST in names
