"""`python -m model reread`: a checkpoint again, reading more or less of a text."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from model.config import EncoderConfig
from model.export import save_reading


def reread(
    *,
    checkpoint: Annotated[Path, typer.Option(help="folder of a trained checkpoint")],
    out: Annotated[Path, typer.Option(help="new folder for the other reading")],
    max_tokens: Annotated[int, typer.Option(help="tokens it reads at once")],
    max_windows: Annotated[int, typer.Option(help="such windows of a longer text")] = 1,
) -> None:
    """Write a checkpoint again that reads more or less of a text, its weights as they are."""
    reading = EncoderConfig(max_tokens=max_tokens, max_windows=max_windows)
    command = ["python", "-m", "model", *sys.argv[1:]]
    manifest = save_reading(checkpoint, out, reading, command=command)
    typer.echo(f"{out}: {manifest.encoder_id}")
