"""Training of RecoBERT: masked language and "is this the title of this description?"."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.random import Generator, default_rng
from torch import Tensor, nn
from transformers import (
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)

from model.base import DEFAULT
from model.baselines.ranker import BaselineError
from model.checkpoint import refuse_occupied
from model.corpus import Record
from model.encoder import pool
from model.losses.masked import masked_language_loss

WRONG = 0.5
"""Share of pairs whose title is drawn from the catalogue."""
MASKED = 0.15
WARMUP = 0.1
WEIGHT_DECAY = 0.01
MAX_GRAD_NORM = 1.0
_REPORTS = 10
"""Lines of progress in a run."""

Tokens = dict[str, Tensor]
"""`input_ids`, `attention_mask` and `labels`, all (b, length) int64; labels are the tokens that
the mask hides, else -100."""


@dataclass(frozen=True)
class RecoBertConfig:
    """How long and on what RecoBERT is trained.

    base: folder or hub name of the BERT that it starts from. steps: optimiser steps. batch_size:
    pairs in a step. max_tokens: tokens read of a title and of a description, in training.
    learning_rate: of the encoder; head_learning_rate: of the MLM head, which is new on a base
    without one. precision: of the forward pass. folder: a new folder to keep the trained model in.
    """

    base: str = DEFAULT
    steps: int = 300
    batch_size: int = 32
    max_tokens: int = 128
    learning_rate: float = 5e-5
    head_learning_rate: float = 5e-4
    precision: torch.dtype = torch.float32
    seed: int = 0
    folder: Path | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "max_tokens", "learning_rate", "head_learning_rate"):
            value = getattr(self, name)
            if not value > 0:
                raise BaselineError(f"recobert: {name} is {value}; it must be above 0")
        if self.folder is not None:
            refuse_occupied(self.folder)


@dataclass(frozen=True)
class PairBatch:
    """One step's input; row i of all three belongs together.

    own: (b,) float32, 1 where title i is that of description i, else 0.
    """

    titles: Tokens
    descriptions: Tokens
    own: Tensor


def train(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    config: RecoBertConfig,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Train `model` in place. The same records, config and hardware give the same weights.

    Raises `BaselineError` when there are no records or the loss is not finite.
    """
    if not records:
        raise BaselineError("recobert: no records to train on")
    torch.manual_seed(config.seed)
    optimizer = _optimizer(model, config)
    schedule = get_linear_schedule_with_warmup(
        optimizer, round(config.steps * WARMUP), config.steps
    )
    batches = pair_batches(tokenizer, records, config)
    half = config.precision != torch.float32
    model.train()
    for step in range(1, config.steps + 1):
        with torch.autocast(model.device.type, config.precision, enabled=half):
            mlm, tdm = losses(model, next(batches))
        loss = mlm + tdm
        if not torch.isfinite(loss):
            raise BaselineError(f"recobert: the loss of step {step} is {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        schedule.step()
        if step % max(config.steps // _REPORTS, 1) == 0:
            report(f"RecoBERT: step {step} of {config.steps}, MLM {mlm:.3f}, TDM {tdm:.3f}")
    model.eval()


def losses(model: BertForMaskedLM, batch: PairBatch) -> tuple[Tensor, Tensor]:
    """Return (L_MLM, L_TDM) of one batch, scalars; one pass through BERT serves both."""
    titles, descriptions = _hidden(model, batch.titles), _hidden(model, batch.descriptions)
    labels = [part["labels"].to(model.device) for part in (batch.titles, batch.descriptions)]
    hidden = torch.cat([h[y != -100] for h, y in zip((titles, descriptions), labels, strict=True)])
    wanted = torch.cat([y[y != -100] for y in labels])  # (hidden tokens,), perhaps none
    mlm = masked_language_loss(model.cls(hidden), wanted) / max(len(wanted), 1)
    first, second = (
        pool(h, part["attention_mask"].to(model.device))
        for h, part in ((titles, batch.titles), (descriptions, batch.descriptions))
    )
    return mlm, title_description_loss(first, second, batch.own.to(model.device))


def title_description_loss(titles: Tensor, descriptions: Tensor, own: Tensor) -> Tensor:
    """Return the mean binary cross entropy of C_TDM = (1 + cos(F_t, F_d)) / 2.

    titles, descriptions: (b, d) unit rows; own: (b,) of 0 and 1.
    """
    chance = (1 + (titles * descriptions).sum(dim=1)) / 2  # (b,)
    chance = chance.clamp(1e-6, 1 - 1e-6)  # equal vectors have no logarithm of their difference
    return -(own * chance.log() + (1 - own) * (1 - chance).log()).mean()


def pair_batches(
    tokenizer: PreTrainedTokenizerBase, records: Sequence[Record], config: RecoBertConfig
) -> Iterator[PairBatch]:
    """Yield batches without end; every item once before any item again.

    A catalogue smaller than a batch gives smaller batches.
    """
    mask = DataCollatorForLanguageModeling(tokenizer, mlm_probability=MASKED, seed=config.seed)

    def tokens(texts: Sequence[str]) -> Tokens:
        encoded = tokenizer(list(texts), truncation=True, max_length=config.max_tokens)
        masked = mask([{"input_ids": ids} for ids in encoded["input_ids"]])
        return {name: masked[name] for name in ("input_ids", "attention_mask", "labels")}

    rng = default_rng(config.seed)
    size = min(config.batch_size, len(records))
    while True:
        order = rng.permutation(len(records))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            titles = [draw_title(records, row, rng) for row in rows]
            own = [float(t == records[row].title) for t, row in zip(titles, rows, strict=True)]
            yield PairBatch(
                tokens(titles),
                tokens([records[row].description for row in rows]),
                torch.tensor(own),
            )


def draw_title(records: Sequence[Record], row: int, rng: Generator) -> str:
    """Return the title of the item or, half of the time, of any item of the catalogue."""
    return records[int(rng.integers(len(records))) if rng.random() < WRONG else row].title


def _hidden(model: BertForMaskedLM, tokens: Tokens) -> Tensor:
    ids, mask = (tokens[name].to(model.device) for name in ("input_ids", "attention_mask"))
    hidden: Tensor = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    return hidden  # (b, length, d)


def _optimizer(model: BertForMaskedLM, config: RecoBertConfig) -> torch.optim.Optimizer:
    # the head's decoder is the word embedding matrix: it learns at the encoder's pace
    shared = {id(parameter) for parameter in model.bert.parameters()}
    head = [parameter for parameter in model.cls.parameters() if id(parameter) not in shared]
    groups = [
        {"params": list(model.bert.parameters()), "lr": config.learning_rate},
        {"params": head, "lr": config.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
