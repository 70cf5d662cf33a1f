"""The only training loop: batch, vectors, loss, step, report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from model.batches import Batch, Batcher, Tokens, to_device
from model.config import TrainConfig
from model.corpus import Record
from model.encoder import pool
from model.losses import MetricLoss, masked_language_loss, triplet_loss
from model.pairs import pair_batches


class TrainingError(RuntimeError):
    """The run cannot go on; the message says at which step and why."""


@dataclass(frozen=True)
class StepReport:
    """One optimiser step: the loss and its parts, and the mean distances in angular units."""

    step: int
    loss: float
    mlm: float
    metric: float
    active: float
    positive: float
    negative: float


def train(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    config: TrainConfig,
    *,
    report: Callable[[StepReport], None] = lambda _: None,
) -> None:
    """Train `model` in place. The same records, config and hardware give the same weights.

    Raises `TrainingError` when the loss is not finite, `ValueError` when there are fewer records
    than a batch holds.
    """
    torch.manual_seed(config.seed)
    batcher = Batcher(
        tokenizer,
        passage_tokens=config.passage_tokens,
        mask_probability=config.mask_probability,
        seed=config.seed,
    )
    optimizer = _optimizer(model, config)
    schedule = get_linear_schedule_with_warmup(
        optimizer, round(config.steps * config.warmup), config.steps
    )
    batches = pair_batches(records, size=config.batch_size, seed=config.seed)
    half = config.precision == "bfloat16"
    model.train()
    for step in range(1, config.steps + 1):
        batch = batcher.batch(next(batches))
        # one autocast a step: it caches the weights it casts, and a step changes them
        with torch.autocast(model.device.type, torch.bfloat16, enabled=half):
            mlm, metric = losses(model, batch, config)
        loss = mlm + config.metric_weight * metric.loss
        if not torch.isfinite(loss):
            raise TrainingError(f"step {step}: the loss is {loss.item()}; lower the learning rate")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        schedule.step()
        report(_report(step, loss, mlm, metric))
    model.eval()


def losses(model: BertForMaskedLM, batch: Batch, config: TrainConfig) -> tuple[Tensor, MetricLoss]:
    """Return the two parts of the objective for one batch: (L_MLM, L_metric).

    The metric part reads whole passages, the language part a masked copy of the anchors.
    """
    metric = triplet_loss(embed(model, batch.anchors), embed(model, batch.positives), config.margin)
    return masked_loss(model, batch.masked, batch.labels), metric


def embed(model: BertForMaskedLM, tokens: Tokens) -> Tensor:
    """Return the unit vectors of tokenised passages: (batch, d)."""
    tokens = to_device(tokens, model.device)
    hidden = model.bert(**tokens).last_hidden_state  # (batch, length, d)
    return pool(hidden, tokens["attention_mask"])


def masked_loss(model: BertForMaskedLM, masked: Tokens, labels: Tensor) -> Tensor:
    """Return the masked-language loss; logits are made for the hidden tokens alone."""
    hidden = model.bert(**to_device(masked, model.device)).last_hidden_state  # (batch, length, d)
    labels = labels.to(model.device)
    chosen = labels != -100  # (batch, length); a vocabulary row for every token would be waste
    return masked_language_loss(model.cls(hidden[chosen]), labels[chosen])


def _optimizer(model: BertForMaskedLM, config: TrainConfig) -> torch.optim.Optimizer:
    # the decoder is the word embedding matrix: it learns at the encoder's pace, the rest is new
    shared = {id(parameter) for parameter in model.bert.parameters()}
    head = [parameter for parameter in model.cls.parameters() if id(parameter) not in shared]
    groups = [
        {"params": list(model.bert.parameters()), "lr": config.learning_rate},
        {"params": head, "lr": config.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay)


def _report(step: int, loss: Tensor, mlm: Tensor, metric: MetricLoss) -> StepReport:
    return StepReport(
        step=step,
        loss=loss.item(),
        mlm=mlm.item(),
        metric=metric.loss.item(),
        active=metric.active.item(),
        positive=metric.positive.item(),
        negative=metric.negative.item(),
    )
