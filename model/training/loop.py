"""The only training loop: pairs, gradients, step, report, save."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from model.batches import Batch, Batcher
from model.config import ConfigError, TrainConfig
from model.corpus import Record
from model.guard import lookalikes
from model.losses.denoising import Denoiser
from model.neighbours import Neighbours
from model.pairs import DRAWS, Drawing, PairSchedule
from model.training.processes import accelerator
from model.training.step import (
    Parts,
    Stepper,
    StepReport,
    derived_seed,
    forward_precision,
    read_masked,
)
from model.training.watch import Collapse, Patience, TrainingError

State = dict[str, Any]


@dataclass(frozen=True)
class Guide:
    """What is known of the catalogue beforehand, as far as the config asks for it.

    teacher: (d,) unit vectors by record id. neighbours: of the records that are trained on.
    """

    teacher: Mapping[str, Tensor] | None = None
    neighbours: Neighbours | None = None


@dataclass(frozen=True)
class Hooks:
    """What a run tells its surroundings, and what it asks of them.

    report: called after every step. save: called with a state to go on from. measure: returns the
    development figure, higher is better; asked every `evaluate_every` steps.
    """

    report: Callable[[StepReport], None] = lambda _: None
    save: Callable[[State], None] = lambda _: None
    measure: Callable[[], float] | None = None


_ALONE = Guide()


class Run:
    """A training run of `model` in place.

    The same records, config, hardware and kind of launch give the same weights; so does a run that
    was cut short and resumed, since every draw is a function of the seed and the step.
    """

    def __init__(
        self,
        model: BertForMaskedLM,
        tokenizer: PreTrainedTokenizerBase,
        records: Sequence[Record],
        config: TrainConfig,
        *,
        guide: Guide = _ALONE,
    ) -> None:
        """Raise `ValueError` for fewer records than a batch holds, or layers than stand still."""
        if config.frozen_layers > model.config.num_hidden_layers:
            raise ConfigError(
                f"frozen_layers is {config.frozen_layers}; the base model has "
                f"{model.config.num_hidden_layers} layers"
            )
        if config.teacher_weight and guide.teacher is None:
            raise ValueError("teacher_weight is set, but no teacher's vectors are given")
        if config.looks_around and guide.neighbours is None:
            raise ValueError("mutual or mined is set, but no neighbours are given")
        self._model = model
        self._config = config
        self._teacher = guide.teacher if config.teacher_weight else None
        self._accelerator = accelerator(config)
        self._records = {record.id: record for record in records}
        self._batcher = Batcher(
            tokenizer,
            passage_tokens=config.passage_tokens,
            mask_probability=config.mask_probability,
            whole_words=config.whole_words,
            mlm_share=config.mlm_share,
        )
        self._schedule = PairSchedule(
            records,
            size=config.batch_size,
            seed=config.seed,
            drawing=Drawing(
                DRAWS[config.passages],
                title_share=config.title_share,
                neighbours=guide.neighbours,
                mutual=config.mutual,
                mined=config.mined,
            ),
        )
        denoising = config.language == "denoising"
        torch.manual_seed(derived_seed(config.seed, "denoiser"))  # its own weights are drawn
        self._denoiser = Denoiser(model) if denoising else None
        self._own = list(self._denoiser.own) if self._denoiser else []
        self._optimizer = _optimizer(model, config, self._own)
        self._rates = get_linear_schedule_with_warmup(
            self._optimizer, round(config.steps * config.warmup), config.steps
        )
        self._patience = Patience(config.patience)
        self._best: State | None = None
        self.step = 0

    def warm_up_head(self) -> None:
        """Train the language head alone: an untrained one would spoil the encoder's first steps.

        The encoder stands still, the tied word embeddings with it.
        """
        head = _head(self._model)
        optimizer = torch.optim.AdamW(head, lr=self._config.head_learning_rate)
        with _trainable(self._model, head):
            for step in range(self._config.head_steps):
                chunks = self._chunks(step, "head")
                hidden = max(sum(batch.hidden for batch in chunks), 1)
                for number, batch in enumerate(chunks):
                    torch.manual_seed(derived_seed(self._config.seed, "head", step, number))
                    with forward_precision(self._model, self._config):
                        _, loss = read_masked(self._model, batch)
                    (loss / hidden).backward()
                optimizer.step()
                optimizer.zero_grad()

    def go(self, hooks: Hooks, *, stop_at: int | None = None) -> None:
        """Train to the last step, to step `stop_at`, or until the development figure stops rising.

        Raises `TrainingError` when the loss is not finite or the embeddings collapse.
        """
        stepper = Stepper(self._model, self._config, self._accelerator, self._denoiser)
        collapse = Collapse()
        with _ready(self._model, self._config, self._denoiser):
            last = min(stop_at or self.steps, self.steps)
            while self.step < last and not self._patience.spent:
                report = stepper.run(self.step + 1, self._parts())
                self._apply(report)
                hooks.report(report)
                collapse.see(report)
                self._measure(hooks)
                if self.step % self._config.save_every == 0:
                    hooks.save(self.state())
        if self._best is not None:
            self._model.load_state_dict(self._best)

    @property
    def steps(self) -> int:
        """Steps that the run has at most."""
        return self._config.steps

    @property
    def best(self) -> tuple[float, int] | None:
        """The best development figure and its step; its weights are kept."""
        return self._patience.best

    def state(self) -> State:
        """Return everything that `restore` needs to go on from this step."""
        return {
            "step": self.step,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "rates": self._rates.state_dict(),
            "patience": self._patience.state(),
            "best": self._best,
            "denoiser": self._denoiser.state() if self._denoiser else [],
        }

    def restore(self, state: State) -> None:
        """Go on from a state that a run of the same settings saved."""
        self.step = state["step"]
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._rates.load_state_dict(state["rates"])
        self._patience.restore(state["patience"])
        self._best = state["best"]
        if self._denoiser:
            self._denoiser.restore(state["denoiser"])

    def _chunks(self, step: int, purpose: str = "train") -> list[Batch]:
        """Return the chunks of a step; the whole batch's masks do not depend on their size."""
        seed = derived_seed(self._config.seed, purpose, step, 0)
        batch = self._batcher.batch(self._schedule.at(step), seed=seed)
        share = self._config.batch_size // self._accelerator.num_processes
        return batch.split(self._config.chunk_size or share)

    def _parts(self) -> Parts:
        chunks = self._chunks(self.step)
        ids = [item for batch in chunks for item in batch.ids]
        targets = None
        if self._teacher is not None:
            targets = torch.stack([self._teacher[item] for item in ids])  # (b, d)
        return Parts(chunks, lookalikes([self._records[item] for item in ids]), targets)

    def _apply(self, report: StepReport) -> None:
        learned = [*self._model.parameters(), *self._own]
        norm = torch.nn.utils.clip_grad_norm_(learned, self._config.max_grad_norm).item()
        if not (math.isfinite(report.loss) and math.isfinite(norm)):
            raise TrainingError(
                f"step {report.step}: the loss is {report.loss}, the length of its gradient "
                f"{norm}; lower learning_rate"
            )
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._rates.step()
        self.step = report.step

    def _measure(self, hooks: Hooks) -> None:
        every = self._config.evaluate_every
        if hooks.measure is None or not every or self.step % every:
            return
        figure = hooks.measure()
        self._model.train()
        if self._patience.better(figure, self.step):
            self._best = {name: value.clone() for name, value in self._model.state_dict().items()}


