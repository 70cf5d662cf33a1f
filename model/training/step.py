"""The gradients of one optimiser step, in one forward pass or in many, in one process or in many.

A batch is read in chunks. The metric loss needs all vectors at once, so they are made first
without a graph, the loss tells the gradient of each vector, and every chunk is read again to carry
its share back (cached gradients: Gao et al. 2021, arXiv 2101.06983). Each chunk has a seed of its
own: its dropout is the same in both readings, whichever process does them. Without dropout the
gradients are those of the whole batch in one pass, but for rounding.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import BertForMaskedLM

from model.batches import Batch, Tokens, to_device
from model.config import TrainConfig
from model.encoder import pool
from model.losses.denoising import Denoiser
from model.losses.masked import masked_language_loss
from model.losses.metric import Embedded, MetricLoss, metric_loss


@dataclass(frozen=True)
class StepReport:
    """One optimiser step, averaged over its whole batch.

    loss: the weighted sum of `mlm` (per hidden token), `metric` and `teacher` (1 - cosine). active,
    positive, negative: see `MetricLoss`. spread: standard deviation of the embeddings, 1 when they
    fill the sphere evenly, 0 when all are the same. cosine: mean over pairs of different items.
    """

    step: int
    loss: float
    mlm: float
    metric: float
    teacher: float
    active: float
    positive: float
    negative: float
    spread: float
    cosine: float


@dataclass(frozen=True)
class Views:
    """A chunk, read: unit vectors (n, d) of both sides, and the summed masked-language loss."""

    anchors: Tensor
    positives: Tensor
    mlm: Tensor

    def detached(self) -> "Views":
        """Return the same values off the graph."""
        return Views(self.anchors.detach(), self.positives.detach(), self.mlm.detach())


@dataclass(frozen=True)
class Parts:
    """What a step's loss is made of. targets: (b, d) the teacher's vectors, if there is one."""

    chunks: Sequence[Batch]
    blocked: Tensor
    targets: Tensor | None


def derived_seed(*facts: object) -> int:
    """Return a seed that is a function of `facts` alone, in 0..2**63-1."""
    digest = hashlib.sha256(repr(facts).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


class Stepper:
    """Puts the gradients of a step on the model's parameters."""

    def __init__(
        self,
        model: BertForMaskedLM,
        config: TrainConfig,
        accelerator: Accelerator,
        denoiser: Denoiser | None = None,
    ) -> None:
        self._model = model
        self._config = config
        self._accelerator = accelerator
        self._denoiser = denoiser

    def run(self, step: int, parts: Parts) -> StepReport:
        """Add the gradients of the whole batch; the same on every process."""
        mine = self._share(len(parts.chunks))
        alone = len(mine) == 1  # the graph of one chunk may stay in memory
        with torch.set_grad_enabled(alone):
            views = [self._read(step, number, parts.chunks[number]) for number in mine]
        whole = self._gather(views)
        loss, gradient = self._metric(
            whole, parts.blocked, seed=derived_seed(self._config.seed, step, "mining")
        )
        for number, view in zip(mine, views, strict=True):
            kept = view if alone else self._read(step, number, parts.chunks[number])
            self._carry_back(kept, number, parts, gradient)
        self._reduce()
        return self._report(step, parts, whole, loss)

    def _share(self, chunks: int) -> range:
        """Return the numbers of the chunks that this process reads."""
        each = chunks // self._accelerator.num_processes
        first = each * self._accelerator.process_index
        return range(first, first + each)

    def _read(self, step: int, number: int, batch: Batch) -> Views:
        config = self._config
        torch.manual_seed(derived_seed(config.seed, step, number))
        with forward_precision(self._model, config):
            positives = embed(self._model, batch.positives)
            if config.mlm_weight == 0 and not config.masked_pass:
                anchors = embed(self._model, batch.anchors)
                return Views(anchors, positives, anchors.new_zeros(()))
            if self._denoiser is not None:
                anchors = embed(self._model, batch.anchors)
                goal = to_device(batch.positives, self._model.device)
                return Views(anchors, positives, self._denoiser(anchors, goal))
            seen, mlm = read_masked(self._model, batch)
            anchors = seen if config.masked_pass else embed(self._model, batch.anchors)
        return Views(anchors, positives, mlm)

    def _gather(self, views: Sequence[Views]) -> Views:
        local = [view.detached() for view in views]
        gather = self._accelerator.gather
        return Views(
            gather(torch.cat([view.anchors for view in local])),
            gather(torch.cat([view.positives for view in local])),
            self._accelerator.reduce(torch.stack([view.mlm for view in local]).sum()),
        )

    def _metric(self, whole: Views, blocked: Tensor, *, seed: int) -> tuple[MetricLoss, Views]:
        """Return the metric loss and its gradient with respect to every vector of the batch."""
        torch.manual_seed(seed)
        left = whole.anchors.requires_grad_()
        right = whole.positives.requires_grad_()
        loss = metric_loss(Embedded(left, right, blocked), self._config)
        to_left, to_right = torch.autograd.grad(loss.loss, (left, right))
        return loss, Views(to_left, to_right, whole.mlm)

    def _carry_back(self, view: Views, number: int, parts: Parts, gradient: Views) -> None:
        """Send this chunk's share of the loss back into the parameters."""
        config, size = self._config, len(view.anchors)
        rows = slice(number * size, (number + 1) * size)
        share = config.metric_weight * (
            (view.anchors * gradient.anchors[rows]).sum()
            + (view.positives * gradient.positives[rows]).sum()
        )
        share = share + config.mlm_weight * view.mlm / self._guessed(parts)
        if parts.targets is not None:
            far = teacher_loss(view, parts.targets[rows]) / len(gradient.anchors)
            share = share + config.teacher_weight * far
        share.backward()

    def _guessed(self, parts: Parts) -> int:
        """Return how many tokens of the whole batch the language loss guesses, at least 1."""
        if self._denoiser is None:
            return max(sum(batch.hidden for batch in parts.chunks), 1)
        masks = [batch.positives["attention_mask"] for batch in parts.chunks]
        return sum(int(mask.sum()) - len(mask) for mask in masks)

    def _reduce(self) -> None:
        if self._accelerator.num_processes == 1:
            return
        extra = () if self._denoiser is None else tuple(self._denoiser.own)
        for parameter in (*self._model.parameters(), *extra):
            if parameter.grad is not None:
                parameter.grad = self._accelerator.reduce(parameter.grad, "sum")

    def _report(self, step: int, parts: Parts, whole: Views, metric: MetricLoss) -> StepReport:
        config = self._config
        mlm = whole.mlm.item() / self._guessed(parts)
        teacher = 0.0
        if parts.targets is not None:
            teacher = teacher_loss(whole, parts.targets).item() / len(whole.anchors)
        spread, cosine = isotropy(whole.anchors.detach())
        weighted = config.mlm_weight * mlm + config.metric_weight * metric.loss.item()
        return StepReport(
            step=step,
            loss=weighted + config.teacher_weight * teacher,
            mlm=mlm,
            metric=metric.loss.item(),
            teacher=teacher,
            active=metric.active.item(),
            positive=metric.positive.item(),
            negative=metric.negative.item(),
            spread=spread,
            cosine=cosine,
        )


