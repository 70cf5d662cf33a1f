"""What is asked of every model, and the ground that is the same for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.sparse import csr_array

from model.corpus import Record
from model.evaluation.lists import sample_rows
from model.evaluation.ranking import Annotation
from model.evaluation.unlabelled import reference_vectors
from model.evaluation.weak import label_matrix, labelled

LENGTH = 10
"""Neighbours in a list; fewer in a catalogue that has fewer."""
CUTOFFS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""The k of the recall curves, as far as the catalogue goes."""
EXAMPLES = 50
"""Queries shown with their lists, at most."""


class StudyError(ValueError):
    """The evaluation cannot be run as asked; the message says what to change."""


@dataclass(frozen=True)
class Study:
    """What is asked of every model, the same for all.

    records: at least three. annotations: queries with their targets, by record id. label: a column
    of the records' tags. sample: how many items the label-free metrics and the weak label take as
    queries. reference: the model to test the others against; the first that has figures if None.
    """

    records: Sequence[Record]
    annotations: Sequence[Annotation] = ()
    label: str | None = None
    sample: int = 1000
    seed: int = 0
    reference: str | None = None

    def __post_init__(self) -> None:
        """Raise `StudyError` for a study that cannot tell models apart."""
        if not self.annotations and self.label is None:
            raise StudyError("nothing to judge by: give --annotations, --label or both")
        if self.sample < 1:
            raise StudyError(f"the sample is {self.sample} queries; it must be 1 or more")
        if self.seed < 0:
            raise StudyError(f"the seed is {self.seed}; it must be 0 or more")


@dataclass(frozen=True)
class Ground:
    """A study, worked out once for all models.

    queries, targets: rows of the annotated items. sampled: rows whose lists are looked at without
    annotations; judged: those of them that have the label, by `labels` (items, values). space:
    (items, words) sparse unit rows. shown: query rows of the examples.
    """

    study: Study
    queries: list[int]
    targets: list[list[int]]
    sampled: list[int]
    judged: list[int]
    labels: csr_array | None
    space: csr_array
    shown: list[int]

    @property
    def items(self) -> int:
        """How many items the catalogue has."""
        return len(self.study.records)

    @property
    def length(self) -> int:
        """Neighbours in a list."""
        return min(LENGTH, self.items - 1)

    @property
    def weak_name(self) -> str:
        """The name of the metric that the label gives."""
        return f"same {self.study.label}@10"

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """The k of the recall curves; none without annotations."""
        return tuple(k for k in CUTOFFS if self.queries and k < self.items)


def prepare(study: Study) -> Ground:
    """Work out rows, sample and labels. Raises `StudyError`; `KeyError` for an unknown id."""
    if len(study.records) < 3:
        raise StudyError(f"{len(study.records)} items cannot be ranked; 3 or more are needed")
    row = {record.id: i for i, record in enumerate(study.records)}
    sampled = sample_rows(len(study.records), study.sample, seed=study.seed)
    labels = None if study.label is None else label_matrix(study.records, study.label)
    judged = [] if labels is None else labelled(labels, sampled)
    if labels is not None and not judged:
        raise StudyError(
            f"none of the {len(sampled)} sampled items has a value in {study.label!r}; "
            "choose a larger --sample or another --label"
        )
    queries = [row[a.query] for a in study.annotations]
    return Ground(
        study=study,
        queries=queries,
        targets=[[row[item] for item in a.similar] for a in study.annotations],
        sampled=sampled,
        judged=judged,
        labels=labels,
        space=reference_vectors([record.text for record in study.records]),
        shown=(queries or judged)[:EXAMPLES],
    )
