"""A small evaluation with everything in it: annotations, a label, a model without weights."""

from dataclasses import replace

import pytest

from model.evaluation.compare import Unavailable, compare
from model.evaluation.found import find
from model.evaluation.ranking import Annotation
from model.evaluation.results import Evaluation
from model.evaluation.study import Study, prepare
from model.report.origin import DataFile, Origin
from tests.model.evaluation.rankers import coloured, drawn

ODD = "<script>alert('x')</script> | $1$"
"""A title, and a model's name, that must not get out of its cell."""


@pytest.fixture(scope="package")
def evaluation() -> Evaluation:
    records = coloured(20)
    records[1] = replace(records[1], title=ODD)
    annotations = tuple(Annotation(f"g{i}", ("g7", "g8", "g1")) for i in (0, 3, 4, 5))
    ground = prepare(Study(records, annotations, label="colour", sample=15))
    return compare(
        {
            "plain": lambda: find(drawn(20), ground),
            "gone": Unavailable("no such folder"),
            ODD: lambda: find(drawn(20, seed=1), ground),
        },
        ground,
    )


@pytest.fixture(scope="package")
def weak_only() -> Evaluation:
    ground = prepare(Study(coloured(20), label="colour"))
    return compare({"plain": lambda: find(drawn(20), ground)}, ground)


@pytest.fixture(scope="session")
def origin() -> Origin:
    files = (DataFile("games.jsonl", "ab" * 32), DataFile("experts.jsonl", "cd" * 32))
    return Origin(files, ("evaluate", "--out", "a b"), {"precision": "float32"}, {"numpy": "2.0"})
