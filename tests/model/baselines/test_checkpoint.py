"""A MetricBERT checkpoint as a ranker."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.baselines.checkpoint import load_checkpoint
from model.checkpoint import CheckpointError
from model.encoder import load_encoder
from tests.model.tiny import games


def test_vectors_are_those_of_the_encoder(checkpoint: Path) -> None:
    for precision in (torch.float32, torch.bfloat16):
        ranker = load_checkpoint(checkpoint, precision=precision)
        ranker.fit(games(4))
        encoder, _ = load_encoder(checkpoint, precision=precision)
        expected = encoder.encode([record.text for record in games(4)])
        np.testing.assert_array_equal(ranker.vectors, expected)


def test_other_folders_are_refused(base_folder: Path) -> None:
    with pytest.raises(CheckpointError, match=str(base_folder)):
        load_checkpoint(base_folder)
