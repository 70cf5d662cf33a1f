"""The training of RecoBERT: its pairs, its loss and that it learns."""

import copy
import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from numpy.random import default_rng
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.baselines.ranker import BaselineError
from model.baselines.title_description import (
    RecoBertConfig,
    Tokens,
    draw_title,
    losses,
    pair_batches,
    title_description_loss,
    train,
)
from model.checkpoint import CheckpointError
from model.corpus import Record
from tests.model.tiny import WORDS, games, tiny_bert, unit_rows

QUICK = RecoBertConfig(steps=30, batch_size=8, max_tokens=24, learning_rate=3e-3)


def test_title_description_loss_matches_a_plain_loop() -> None:
    titles, descriptions = unit_rows(5, 8, seed=0), unit_rows(5, 8, seed=1)
    own = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    expected = 0.0
    for title, description, label in zip(titles, descriptions, own, strict=True):
        chance = (1 + float(title @ description)) / 2
        expected -= math.log(chance if label else 1 - chance) / 5
    assert abs(float(title_description_loss(titles, descriptions, own)) - expected) < 1e-5


def test_equal_vectors_of_a_wrong_pair_have_a_finite_gradient() -> None:
    rows = unit_rows(2, 8, seed=0).requires_grad_()
    title_description_loss(rows, rows.detach(), torch.zeros(2)).backward()
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_half_of_the_titles_are_drawn_from_the_catalogue() -> None:
    records, rng = games(50), default_rng(0)
    own = sum(draw_title(records, 7, rng) == records[7].title for _ in range(1000))
    assert 0.45 < own / 1000 < 0.6  # the own title is drawn once in 50 as well


def read(tokenizer: PreTrainedTokenizerFast, tokens: Tokens) -> list[str]:
    """The texts of a batch, masks taken off."""
    whole = torch.where(tokens["labels"] == -100, tokens["input_ids"], tokens["labels"])
    return tokenizer.batch_decode(whole, skip_special_tokens=True)


def test_batches_tell_own_titles_and_visit_every_item(tokenizer: PreTrainedTokenizerFast) -> None:
    records = [Record(word, word, f"{word} {word}") for word in WORDS[:8]]
    batches = pair_batches(tokenizer, records, RecoBertConfig(batch_size=4))
    descriptions, own = [], []
    for batch in itertools.islice(batches, 2):
        titles = read(tokenizer, batch.titles)
        descriptions += read(tokenizer, batch.descriptions)
        own += batch.own.tolist()
        assert own[-4:] == [
            a == b.split()[0] for a, b in zip(titles, descriptions[-4:], strict=True)
        ]
    assert sorted(descriptions) == sorted(record.description for record in records)
    assert 0 < sum(own) < 8


def test_batches_mask_and_cut(tokenizer: PreTrainedTokenizerFast) -> None:
    batch = next(pair_batches(tokenizer, games(40), RecoBertConfig(batch_size=40, max_tokens=12)))
    tokens = batch.descriptions
    assert tokens["input_ids"].shape == tokens["labels"].shape == (40, 12)
    share = (tokens["labels"] != -100).sum() / (40 * 10)  # [CLS] and [SEP] are never masked
    assert 0.1 < share < 0.2


@pytest.mark.parametrize(
    "records", [[], games(1), [Record(str(i), "a", "b") for i in range(3)]], ids=len
)
def test_small_and_uniform_catalogues_train(
    records: list[Record], tokenizer: PreTrainedTokenizerFast
) -> None:
    if not records:
        with pytest.raises(BaselineError, match="no records"):
            train(tiny_bert(), tokenizer, records, QUICK)
        return
    model = tiny_bert()
    train(model, tokenizer, records, RecoBertConfig(steps=2, batch_size=4, max_tokens=24))
    assert all(torch.isfinite(weights).all() for weights in model.parameters())


def test_training_lowers_both_losses_the_same_way_each_time(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    lines: list[str] = []
    runs = [copy.deepcopy(bert) for _ in range(2)]
    for model in runs:
        train(model, tokenizer, games(16), QUICK, report=lines.append)
    assert len(lines) == 20
    assert lines[:10] == lines[10:]
    batch = next(pair_batches(tokenizer, games(16), RecoBertConfig(batch_size=16, seed=9)))
    before, after = losses(bert, batch), losses(runs[0], batch)
    assert after[0] < before[0]
    assert after[1] < before[1]


@pytest.mark.parametrize("setting", ["steps", "batch_size", "max_tokens", "learning_rate"])
def test_settings_that_cannot_train_are_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=f"{setting} is 0"):
        dataclasses.replace(QUICK, **cast("dict[str, Any]", {setting: 0}))
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="already exists"):
        RecoBertConfig(folder=tmp_path)
