import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from model.batches import Batch, Batcher, to_device
from model.pairs import Pair

SHORT = Pair("s", "red cat", "blue dog")
LONG = Pair("l", "the old ship swim the river race the fast car", "a tower. a stone.")
EMPTY = Pair("e", "", "!")


def batch_of(
    tokenizer: PreTrainedTokenizerFast,
    *pairs: Pair,
    masked: float = 0.9,
    seed: int = 0,
    **options: Any,
) -> Batch:
    batcher = Batcher(tokenizer, passage_tokens=8, mask_probability=masked, **options)
    return batcher.batch(pairs, seed=seed)


def test_passages_are_padded_and_cut_to_their_length(tokenizer: PreTrainedTokenizerFast) -> None:
    anchors = batch_of(tokenizer, SHORT, LONG).anchors
    assert anchors["input_ids"].shape == anchors["attention_mask"].shape == (2, 8)
    assert anchors["attention_mask"].sum(dim=1).tolist() == [4, 8]
    assert tokenizer.decode(anchors["input_ids"][1]) == "[CLS] the old ship swim the river [SEP]"


def test_row_i_of_all_parts_belongs_to_the_same_item(tokenizer: PreTrainedTokenizerFast) -> None:
    batch = batch_of(tokenizer, LONG, SHORT)
    positives = [
        tokenizer.decode(ids, skip_special_tokens=True) for ids in batch.positives["input_ids"]
    ]
    assert positives == ["a tower. a stone.", "blue dog"]
    assert (batch.masked["input_ids"].shape, batch.labels.shape) == ((2, 8), (2, 8))
    assert batch.ids == ("l", "s")


def special(tokenizer: PreTrainedTokenizerFast, ids: Tensor) -> Tensor:
    return torch.isin(ids, torch.tensor(tokenizer.all_special_ids))


@pytest.mark.parametrize("seed", range(5))
def test_special_tokens_and_padding_are_never_masked(
    tokenizer: PreTrainedTokenizerFast, seed: int
) -> None:
    batch = batch_of(tokenizer, SHORT, LONG, EMPTY, seed=seed)
    fixed = special(tokenizer, batch.anchors["input_ids"])
    assert torch.equal(batch.masked["input_ids"][fixed], batch.anchors["input_ids"][fixed])
    assert (batch.labels[fixed] == -100).all()
    assert torch.equal(batch.masked["attention_mask"], batch.anchors["attention_mask"])


def test_labels_hold_the_original_and_the_rest_is_as_it_was(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    batch = batch_of(tokenizer, SHORT, LONG, masked=0.5)
    hidden, original = batch.labels != -100, batch.anchors["input_ids"]
    assert torch.equal(batch.labels[hidden], original[hidden])
    assert torch.equal(batch.masked["input_ids"][~hidden], original[~hidden])


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_hidden_words_are_split_80_10_10(share: float, tokenizer: PreTrainedTokenizerFast) -> None:
    batch = batch_of(tokenizer, *[LONG] * 2000, masked=share)
    hidden = batch.labels != -100
    seen, original = batch.masked["input_ids"][hidden], batch.labels[hidden]
    masked = (seen == tokenizer.mask_token_id).float().mean()
    kept = (seen == original).float().mean()
    words = ~special(tokenizer, batch.anchors["input_ids"])
    assert batch.hidden == hidden.sum()
    assert hidden.sum() / words.sum() == pytest.approx(share, abs=0.02)
    drawn = 1 - masked - kept  # a drawn word may be the mask or the word itself: one in 80
    assert (float(masked), float(drawn), float(kept)) == pytest.approx((0.8, 0.1, 0.1), abs=0.025)


PIECES = Pair("p", "zig red quux blue zap", "cat")


@pytest.mark.parametrize("seed", range(8))
def test_whole_words_are_hidden_with_all_their_pieces(
    seed: int, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = Batcher(tokenizer, passage_tokens=32, mask_probability=0.5, whole_words=True)
    batch = whole.batch([PIECES, SHORT], seed=seed)
    tokens = tokenizer.convert_ids_to_tokens(batch.anchors["input_ids"][0].tolist())
    hidden = (batch.labels[0] != -100).tolist()
    for i, token in enumerate(tokens):
        if token.startswith("##"):
            assert hidden[i] == hidden[i - 1], tokens
    assert not any(h for h, token in zip(hidden, tokens, strict=True) if token.startswith("["))
    assert set(batch.masked["input_ids"][0][hidden].tolist()) <= {tokenizer.mask_token_id}


def test_whole_words_are_hidden_at_the_rate_asked_for(tokenizer: PreTrainedTokenizerFast) -> None:
    whole = Batcher(tokenizer, passage_tokens=32, mask_probability=0.3, whole_words=True)
    starts = torch.tensor([1, 4, 5, 9, 10])  # the first pieces of its five words
    labels = whole.batch([PIECES] * 800, seed=0).labels[:, starts]
    assert float((labels != -100).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_pieces_are_hidden_one_by_one_otherwise(tokenizer: PreTrainedTokenizerFast) -> None:
    batcher = Batcher(tokenizer, passage_tokens=32, mask_probability=0.5)
    hidden = batcher.batch([PIECES] * 50, seed=0).labels != -100
    assert (hidden[:, 1] != hidden[:, 2]).any()  # z and ##i


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_a_share_of_the_anchors_is_masked(share: float, tokenizer: PreTrainedTokenizerFast) -> None:
    batch, whole = (batch_of(tokenizer, *[LONG] * 6, mlm_share=part) for part in (share, 1.0))
    count = math.ceil(share * 6)
    assert batch.labels.shape == batch.masked["input_ids"].shape == (count, 8)
    assert len(batch.masked["attention_mask"]) == count
    assert torch.equal(batch.anchors["input_ids"], whole.anchors["input_ids"])


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_parts_of_a_batch_are_its_rows(
    size: int, share: float, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = batch_of(tokenizer, *[SHORT, LONG, EMPTY] * 2, mlm_share=share)
    parts = whole.split(size)
    assert [len(part.ids) for part in parts] == [size] * (6 // size)
    assert sum((part.ids for part in parts), ()) == whole.ids
    for name in ("anchors", "positives", "masked"):
        for key, rows in getattr(whole, name).items():
            assert torch.equal(torch.cat([getattr(part, name)[key] for part in parts]), rows)
    assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
    assert sum(part.hidden for part in parts) == whole.hidden


def test_a_seed_settles_the_masks(tokenizer: PreTrainedTokenizerFast) -> None:
    first, again, other = (batch_of(tokenizer, *[LONG] * 8, masked=0.4, seed=s) for s in (1, 1, 2))
    assert torch.equal(first.masked["input_ids"], again.masked["input_ids"])
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.labels, other.labels)


def test_passages_without_a_word_have_nothing_to_guess(tokenizer: PreTrainedTokenizerFast) -> None:
    batch = batch_of(tokenizer, EMPTY)
    assert batch.anchors["input_ids"].tolist() == [[2, 3]]
    assert batch.labels.tolist() == [[-100, -100]]


def test_tokens_move_as_they_are(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = batch_of(tokenizer, SHORT).anchors
    moved = to_device(tokens, torch.device("cpu"))
    assert moved.keys() == tokens.keys()
    assert all(torch.equal(moved[name], tokens[name]) for name in tokens)
