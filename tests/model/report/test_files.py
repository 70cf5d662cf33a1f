from pathlib import Path

import pytest

from model.checkpoint import CheckpointError
from model.evaluation.results import Evaluation
from model.report.files import write_report
from model.report.origin import Origin

NAMES = ["report.html", "results.json", "table.csv", "table.md"]


def test_a_report_is_a_folder_of_four_files(
    evaluation: Evaluation, origin: Origin, tmp_path: Path
) -> None:
    write_report(tmp_path / "new" / "report", evaluation, origin)
    assert sorted(p.name for p in (tmp_path / "new" / "report").iterdir()) == NAMES
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["report"]  # nothing left beside it
    assert "✓" in (tmp_path / "new" / "report" / "report.html").read_text(encoding="utf-8")


def test_an_occupied_folder_stays_as_it_is(
    evaluation: Evaluation, origin: Origin, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(CheckpointError, match="already exists"):
        write_report(tmp_path, evaluation, origin)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
