import csv
import io
import json
import re

import pytest

from model.evaluation.results import Evaluation, Metric
from model.evaluation.uncertainty import Estimate
from model.report.origin import Origin
from model.report.tables import (
    card_rows,
    cell,
    csv_table,
    difference_rows,
    json_report,
    markdown,
    markdown_table,
)
from tests.model.report.conftest import ODD


@pytest.mark.parametrize(
    ("percent", "estimate", "expected"),
    [
        (True, Estimate(0.41234, 0.35, 0.476), "41.23 [35.0, 47.6]"),
        (True, Estimate(0.5), "50.00"),
        (False, Estimate(2.5, -1.0, 3.0), "2.50 [-1.0, 3.0]"),
    ],
)
def test_a_cell_holds_value_and_interval(percent: bool, estimate: Estimate, expected: str) -> None:
    assert cell(Metric("m", "annotated", "-", percent), estimate) == expected


def test_the_markdown_table_has_a_row_a_model_and_one_for_chance(evaluation: Evaluation) -> None:
    head, rule, *rows = markdown_table(evaluation).splitlines()
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in (head, rule, *rows)]
    assert {len(row) for row in cells} == {1 + len(evaluation.metrics)}
    assert [row[0].strip() for row in cells[2:]] == [
        "plain",
        "gone",
        ODD.replace("|", "\\|"),
        "*chance level*",
    ]


def test_a_model_without_weights_has_no_number(evaluation: Evaluation) -> None:
    row = next(line for line in markdown_table(evaluation).splitlines() if "gone" in line)
    assert "weights not available (no such folder)" in row
    assert not re.search(r"\d", row)
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(csv_table(evaluation)))}
    gone = rows["gone"]
    assert gone.pop("status") == "weights not available (no such folder)"
    assert set(gone.values()) == {"gone", ""}


def test_the_sheet_holds_the_figures_of_the_table(evaluation: Evaluation) -> None:
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(csv_table(evaluation)))}
    result = evaluation.results[2]
    row, expected = rows[ODD], result.estimates["MPR"]
    assert expected.low is not None
    assert float(row["MPR"]) == pytest.approx(100 * expected.value, rel=1e-4)
    assert float(row["MPR low"]) == pytest.approx(100 * expected.low, rel=1e-4)
    assert float(row["MPR p"]) == pytest.approx(result.differences["MPR"].p, rel=1e-4)
    assert float(row["hubness"]) == pytest.approx(result.estimates["hubness"].value, rel=1e-4)
    assert rows["plain"]["MPR difference"] == ""  # it is the reference


def test_json_holds_everything(evaluation: Evaluation, origin: Origin) -> None:
    held = json.loads(json_report(evaluation, origin))
    assert [row["status"] for row in held["results"]] == [
        "measured",
        "weights not available",
        "measured",
    ]
    assert held["origin"]["files"][0] == {"name": "games.jsonl", "sha256": "ab" * 32}
    assert held["results"][0]["estimates"]["MRR"]["value"] <= 1
    assert held["chance"].keys() <= {metric["name"] for metric in held["metrics"]}
    assert len(held["examples"]) == evaluation.queries == 4


def test_the_document_explains_and_names_its_origin(evaluation: Evaluation, origin: Origin) -> None:
    text = markdown(evaluation, origin)
    assert all(f"- {metric.name}: " in text for metric in evaluation.metrics)
    assert f"- games.jsonl: SHA-256 {'ab' * 32}\n" in text
    assert "- command: python -m model evaluate --out 'a b'\n" in text
    assert "20 items; 4 annotated queries, 12 pairs; 15 sampled queries" in text


def test_differences_are_of_the_others_from_the_reference(evaluation: Evaluation) -> None:
    rows = list(difference_rows(evaluation))
    assert {row[0] for row in rows} == {ODD}
    assert [row[1] for row in rows] == [m.name for m in evaluation.metrics[:7]]


def test_rows_of_a_card_are_short(evaluation: Evaluation) -> None:
    rows = card_rows(evaluation)
    assert rows["gone"] == {"MPR": "weights not available"}
    value = evaluation.results[0].estimates["MPR"].value
    assert rows["plain"]["MPR"] == round(100 * value, 2)
