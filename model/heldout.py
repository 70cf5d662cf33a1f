"""What a run measures on items it was not trained on: passages found, hidden words guessed."""

import math
import random
from collections.abc import Sequence

import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.batches import Batcher, to_device
from model.config import EncoderConfig, TrainConfig
from model.corpus import Record
from model.encoder import Encoder
from model.evaluation.ranking import passage_metrics, percent
from model.losses.masked import masked_language_loss
from model.pairs import Pair, halves

DEVELOPMENT = "passage MRR"
"""The figure that decides when a run with `patience` stops."""

_LARGEST = 100.0
"""Cross entropy that counts as any larger one: e to the 710th is no number."""


def heldout_metrics(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    config: TrainConfig,
) -> dict[str, float]:
    """Return passage retrieval and masked-word accuracy in per cent, and the perplexity at them.

    No figures for no records. Passages are halves, whatever the run trains on.
    The same records and seed draw the same passages and hide the same words, so that figures from
    before and after a run compare.
    """
    if not records:
        return {}
    rng = random.Random(config.seed)  # noqa: S311 - reproducible, not secret
    pairs = [halves(record, rng) for record in records]
    encoder = Encoder(model.bert, tokenizer, EncoderConfig(max_tokens=config.passage_tokens))
    return {
        **passage_metrics(
            encoder.encode([pair.anchor for pair in pairs]),
            encoder.encode([pair.positive for pair in pairs]),
        ),
        **masked_metrics(model, tokenizer, pairs, config),
    }


@torch.inference_mode()
def masked_metrics(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    config: TrainConfig,
) -> dict[str, float]:
    """Return how many of the hidden words the language head names first, and its perplexity.

    masked-word accuracy: in per cent. masked-word perplexity: e to the mean cross entropy, from 1
    (sure and right) upwards.
    """
    batcher = Batcher(
        tokenizer, passage_tokens=config.passage_tokens, mask_probability=config.mask_probability
    )
    model.eval()
    right = hidden_words = 0
    loss = 0.0
    for start in range(0, len(pairs), config.batch_size):
        batch = batcher.batch(pairs[start : start + config.batch_size], seed=config.seed + start)
        states = model.bert(**to_device(batch.masked, model.device)).last_hidden_state
        labels = batch.labels.to(model.device)
        chosen = labels != -100
        logits = model.cls(states[chosen])  # (hidden, vocabulary)
        right += int((logits.argmax(dim=-1) == labels[chosen]).sum())
        loss += masked_language_loss(logits, labels[chosen]).item()
        hidden_words += batch.hidden
    mean = min(loss / max(hidden_words, 1), _LARGEST)
    return {
        **percent({"masked-word accuracy": right / max(hidden_words, 1)}),
        "masked-word perplexity": round(math.exp(mean), 1),
    }
