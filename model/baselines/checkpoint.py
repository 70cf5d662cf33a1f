"""A MetricBERT checkpoint as a ranker, by its own encoder."""

from collections.abc import Callable
from pathlib import Path

import torch

from model.baselines.ranker import Dense
from model.encoder import load_encoder


def load_checkpoint(
    folder: Path,
    *,
    precision: torch.dtype = torch.float32,
    report: Callable[[str], None] = lambda _: None,
) -> Dense:
    """Return the ranker of a checkpoint folder. Raises `CheckpointError`."""
    encoder, _ = load_encoder(folder, precision=precision)
    return Dense(encoder.encode, report=report)
