import math
from dataclasses import replace

import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.batches import Batcher
from model.config import TrainConfig
from model.heldout import DEVELOPMENT, heldout_metrics, masked_metrics
from model.pairs import Pair
from tests.model.tiny import games, tiny_bert

CONFIG = TrainConfig(batch_size=4, passage_tokens=16, mask_probability=0.4)
PAIRS = [Pair(record.id, record.description, record.title) for record in games(10)]


def test_no_records_have_no_figures(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    assert heldout_metrics(bert, tokenizer, [], CONFIG) == {}


@pytest.mark.parametrize("count", [1, 9])
def test_figures_are_per_cent_but_for_the_perplexity(
    count: int, bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = heldout_metrics(bert, tokenizer, games(count), CONFIG)
    perplexity = found.pop("masked-word perplexity")
    assert found.keys() == {"passage MRR", "passage HR@1", "masked-word accuracy"}
    assert all(0 <= value <= 100 for value in found.values())
    assert DEVELOPMENT in found
    assert perplexity >= 1


def test_a_seed_settles_the_figures(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert().train()
    first = heldout_metrics(model, tokenizer, games(20), CONFIG)
    assert heldout_metrics(model, tokenizer, games(20), CONFIG) == first
    assert not model.training


def test_figures_are_the_same_whatever_the_run_trains_on(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    other = replace(CONFIG, passages="identical", title_share=0.5, whole_words=True, mlm_share=0.5)
    first, again = (heldout_metrics(bert, tokenizer, games(9), c) for c in (CONFIG, other))
    assert first == again


def test_masked_words_match_a_plain_loop(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert(spread=0.02)
    model.cls.predictions.bias.data[tokenizer.convert_tokens_to_ids("the")] = 2.0
    batcher = Batcher(tokenizer, passage_tokens=16, mask_probability=0.4)
    right, losses = 0, list[float]()
    for start in (0, 4, 8):
        batch = batcher.batch(PAIRS[start : start + 4], seed=CONFIG.seed + start)
        with torch.inference_mode():
            logits = model(**batch.masked).logits
        for row, label in zip(logits.flatten(0, 1), batch.labels.flatten().tolist(), strict=True):
            if label != -100:
                losses.append(-float(torch.log_softmax(row, dim=0)[label]))
                right += int(row.argmax() == label)
    assert right > 0
    found = masked_metrics(model, tokenizer, PAIRS, CONFIG)
    assert found["masked-word accuracy"] == round(100 * right / len(losses), 2)
    perplexity = math.exp(sum(losses) / len(losses))
    assert found["masked-word perplexity"] == pytest.approx(perplexity, abs=0.06)


def test_passages_without_words_have_no_right_guesses(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = masked_metrics(bert, tokenizer, [Pair("e", "", "")], CONFIG)
    assert found == {"masked-word accuracy": 0.0, "masked-word perplexity": 1.0}


def test_a_head_that_is_far_off_still_has_a_perplexity(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert()
    model.cls.predictions.bias.data[0] = 1e6  # padding, whatever is asked
    perplexity = masked_metrics(model, tokenizer, PAIRS, CONFIG)["masked-word perplexity"]
    assert math.isfinite(perplexity)
    assert perplexity > 1e40
