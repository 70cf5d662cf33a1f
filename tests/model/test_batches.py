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
    tokenizer: PreTrainedTokenizerFast, *pairs: Pair, masked: float = 0.9, seed: int = 0
) -> Batch:
    batcher = Batcher(tokenizer, passage_tokens=8, mask_probability=masked, seed=seed)
    return batcher.batch(pairs)


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


def test_four_of_five_hidden_words_become_the_mask(tokenizer: PreTrainedTokenizerFast) -> None:
    batch = batch_of(tokenizer, *[LONG] * 500, masked=0.5)
    hidden = batch.labels != -100
    masked = (batch.masked["input_ids"][hidden] == tokenizer.mask_token_id).float().mean()
    kept = (batch.masked["input_ids"][hidden] == batch.labels[hidden]).float().mean()
    words = ~special(tokenizer, batch.anchors["input_ids"])
    assert hidden.sum() / words.sum() == pytest.approx(0.5, abs=0.05)
    assert (float(masked), float(kept)) == pytest.approx((0.8, 0.1), abs=0.04)


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
