from pathlib import Path
from typing import Any

import pytest

from model.annotations import AnnotationError, read_annotations
from model.evaluation.ranking import Annotation
from model.rows import RowsError
from tests.model.tiny import write_jsonl

IDS = {"a", "b", "c"}
GOOD = {"query": "a", "similar": ["b", "c"]}


def test_annotations_are_read_in_order(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [GOOD, {"query": "c", "similar": ["a"]}])
    assert read_annotations(path, IDS) == [Annotation("a", ("b", "c")), Annotation("c", ("a",))]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"query": "a"}, "expected"),
        ({"similar": ["a"]}, "expected"),
        ({"query": 1, "similar": ["a"]}, "expected"),
        ({"query": "a", "similar": "b"}, "expected"),
        ({"query": "a", "similar": []}, "expected"),
        ({"query": "a", "similar": [["b"]]}, "expected"),
        ({"query": "a", "similar": [1]}, "expected"),
        ({"query": "a", "similar": [{"grade": 1}]}, "expected"),
        ({"query": "a", "similar": [{"id": "b", "grade": 0}]}, "the grade is 0; it must be"),
        ({"query": "a", "similar": [{"id": "b", "grade": "3"}]}, "the grade is '3'; it must be"),
        ({"query": "x", "similar": ["a"]}, "'x' is not in the catalogue"),
        ({"query": "a", "similar": ["b", "x"]}, "'x' is not in the catalogue"),
        ({"query": "a", "similar": ["b", "a"]}, "'a' is annotated as similar to itself"),
        ({"query": "a", "similar": ["b", "b"]}, "'b' .*(twice|once|repeat)"),
    ],
)
def test_a_wrong_annotation_is_refused_with_its_line(
    bad: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [GOOD, bad])
    with pytest.raises(AnnotationError, match=rf"^a\.jsonl, line 2: .*({message})"):
        read_annotations(path, IDS)


def test_grades_are_read_and_a_split_is_chosen(tmp_path: Path) -> None:
    graded = [{"id": "b", "grade": 3, "reason": "both race"}, {"id": "c", "grade": 1}]
    rows: list[dict[str, Any]] = [
        {"query": "a", "split": "dev", "similar": graded},
        {**GOOD, "split": "test"},
    ]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    (dev,) = read_annotations(path, IDS, split="dev")
    (test,) = read_annotations(path, IDS, split="test")
    assert dev == Annotation("a", ("b", "c"), (3, 1))
    assert (dev.gains.tolist(), test.gains.tolist()) == ([3.0, 1.0], [1.0, 1.0])
    assert read_annotations(path, IDS) == [dev, test]


def test_a_split_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{**GOOD, "split": "dev"}, GOOD])
    with pytest.raises(AnnotationError, match=r"no query of the split 'test'; there are dev$"):
        read_annotations(path, IDS, split="test")


def test_an_unreadable_line_is_refused_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"query": "a"')
    with pytest.raises(AnnotationError, match=r"^a\.jsonl, line 1: not valid JSON"):
        read_annotations(tmp_path / "a.jsonl", IDS)


def test_a_file_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"^a\.jsonl: no annotations in it"):
        read_annotations(write_jsonl(tmp_path / "a.jsonl", []), IDS)
    with pytest.raises(RowsError, match=r"^none\.jsonl: No such file"):
        read_annotations(tmp_path / "none.jsonl", IDS)
