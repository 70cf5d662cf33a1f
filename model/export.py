"""Writes a trained model as a checkpoint folder that three libraries load alike."""

import copy
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.card import card
from model.checkpoint import (
    MANIFEST,
    VECTOR_FILES,
    Manifest,
    digests,
    encoder_id,
    publish,
    read_manifest,
)
from model.config import EncoderConfig
from model.text import RECIPE

HELD_OUT = "held-out items"
"""How the title begins of what was measured on passages: it holds however much a model reads."""


@dataclass(frozen=True)
class Provenance:
    """Where a checkpoint comes from; it travels in the manifest and the card."""

    name: str
    base_model: str
    data: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(  # noqa: PLR0913 - the parts of a checkpoint, each under its name
    folder: Path,
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_tokens: int,
    max_windows: int = 1,
    provenance: Provenance,
) -> Manifest:
    """Write the model, MLM head included, in half precision to a new folder.

    max_tokens, max_windows: how much of a text its encoder reads, see `EncoderConfig`. Libraries
    that know no windows read the first one.
    Raises `CheckpointError` when the folder holds something already, `OSError` when it cannot be
    written; in both cases no part of a checkpoint is left at `folder`.
    """

    def fill(target: Path) -> None:
        copy.deepcopy(model).half().save_pretrained(target)
        _plain(tokenizer, max_tokens).save_pretrained(target)
        _declare_float32(target / "config.json")
        _describe_for_sentence_transformers(target, model.config.hidden_size, max_tokens)
        files = digests(target, VECTOR_FILES)
        manifest = Manifest(
            encoder_id=encoder_id(
                provenance.name, files, max_tokens=max_tokens, max_windows=max_windows
            ),
            dimension=model.config.hidden_size,
            max_tokens=max_tokens,
            max_windows=max_windows,
            text_recipe=RECIPE,
            base_model=provenance.base_model,
            files=files,
            data=provenance.data,
            config=provenance.config,
            metrics=provenance.metrics,
        )
        _write_about(target, manifest)

    publish(folder, fill)
    return read_manifest(folder)


def save_reading(
    source: Path, folder: Path, reading: EncoderConfig, *, command: Sequence[str] = ()
) -> Manifest:
    """Write the checkpoint `source` again, to a new folder, to read more or less of a text.

    The weights stay as they are, the id changes. What was measured on held-out passages stays; how
    a catalogue was ranked is left out, being that of the other reading.
    Raises `CheckpointError` as `save_checkpoint` does, and for a source that is none; `ConfigError`
    for more tokens at once than the model reads.
    """
    before = read_manifest(source)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    reading.require_positions(config["max_position_embeddings"])
    tokens, windows = reading.max_tokens, reading.max_windows
    name = before.encoder_id.rpartition("-")[0]
    changes = {"read before by": before.encoder_id, "command of this reading": list(command)}

    def fill(target: Path) -> None:
        shutil.copytree(source, target, dirs_exist_ok=True)
        _change(target / "tokenizer_config.json", model_max_length=tokens)
        _change(target / "sentence_bert_config.json", max_seq_length=tokens)
        manifest = replace(
            before,
            encoder_id=encoder_id(name, before.files, max_tokens=tokens, max_windows=windows),
            max_tokens=tokens,
            max_windows=windows,
            config={**before.config, **changes},
            metrics={key: rows for key, rows in before.metrics.items() if key.startswith(HELD_OUT)},
        )
        _write_about(target, manifest)

    publish(folder, fill)
    return read_manifest(folder)


def record_metrics(folder: Path, metrics: dict[str, Any]) -> Manifest:
    """Add measurements to the manifest and the card of an existing checkpoint."""
    manifest = read_manifest(folder)
    updated = replace(manifest, metrics={**manifest.metrics, **metrics})
    _write_about(folder, updated)
    return updated


def _write_about(folder: Path, manifest: Manifest) -> None:
    for name, text in ((MANIFEST, manifest.to_json()), ("README.md", card(manifest))):
        temporary = folder / f".{name}.tmp"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)


def _plain(tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> PreTrainedTokenizerBase:
    """Return a copy that cuts at `max_tokens` and keeps nothing of how it was last called."""
    plain = copy.deepcopy(tokenizer)
    plain.model_max_length = max_tokens
    plain.backend_tokenizer.no_truncation()
    plain.backend_tokenizer.no_padding()
    return plain


def _declare_float32(path: Path) -> None:
    # the file holds float16 to be half as large; every loader shall compute in float32
    _change(path, dtype="float32")


def _change(path: Path, **values: object) -> None:
    content = {**json.loads(path.read_text(encoding="utf-8")), **values}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _describe_for_sentence_transformers(folder: Path, dimension: int, max_tokens: int) -> None:
    modules = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    described: dict[str, Any] = {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": max_tokens, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": dimension,
            "pooling_mode_mean_tokens": True,
        },
    }
    for name, content in described.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
