"""Pretrained encoders as rankers, on tiny random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

from model.baselines.ranker import BaselineError, Dense, WeightsUnavailable
from model.baselines.transformer import Pooling, load_sentence_transformer, load_transformer
from model.encoder import load_encoder
from tests.model.tiny import games, tiny_tokenizer


def fitted(ranker: Dense) -> Dense:
    ranker.fit(games(5))
    return ranker


@pytest.fixture(scope="module")
def roberta_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa of random weights that reads 20 tokens; its vocabulary is single letters."""
    folder = tmp_path_factory.mktemp("roberta")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyzĠT"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    RobertaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=22,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_match_one_text_at_a_time(
    pooling: Pooling, base_folder: Path, bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    ranker = fitted(load_transformer(str(base_folder), pooling=pooling))
    for record, vector in zip(games(5), ranker.vectors, strict=True):
        with torch.inference_mode():
            hidden = bert.bert(**tokenizer(record.text, return_tensors="pt")).last_hidden_state[0]
        expected = (hidden.mean(dim=0) if pooling == "mean" else hidden[0]).numpy()
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_roberta_runs_and_reads_no_further_than_its_positions(roberta_folder: Path) -> None:
    for pooling in ("mean", "cls"):
        ranker = fitted(load_transformer(str(roberta_folder), pooling=pooling))
        assert ranker.vectors.shape == (5, 16)
        scores = ranker.scores([0, 4])
        assert np.isfinite(scores).all()
        assert abs(scores[1, 4] - 1) < 1e-5


def test_fewer_tokens_give_other_vectors(base_folder: Path) -> None:
    whole, start = (fitted(load_transformer(str(base_folder), max_tokens=n)) for n in (256, 8))
    assert (np.abs(whole.vectors - start.vectors) > 1e-3).any()


def test_half_precision_gives_nearly_the_same(base_folder: Path) -> None:
    full = fitted(load_transformer(str(base_folder)))
    half = fitted(load_transformer(str(base_folder), precision=torch.bfloat16))
    assert half.vectors.dtype == np.float32
    assert ((full.vectors * half.vectors).sum(axis=1) > 0.99).all()


def test_a_sentence_transformers_folder_runs_by_its_library(checkpoint: Path) -> None:
    ranker = fitted(load_sentence_transformer(str(checkpoint)))
    encoder, _ = load_encoder(checkpoint)
    expected = encoder.encode([record.text for record in games(5)])
    np.testing.assert_allclose(ranker.vectors, expected, atol=1e-5)


def test_folders_that_do_not_load_are_unavailable(tmp_path: Path, base_folder: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=f"{tmp_path} does not load"):
        load_transformer(str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"has no modules\.json"):
        load_sentence_transformer(str(base_folder))


def test_a_tokenizer_without_padding_is_refused(tmp_path: Path, bert: BertForMaskedLM) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = None
    bert.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BaselineError, match="no pad token; is it an encoder"):
        load_transformer(str(tmp_path))
