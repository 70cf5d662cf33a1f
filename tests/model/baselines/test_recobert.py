"""RecoBERT's four scores, and the folder it is kept in."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.baselines.ranker import BaselineError, WeightsUnavailable
from model.baselines.recobert import SETTINGS, RecoBert, load_recobert, untrained
from model.baselines.title_description import RecoBertConfig
from model.encoder import Encoder
from tests.model.tiny import MAX_TOKENS, games


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(1 + first @ second) / 2


def test_scores_are_the_sum_of_four(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast, encoder: Encoder
) -> None:
    records = games(5)
    ranker = RecoBert(bert, tokenizer, max_tokens=MAX_TOKENS)
    ranker.fit(records)
    titles = encoder.encode([record.title for record in records])
    descriptions = encoder.encode([record.description for record in records])
    scores = ranker.scores([1, 3])
    assert scores.dtype == np.float32
    for row, s in enumerate([1, 3]):
        for c in range(5):
            expected = likeness(titles[s], titles[c]) + likeness(descriptions[s], descriptions[c])
            expected += likeness(titles[s], descriptions[c]) + likeness(titles[c], descriptions[s])
            assert abs(scores[row, c] - expected) < 1e-5


def test_a_trained_model_is_kept_and_loads(base_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trained"
    training = RecoBertConfig(base=str(base_folder), steps=2, batch_size=4, folder=folder)
    lines: list[str] = []
    ranker = untrained(training, download=False, report=lines.append)
    ranker.fit(games(6))
    ranker.fit(games(6))  # trains once
    assert [line.split(",")[0] for line in lines] == [f"RecoBERT: step {i} of 2" for i in (1, 2)]
    loaded = load_recobert(folder)
    loaded.fit(games(6))
    np.testing.assert_allclose(loaded.scores(range(6)), ranker.scores(range(6)), atol=1e-6)
    assert json.loads((folder / SETTINGS).read_text("utf-8"))["training"]["steps"] == 2


@pytest.mark.parametrize("text", ["", "[]", '{"format_version": 9}'])
def test_folders_of_another_kind_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="trains one"):
        load_recobert(tmp_path)
    (tmp_path / SETTINGS).write_text(text, encoding="utf-8")
    with pytest.raises(BaselineError, match=str(tmp_path)):
        load_recobert(tmp_path)


def test_a_missing_base_is_unavailable() -> None:
    with pytest.raises(WeightsUnavailable, match="no/such"):
        untrained(RecoBertConfig(base="no/such"), download=False)
