from pathlib import Path

import pytest

from model.checkpoint import read_manifest
from tests.model.commands.conftest import Command, refused


def test_a_checkpoint_reads_otherwise_in_a_new_folder(
    checkpoint: Path, command: Command, tmp_path: Path
) -> None:
    options = ("--checkpoint", checkpoint, "--max-tokens", 16, "--max-windows", 2)
    code, lines = command("reread", *options, "--out", tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert code == 0
    assert (manifest.max_tokens, manifest.max_windows) == (16, 2)
    assert manifest.config["command of this reading"][3] == "reread"
    assert lines[-1].endswith(manifest.encoder_id)


@pytest.mark.parametrize("tokens", [4, 1024])
def test_a_reading_that_cannot_be_is_one_line(
    tokens: int, checkpoint: Path, command: Command, tmp_path: Path
) -> None:
    options = ("--checkpoint", checkpoint, "--max-tokens", tokens, "--out", tmp_path / "out")
    refused(command("reread", *options), f"max_tokens is {tokens}; it must be in 8..512")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_left_alone(checkpoint: Path, command: Command) -> None:
    before = read_manifest(checkpoint)
    options = ("--checkpoint", checkpoint, "--max-tokens", 16, "--out", checkpoint)
    refused(command("reread", *options), "already exists")
    assert read_manifest(checkpoint) == before
