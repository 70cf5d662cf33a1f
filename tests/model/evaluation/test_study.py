from dataclasses import replace
from typing import Any

import pytest

from model.evaluation.ranking import Annotation
from model.evaluation.study import CUTOFFS, EXAMPLES, Study, StudyError, prepare
from tests.model.evaluation.rankers import coloured
from tests.model.tiny import games

ANNOTATIONS = (Annotation("g3", ("g1", "g4")),)


def test_ids_become_rows() -> None:
    ground = prepare(Study(games(30), ANNOTATIONS, sample=5))
    assert (ground.queries, ground.targets) == ([3], [[1, 4]])
    assert (len(ground.sampled), ground.length, ground.shown) == (5, 10, [3])
    assert ground.cutoffs == tuple(k for k in CUTOFFS if k < 30)


def test_a_label_takes_the_sampled_items_that_have_it() -> None:
    ground = prepare(Study(coloured(80), label="colour", sample=80))
    assert ground.judged == list(range(79))
    assert ground.shown == ground.judged[:EXAMPLES]
    assert (ground.weak_name, ground.cutoffs) == ("same colour@10", ())


def test_lists_are_as_long_as_a_small_catalogue_allows() -> None:
    assert prepare(Study(coloured(4), label="colour")).length == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"annotations": ()}, "--annotations, --label or both"),
        ({"sample": 0}, "the sample is 0"),
        ({"seed": -1}, "the seed is -1"),
    ],
)
def test_a_study_that_tells_nothing_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        replace(Study(games(5), ANNOTATIONS), **changes)


def test_a_study_that_does_not_fit_its_catalogue_is_refused() -> None:
    with pytest.raises(StudyError, match="2 items"):
        prepare(Study(coloured(2), label="colour"))
    with pytest.raises(StudyError, match="none of the 5 sampled items has a value in 'size'"):
        prepare(Study(coloured(5), label="size"))
    with pytest.raises(KeyError, match="g3"):
        prepare(Study(games(3), ANNOTATIONS))
