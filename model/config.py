"""Frozen settings of the encoder and of a training run; bad values are refused when built."""

from dataclasses import asdict, dataclass
from typing import Any

PRECISIONS = ("float32", "bfloat16")


class ConfigError(ValueError):
    """A setting outside its range; the message names the setting, the value and the range."""


def _require(condition: bool, name: str, value: object, bound: str) -> None:
    if not condition:
        raise ConfigError(f"{name} is {value}; it must be {bound}")


@dataclass(frozen=True)
class EncoderConfig:
    """How texts become vectors.

    max_tokens: tokens read of one text, [CLS] and [SEP] included; the rest is cut.
    batch_tokens: padded tokens in one forward pass, the bound on memory.
    """

    max_tokens: int = 256
    batch_tokens: int = 8192

    def __post_init__(self) -> None:
        _require(8 <= self.max_tokens <= 512, "max_tokens", self.max_tokens, "in 8..512")
        _require(
            self.batch_tokens >= self.max_tokens,
            "batch_tokens",
            self.batch_tokens,
            f"at least max_tokens ({self.max_tokens})",
        )


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run of `L = L_MLM + metric_weight * L_metric`.

    steps: optimiser steps. batch_size: pairs in a step. passage_tokens: tokens read of a passage.
    margin: by how much, in angular distance (0..1), the positive must be nearer than the hardest
    negative. learning_rate: of the encoder; head_learning_rate: of the MLM head, which starts
    untrained on a base model that has none. heldout: share of items kept for measuring.
    precision: of the forward pass; bfloat16 halves the time on processors that have it.
    """

    steps: int = 600
    batch_size: int = 40
    passage_tokens: int = 64
    learning_rate: float = 2e-5
    head_learning_rate: float = 5e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    margin: float = 0.1
    metric_weight: float = 20.0
    mask_probability: float = 0.15
    heldout: float = 0.05
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.steps >= 1, "steps", self.steps, "at least 1")
        _require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2")
        _require(
            8 <= self.passage_tokens <= 512, "passage_tokens", self.passage_tokens, "in 8..512"
        )
        for name in ("learning_rate", "head_learning_rate", "max_grad_norm"):
            value = getattr(self, name)
            _require(0 < value < float("inf"), name, value, "a positive number")
        for name in ("warmup", "weight_decay", "margin", "heldout"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, value, "in [0, 1)")
        _require(
            0 < self.mask_probability < 1, "mask_probability", self.mask_probability, "in (0, 1)"
        )
        _require(self.precision in PRECISIONS, "precision", self.precision, f"one of {PRECISIONS}")
        _require(
            0 <= self.metric_weight < float("inf"), "metric_weight", self.metric_weight, "0 or more"
        )
        _require(0 <= self.seed < 2**63, "seed", self.seed, "in 0..2**63-1")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, as they stand in a manifest."""
        return asdict(self)
