import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.batches import Batcher
from model.config import TrainConfig
from model.heldout import heldout_metrics, masked_accuracy
from model.pairs import Pair
from tests.model.tiny import games, tiny_bert

CONFIG = TrainConfig(batch_size=4, passage_tokens=16, mask_probability=0.4)
PAIRS = [Pair(record.id, record.description, record.title) for record in games(10)]


def test_no_records_have_no_figures(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    assert heldout_metrics(bert, tokenizer, [], CONFIG) == {}


@pytest.mark.parametrize("count", [1, 9])
def test_figures_are_per_cent(
    count: int, bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = heldout_metrics(bert, tokenizer, games(count), CONFIG)
    assert found.keys() == {"passage MRR", "passage HR@1", "masked-word accuracy"}
    assert all(0 <= value <= 100 for value in found.values())


def test_a_seed_settles_the_figures(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert().train()
    first = heldout_metrics(model, tokenizer, games(20), CONFIG)
    assert heldout_metrics(model, tokenizer, games(20), CONFIG) == first
    assert not model.training


def test_masked_accuracy_matches_a_plain_loop(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert(spread=0.02)
    model.cls.predictions.bias.data[tokenizer.convert_tokens_to_ids("the")] = 9.0
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.4, seed=CONFIG.seed)
    right = total = 0
    for start in (0, 4, 8):
        batch = batcher.batch(PAIRS[start : start + 4])
        with torch.inference_mode():
            guesses = model(**batch.masked).logits.argmax(dim=-1)
        for guess, label in zip(guesses.flatten(), batch.labels.flatten(), strict=True):
            total += int(label != -100)
            right += int(guess == label)
    assert right > 0
    assert masked_accuracy(model, tokenizer, PAIRS, CONFIG) == round(100 * right / total, 2)


def test_passages_without_words_have_no_right_guesses(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    assert masked_accuracy(bert, tokenizer, [Pair("e", "", "")], CONFIG) == 0.0