def forward_precision(model: BertForMaskedLM, config: TrainConfig) -> torch.autocast:
    """Return the context of a forward pass.

    Accelerate has one precision a process, which its first user chooses for all.
    """
    half = config.precision == "bfloat16"
    return torch.autocast(model.device.type, torch.bfloat16, enabled=half)


def embed(model: BertForMaskedLM, tokens: Tokens) -> Tensor:
    """Return the unit vectors of tokenised passages: (batch, d) float32."""
    tokens = to_device(tokens, model.device)
    hidden = model.bert(**tokens).last_hidden_state  # (batch, length, d)
    return pool(hidden, tokens["attention_mask"])


def read_masked(model: BertForMaskedLM, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the vectors of the masked anchors, (n, d), and their summed masked-language loss."""
    tokens = to_device(batch.masked, model.device)
    labels = batch.labels.to(model.device)
    if len(labels):
        hidden = model.bert(**tokens).last_hidden_state  # (n, length, d)
    else:  # BERT reads no empty batch
        hidden = torch.zeros(*labels.shape, model.config.hidden_size, device=model.device)
    chosen = labels != -100  # (batch, length); a vocabulary row for every token would be waste
    loss = masked_language_loss(model.cls(hidden[chosen]), labels[chosen])
    return pool(hidden, tokens["attention_mask"]), loss


def teacher_loss(view: Views, targets: Tensor) -> Tensor:
    """Return the summed distance `1 - cosine` to the teacher's vectors, the two sides averaged.

    targets: (n, d) unit rows.
    """
    targets = targets.to(view.anchors.device)
    cosines = ((view.anchors + view.positives) * targets).sum(dim=1) / 2  # (n,)
    return (1 - cosines).sum()


def isotropy(vectors: Tensor) -> tuple[float, float]:
    """Return (spread, mean cosine between different rows) of unit rows (n, d), n >= 2.

    spread: root of the summed variance of the coordinates, in [0, 1]; 0 when all rows are equal.
    """
    count = len(vectors)
    variance = vectors.var(dim=0, unbiased=False).sum()
    total = vectors.sum(dim=0).square().sum()  # the sum of all cosines, each row with itself too
    return variance.sqrt().item(), ((total - count) / (count * (count - 1))).item()