def _head(model: BertForMaskedLM) -> list[torch.nn.Parameter]:
    """Return the parameters of the language head that are not tied to the encoder's."""
    tied = {id(parameter) for parameter in model.bert.parameters()}
    return [parameter for parameter in model.cls.parameters() if id(parameter) not in tied]


def _standing(model: BertForMaskedLM, layers: int) -> list[torch.nn.Parameter]:
    """Return the parameters of the embeddings and of the lowest layers; none for 0 layers."""
    if not layers:
        return []
    bert = model.bert
    return [*bert.embeddings.parameters(), *bert.encoder.layer[:layers].parameters()]


def _optimizer(
    model: BertForMaskedLM, config: TrainConfig, own: Sequence[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    groups = [
        {"params": list(model.bert.parameters()), "lr": config.learning_rate},
        {"params": [*_head(model), *own], "lr": config.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


@contextmanager
def _trainable(model: BertForMaskedLM, chosen: Sequence[torch.nn.Parameter]) -> Iterator[None]:
    """Let only `chosen` learn."""
    model.train()
    model.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        model.requires_grad_(True)
        model.eval()


@contextmanager
def _ready(
    model: BertForMaskedLM, config: TrainConfig, denoiser: Denoiser | None
) -> Iterator[None]:
    """Set dropout, attention and what stands still for training.

    On processors the plain attention trains faster than the fused one, whose backward pass is slow
    there.
    """
    attention = model.config._attn_implementation
    for module in (*model.modules(), *(denoiser.modules() if denoiser else ())):
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    if model.device.type == "cpu":
        model.set_attn_implementation("eager")
    model.train()
    standing = _standing(model, config.frozen_layers)
    for parameter in standing:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in standing:
            parameter.requires_grad_(True)
        model.eval()
        model.set_attn_implementation(attention)
