"""Training objectives by name: the ones the paper compares, and what the field uses today.

Each is a set of changes to `TrainConfig`; all else, the budget above all, stays equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from model.config import ConfigError


@dataclass(frozen=True)
class Variant:
    """What a variant is called in a table, and the settings that make it."""

    title: str
    settings: tuple[str, ...] = ()


VARIANTS: Mapping[str, Variant] = {
    "metricbert": Variant("MetricBERT: triplet on angular distance, hard negatives, MLM"),
    "triplet-cosine": Variant("triplet on cosine, hard negatives, MLM", ("metric=triplet-cosine",)),
    "contrastive": Variant(
        "contrastive, pair margin on cosine, MLM", ("metric=contrastive", "margin=0.5")
    ),
    "cosine": Variant("cosine similarity objective, MLM", ("metric=cosine", "negatives=random")),
    "no-mlm": Variant("MetricBERT without MLM", ("mlm_weight=0", "head_steps=0")),
    "no-hard-negatives": Variant("MetricBERT with random negatives", ("negatives=random",)),
    "multiple-negatives": Variant(
        "multiple negatives (InfoNCE), MLM", ("metric=multiple-negatives", "metric_weight=1")
    ),
    "tsdae": Variant(
        "TSDAE: the text rebuilt from the vector of a noised copy",
        ("passages=noised", "metric_weight=0", "language=denoising", "head_steps=0"),
    ),
    "simcse": Variant(
        "SimCSE: one text twice, dropout between",
        (
            *("passages=identical", "metric=multiple-negatives", "metric_weight=1"),
            *("mlm_weight=0", "head_steps=0", "dropout=0.1"),  # without dropout the two are one
        ),
    ),
}


def variant(name: str) -> Variant:
    """Return the variant called `name`. Raises `ConfigError`."""
    if name not in VARIANTS:
        raise ConfigError(f"unknown variant {name!r}; there are {', '.join(VARIANTS)}")
    return VARIANTS[name]
