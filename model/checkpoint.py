"""A checkpoint: one folder with weights, tokenizer, manifest and card.

The folder loads with `model.encoder.load_encoder`, with transformers (`AutoModel` and
`AutoModelForMaskedLM`) and with sentence-transformers. Reading the manifest needs no torch.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.corpus import file_digest
from model.text import RECIPE

FORMAT_VERSION = 1
MANIFEST = "metricbert.json"
WEIGHTS = "model.safetensors"
VECTOR_FILES = ("config.json", WEIGHTS, "tokenizer.json")
"""The files that decide about vectors; a manifest lists the SHA-256 of each."""


class CheckpointError(ValueError):
    """The folder cannot be used as a checkpoint; the message names the folder and what is wrong."""


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint says of itself.

    encoder_id: names weights, tokenizer and reading together; equal ids give equal vectors.
    max_tokens: tokens in one window, special ones included. max_windows: windows read of a text.
    files: SHA-256 of every file that decides about vectors. data, config, metrics: where it comes
    from and what it measured.
    """

    encoder_id: str
    dimension: int
    max_tokens: int
    text_recipe: str
    base_model: str
    files: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    max_windows: int = 1  # what checkpoints without the field read
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Return the manifest as it stands in the folder."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def refuse_occupied(folder: Path) -> None:
    """Raise `CheckpointError` when `folder` exists and holds something: nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CheckpointError(f"{folder} already exists; choose another folder or remove it first")


def publish(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a temporary folder beside `folder`, then rename it into place.

    A run that is killed leaves a temporary folder behind, never half a checkpoint.
    """
    refuse_occupied(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fill(temporary)
        temporary.chmod(0o755)
        for path in temporary.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors writes for the owner alone
            _sync(path)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digests(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of the named files, in hex."""
    return {name: file_digest(folder / name) for name in names}


def folder_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder by its path in it, none for no folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return digests(folder, tuple(sorted(str(path.relative_to(folder)) for path in paths)))


def encoder_id(
    name: str, files: Mapping[str, str], *, max_tokens: int, max_windows: int = 1
) -> str:
    """Return `name` and a digest of everything that decides about a vector."""
    facts: list[object] = [RECIPE, max_tokens, sorted(files.items())]
    if max_windows != 1:  # ids from before there were windows stay what they are
        facts.append(max_windows)
    return f"{name}-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]}"


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a checkpoint: format, text recipe, and every file's digest.

    Raises `CheckpointError` that says what is wrong and what to do.
    """
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: no such checkpoint folder; train one or set the right path"
        )
    manifest = _manifest(folder, _parse(folder))
    if manifest.text_recipe != RECIPE:
        raise CheckpointError(
            f"{folder}: trained on text recipe {manifest.text_recipe!r}, this program writes "
            f"{RECIPE!r}; train again or use the matching release"
        )
    _check_files(folder, manifest.files)
    return manifest


def _manifest(folder: Path, facts: Mapping[str, Any]) -> Manifest:
    version = facts.get("format_version")  # first: another version may have other fields
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder}: format version {version}, this program reads {FORMAT_VERSION}; "
            "use the matching release"
        )
    try:
        manifest = Manifest(**facts)
    except TypeError as error:
        raise CheckpointError(f"{folder / MANIFEST}: damaged manifest: {error}") from error
    kinds = {"dimension": int, "max_tokens": int, "max_windows": int, "files": dict}
    for name, kind in kinds.items():
        if not isinstance(getattr(manifest, name), kind):
            raise CheckpointError(
                f"{folder / MANIFEST}: damaged manifest: {name} is no {kind.__name__}"
            )
    return manifest


def _parse(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder}: no {MANIFEST}; this is not a MetricBERT checkpoint"
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged manifest: {error}") from error
    if not isinstance(facts, dict) or "format_version" not in facts:
        raise CheckpointError(f"{path}: damaged manifest: it states no format_version")
    return facts


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name in VECTOR_FILES:
        if name not in files:
            raise CheckpointError(f"{folder / MANIFEST}: damaged manifest: it lists no {name}")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{folder}: {name} is missing; copy the checkpoint again")
        if file_digest(path) != expected:
            raise CheckpointError(
                f"{folder}: {name} is not the file that was saved (SHA-256 differs); "
                "copy the checkpoint again"
            )
