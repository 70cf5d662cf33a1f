"""What an evaluation finds: figures by model, differences from the reference, example lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from model.evaluation.uncertainty import Difference, Estimate

Group = Literal["annotated", "weak", "label-free"]
"""Judged by experts, by a column of the catalogue, or by nobody."""


@dataclass(frozen=True)
class Metric:
    """One column of the table. percent: shown times 100; otherwise as it is."""

    name: str
    group: Group
    meaning: str
    percent: bool = True


@dataclass(frozen=True)
class Result:
    """One model's row. `unavailable` tells why there are no figures, and is empty if there are.

    estimates: by metric name. differences: from the reference model, by metric name; none for the
    reference itself. recall: HR@k at the evaluation's `cutoffs`. occurrences: how many items stand
    in 0, 1, 2, ... of the sampled lists.
    """

    name: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    differences: Mapping[str, Difference] = field(default_factory=dict)
    recall: tuple[float, ...] = ()
    occurrences: tuple[int, ...] = ()
    unavailable: str = ""


@dataclass(frozen=True)
class Neighbour:
    """An item of a list, and whether it is a hit."""

    title: str
    hit: bool


@dataclass(frozen=True)
class Example:
    """One query's first neighbours by every model, and what an expert would have there."""

    query: str
    targets: tuple[str, ...]
    lists: Mapping[str, tuple[Neighbour, ...]]


@dataclass(frozen=True)
class Evaluation:
    """All that was measured.

    reference: the model that the others are tested against. chance: what lists drawn at random
    give, by metric name. cutoffs: the k of `Result.recall`. items: in the catalogue; queries and
    pairs: annotated; sampled: queries of the label-free metrics; labelled: those with a label.
    """

    metrics: tuple[Metric, ...]
    results: tuple[Result, ...]
    reference: str
    chance: Mapping[str, float]
    cutoffs: tuple[int, ...]
    examples: tuple[Example, ...]
    items: int
    queries: int
    pairs: int
    sampled: int
    labelled: int
    seed: int

    @property
    def measured(self) -> tuple[Result, ...]:
        """The models that have figures."""
        return tuple(result for result in self.results if not result.unavailable)
