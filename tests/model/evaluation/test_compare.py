import math
from collections.abc import Callable

import numpy as np
import pytest

from model.evaluation.compare import Models, Unavailable, compare
from model.evaluation.found import Found, find
from model.evaluation.ranking import Annotation
from model.evaluation.results import Evaluation
from model.evaluation.study import Ground, Study, StudyError, prepare
from tests.model.evaluation.rankers import Fixed, coloured, drawn

COUNT = 40
ANNOTATIONS = tuple(Annotation(f"g{i}", (f"g{i + 1}", f"g{i + 2}")) for i in range(12))
STUDY = Study(coloured(COUNT), ANNOTATIONS, label="colour", sample=20)


def search(ranker: Fixed, ground: Ground) -> Callable[[], Found]:
    return lambda: find(ranker, ground)


def oracle() -> Fixed:
    """Ranks the next items first, one after the other."""
    rows = np.arange(COUNT)
    return Fixed(-((rows[None] - rows[:, None]) % COUNT).astype(np.float32))


def compared(study: Study = STUDY) -> Evaluation:
    ground = prepare(study)
    models: Models = {
        "chance": search(drawn(COUNT), ground),
        "gone": Unavailable("no such folder"),
        "oracle": search(oracle(), ground),
    }
    return compare(models, ground)


def test_a_perfect_ranker_is_found_out() -> None:
    found = compared()
    chance, gone, best = found.results
    perfect = {"MRR": 1.0, "HR@10": 1.0, "HR@100": 1.0, "NDCG@10": 1.0, "MAP": 1.0}
    assert {name: best.estimates[name].value for name in perfect} == perfect
    assert best.estimates["MPR"].value == pytest.approx(1 - 0.5 / (COUNT - 2))
    assert best.differences["MAP"].adjusted < 0.01
    assert best.recall == (0.5, 1.0, 1.0, 1.0, 1.0)  # of k = 1, 2, 5, 10, 20
    assert (gone.unavailable, gone.estimates, gone.recall) == ("no such folder", {}, ())
    assert (found.reference, chance.differences) == ("chance", {})


def test_hand_worked_figures() -> None:
    study = Study(coloured(COUNT), (Annotation("g0", ("g2", "g4")),))
    found = compared(study).results[2].estimates
    gain = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    assert found["NDCG@10"].value == pytest.approx(gain)
    assert found["MRR"].value == 0.5
    assert found["MAP"].value == (1 / 2 + 2 / 4) / 2
    assert found["MPR"].value == pytest.approx(1 - (1 + 3) / 2 / (COUNT - 2))
    assert found["MAP"].low is None  # one query has no spread


def test_the_rest_needs_no_annotations() -> None:
    found = compared(Study(coloured(COUNT), label="colour", sample=COUNT))
    names = [metric.name for metric in found.metrics]
    assert names == [
        "same colour@10",
        "coverage@10",
        "hubness",
        "similarity in list",
        "overlap@10",
    ]
    best = found.results[2]
    assert (best.estimates["coverage@10"].value, best.estimates["hubness"].value) == (1.0, 0.0)
    assert best.occurrences == (*[0] * 10, COUNT)  # every item in ten lists
    assert best.estimates["same colour@10"].value == pytest.approx(0.5, abs=0.03)
    assert found.chance["same colour@10"] == pytest.approx(0.5, abs=0.03)
    assert found.results[0].estimates["overlap@10"].value == 1.0
    assert (found.queries, found.pairs, found.labelled, found.cutoffs) == (0, 0, COUNT - 1, ())


def test_examples_mark_hits_for_every_model() -> None:
    example = compared().examples[0]
    titles = [record.title for record in coloured(COUNT)]
    assert (example.query, example.targets) == (titles[0], (titles[1], titles[2]))
    assert [n.title for n in example.lists["oracle"]] == titles[1:11]
    assert [n.hit for n in example.lists["oracle"]] == [True, True, *[False] * 8]
    assert example.lists.keys() == {"chance", "oracle"}


def test_examples_without_annotations_mark_the_same_label() -> None:
    examples = compared(Study(coloured(COUNT), label="colour", sample=COUNT)).examples
    assert [n.hit for n in examples[1].lists["oracle"]] == [False, True] * 5
    assert examples[1].targets == ()


def test_the_same_study_gives_the_same_figures() -> None:
    assert compared() == compared()


@pytest.mark.parametrize(
    ("baseline", "words"),
    [("nobody", "'nobody' is none of the models: chance, gone"), ("gone", "'gone' has no weights")],
)
def test_a_baseline_that_cannot_be_is_refused_before_anything_is_found(
    baseline: str, words: str
) -> None:
    def never() -> Found:
        raise AssertionError

    ground = prepare(Study(coloured(COUNT), ANNOTATIONS, reference=baseline))
    with pytest.raises(StudyError, match=words):
        compare({"chance": never, "gone": Unavailable("-")}, ground)


def test_no_model_with_weights_is_refused() -> None:
    with pytest.raises(StudyError, match="not available for a, b"):
        compare({"a": Unavailable("-"), "b": Unavailable("-")}, prepare(STUDY))


def test_a_model_that_fails_is_named() -> None:
    ground = prepare(STUDY)
    broken = Fixed(np.full((COUNT, COUNT), np.nan, dtype=np.float32))
    with pytest.raises(StudyError, match="broken: a score is not finite"):
        compare({"broken": search(broken, ground)}, ground)
