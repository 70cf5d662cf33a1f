"""Frozen settings of the encoder and of a training run; bad values are refused when built."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

CHOICES = {
    "language": ("masked", "denoising"),
    "passages": ("halves", "titled-halves", "whole-half", "identical", "noised"),
    "metric": ("triplet-angular", "triplet-cosine", "contrastive", "cosine", "multiple-negatives"),
    "negatives": ("hardest", "semi-hard", "random"),
    "precision": ("float32", "bfloat16"),
}
"""Settings with a fixed set of values."""


class ConfigError(ValueError):
    """A setting outside its range; the message names the setting, the value and the range."""


def _require(condition: bool, name: str, value: object, bound: str) -> None:
    if not condition:
        raise ConfigError(f"{name} is {value}; it must be {bound}")


@dataclass(frozen=True)
class EncoderConfig:
    """How texts become vectors.

    max_tokens: tokens in one window, [CLS] and [SEP] included.
    batch_tokens: padded tokens in one forward pass, the bound on memory.
    max_windows: windows read of one text, one behind the other; the rest is cut.
    """

    max_tokens: int = 256
    batch_tokens: int = 8192
    max_windows: int = 1

    def __post_init__(self) -> None:
        _require(8 <= self.max_tokens <= 512, "max_tokens", self.max_tokens, "in 8..512")
        _require(1 <= self.max_windows <= 64, "max_windows", self.max_windows, "in 1..64")
        _require(
            self.batch_tokens >= self.max_tokens,
            "batch_tokens",
            self.batch_tokens,
            f"at least max_tokens ({self.max_tokens})",
        )

    def require_positions(self, positions: int) -> None:
        """Raise `ConfigError` when one window is longer than a model with `positions` reads."""
        _require(
            self.max_tokens <= positions,
            "max_tokens",
            self.max_tokens,
            f"at most {positions}, what the model reads at once",
        )


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run; the loss is the sum of L_MLM, L_metric and L_teacher by their weights.

    What is read
    passages: how a pair is made, see `model.pairs`. title_share: share of pairs that are title and
    description instead. passage_tokens: tokens read of a passage. mask_probability: share of
    tokens hidden for L_MLM; whole_words: hide words, not word pieces. masked_pass: the metric loss
    reads the masked anchors too, which saves a forward pass; else mlm_share of the anchors are
    read once more, masked. mutual: share of pairs whose positive is a passage of another item, one
    of those that are among each other's nearest before the run; mined: hard negatives that come
    with an item into its batch, see `model.neighbours`.

    What is learned
    language: L_MLM guesses hidden tokens, or is the denoising loss of TSDAE, which rebuilds the
    positive from the anchor's vector (`model.losses.denoising`).
    metric, negatives, both_directions: see `model.losses.metric`. margin: in the metric's own
    units, angular distance or cosine. temperature: of the softmax of `multiple-negatives`.
    tags: (column, weight) pairs that the teacher adds to the base model's similarity;
    words, titles: weight of the texts' and the titles' words in it, see `model.teacher`.
    teacher_base: the model whose similarity the teacher starts from, a folder or a hub name; empty
    for the base itself. A run that goes on from a trained checkpoint names the model that the first
    run had.

    How
    steps: optimiser steps. batch_size: pairs in a step, all of them each other's negatives.
    chunk_size: pairs in one forward pass, 0 for all of a process's share of the batch; smaller ones
    bound the memory by cached gradients, with the same result but for dropout. head_steps: steps
    that train the language head alone beforehand. learning_rate: of the encoder;
    head_learning_rate: of the language head, which starts untrained on a base model that has none.
    precision: of the forward pass; bfloat16 halves the time on processors that have it. heldout:
    share of items kept for measuring. evaluate_every: steps between measurements of the development
    metric, 0 for none; patience: measurements without a better one after which the run stops, 0 for
    never.
    """

    passages: str = "halves"
    title_share: float = 0.0
    passage_tokens: int = 64
    mask_probability: float = 0.15
    whole_words: bool = False
    masked_pass: bool = False
    mutual: float = 0.0
    mined: int = 0

    metric: str = "triplet-angular"
    negatives: str = "hardest"
    both_directions: bool = True
    margin: float = 0.1
    temperature: float = 0.05
    tags: tuple[tuple[str, float], ...] = ()
    words: float = 0.0
    titles: float = 0.0
    metric_weight: float = 20.0
    language: str = "masked"
    mlm_weight: float = 1.0
    mlm_share: float = 1.0
    teacher_weight: float = 0.0
    teacher_base: str = ""

    steps: int = 600
    batch_size: int = 40
    chunk_size: int = 0
    head_steps: int = 100
    frozen_layers: int = 0
    learning_rate: float = 2e-5
    head_learning_rate: float = 5e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    dropout: float = 0.1
    precision: str = "float32"
    heldout: float = 0.05
    evaluate_every: int = 0
    patience: int = 0
    save_every: int = 200
    seed: int = 0

    @property
    def reads_catalogue(self) -> bool:
        """Whether every item is read before the first step, for a teacher or for neighbours."""
        return self.teacher_weight > 0 or self.looks_around

    @property
    def looks_around(self) -> bool:
        """Whether pairs and batches are made with an item's neighbours."""
        return self.mutual > 0 or self.mined > 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            _require(value in choices, name, repr(value), f"one of {', '.join(choices)}")
        for name, low in _AT_LEAST.items():
            value = getattr(self, name)
            _require(low <= value < float("inf"), name, value, f"{low} or more")
        for name in ("learning_rate", "head_learning_rate", "max_grad_norm", "temperature"):
            value = getattr(self, name)
            _require(0 < value < float("inf"), name, value, "a positive number")
        for name in ("warmup", "weight_decay", "margin", "heldout", "dropout"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, value, "in [0, 1)")
        _require(0 <= self.title_share <= 1, "title_share", self.title_share, "in [0, 1]")
        _require(0 <= self.mutual <= 1, "mutual", self.mutual, "in [0, 1]")
        _require(0 < self.mlm_share <= 1, "mlm_share", self.mlm_share, "in (0, 1]")
        _require(
            not self.masked_pass or self.mlm_share == 1,
            "mlm_share",
            self.mlm_share,
            "1 when masked_pass is set: the metric loss reads every masked anchor",
        )
        _require(
            8 <= self.passage_tokens <= 512, "passage_tokens", self.passage_tokens, "in 8..512"
        )
        _require(
            0 < self.mask_probability < 1, "mask_probability", self.mask_probability, "in (0, 1)"
        )
        _require(
            self.batch_size % (self.chunk_size or self.batch_size) == 0,
            "chunk_size",
            self.chunk_size,
            f"a divisor of batch_size ({self.batch_size})",
        )
        _require(
            max(self.metric_weight, self.mlm_weight, self.teacher_weight) > 0,
            "metric_weight, mlm_weight, teacher_weight",
            "0",
            "above 0 for at least one of them",
        )
        _require(
            not self.patience or self.evaluate_every > 0,
            "patience",
            self.patience,
            "0 when evaluate_every is 0: nothing is measured",
        )
        for name in ("words", "titles"):
            _require(
                not getattr(self, name) or self.teacher_weight > 0,
                name,
                getattr(self, name),
                "0 when teacher_weight is 0: there is no teacher",
            )
        _require(
            not self.teacher_base or self.reads_catalogue,
            "teacher_base",
            repr(self.teacher_base),
            "empty when teacher_weight, mutual and mined are 0: nothing is read beforehand",
        )
        for column, weight in self.tags:
            _require(0 < weight < float("inf"), f"tags: {column}", weight, "a positive weight")
        _require(self.seed < 2**63, "seed", self.seed, "in 0..2**63-1")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, as they stand in a manifest."""
        return asdict(self)

    def changed(self, settings: Iterable[str]) -> "TrainConfig":
        """Return a copy with `NAME=VALUE` settings applied. Raises `ConfigError`.

        >>> TrainConfig().changed(["margin=0.2", "metric=cosine"]).margin
        0.2
        """
        values = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            values[name] = _parse(name, text)
        return replace(self, **values)


_AT_LEAST = {
    "steps": 1,
    "batch_size": 2,
    "chunk_size": 0,
    "mined": 0,
    "head_steps": 0,
    "frozen_layers": 0,
    "metric_weight": 0,
    "mlm_weight": 0,
    "teacher_weight": 0,
    "words": 0,
    "titles": 0,
    "evaluate_every": 0,
    "patience": 0,
    "save_every": 1,
    "seed": 0,
}


def _parse(name: str, text: str) -> Any:
    kinds = {field.name: field.type for field in fields(TrainConfig)}
    if name == "tags":
        return tuple(parse_tag(part) for part in text.split(",") if part)
    if name not in kinds:
        raise ConfigError(f"unknown setting {name!r}; there are {', '.join(kinds)}")
    try:
        return _READERS[kinds[name]](text)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{name} is {text!r}; it must be {_KINDS[kinds[name]]}") from error


def parse_tag(text: str) -> tuple[str, float]:
    """Return `genres:0.2` as ("genres", 0.2). Raises `ConfigError`."""
    column, _, weight = text.partition(":")
    try:
        return column, float(weight)
    except ValueError as error:
        raise ConfigError(f"tags is {text!r}; write COLUMN:WEIGHT, like genres:0.2") from error


_KINDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}

_READERS: Mapping[Any, Callable[[str], Any]] = {
    int: int,
    float: float,
    str: str,
    bool: {"true": True, "false": False}.__getitem__,
}
