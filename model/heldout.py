"""What a run measures on items it was not trained on: passages found, hidden words guessed."""

import random
from collections.abc import Sequence

import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.batches import Batcher, to_device
from model.config import EncoderConfig, TrainConfig
from model.corpus import Record
from model.encoder import Encoder
from model.evaluation import passage_metrics, percent
from model.pairs import Pair, draw_pair


def heldout_metrics(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    config: TrainConfig,
) -> dict[str, float]:
    """Return passage retrieval and masked-word accuracy in per cent; no figures for no records.

    The same records and seed draw the same passages and hide the same words, so that figures from
    before and after a run compare.
    """
    if not records:
        return {}
    rng = random.Random(config.seed)  # noqa: S311 - reproducible, not secret
    pairs = [draw_pair(record, rng) for record in records]
    encoder = Encoder(model.bert, tokenizer, EncoderConfig(max_tokens=config.passage_tokens))
    return {
        **passage_metrics(
            encoder.encode([pair.anchor for pair in pairs]),
            encoder.encode([pair.positive for pair in pairs]),
        ),
        "masked-word accuracy": masked_accuracy(model, tokenizer, pairs, config),
    }


@torch.inference_mode()
def masked_accuracy(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    config: TrainConfig,
) -> float:
    """Return how many of the hidden words the language head names first, in per cent."""
    batcher = Batcher(
        tokenizer,
        passage_tokens=config.passage_tokens,
        mask_probability=config.mask_probability,
        seed=config.seed,
    )
    model.eval()
    right = hidden_words = 0
    for start in range(0, len(pairs), config.batch_size):
        batch = batcher.batch(pairs[start : start + config.batch_size])
        states = model.bert(**to_device(batch.masked, model.device)).last_hidden_state
        labels = batch.labels.to(model.device)
        chosen = labels != -100
        right += int((model.cls(states[chosen]).argmax(dim=-1) == labels[chosen]).sum())
        hidden_words += int(chosen.sum())
    return percent({"accuracy": right / max(hidden_words, 1)})["accuracy"]
