import hashlib
import platform
from pathlib import Path

import pytest

from model.evaluation.results import Evaluation
from model.report.origin import DataFile, Origin, caption, command_line, counts, versions


def test_a_data_file_has_its_name_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"title\n")
    assert DataFile.of(path) == DataFile("a.csv", hashlib.sha256(b"title\n").hexdigest())


def test_versions_name_python_and_the_libraries() -> None:
    assert versions()["Python"] == platform.python_version()
    assert {"metricbert", "numpy", "scipy", "torch"} <= versions().keys()


def test_the_command_line_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["model", "evaluate", "--seed", "1"])
    assert command_line() == ("evaluate", "--seed", "1")


def test_the_caption_counts_what_was_measured(
    evaluation: Evaluation, weak_only: Evaluation, origin: Origin
) -> None:
    text = "20 items; 4 annotated queries, 12 pairs; 15 sampled queries, "
    assert counts(evaluation).startswith(text)
    assert counts(weak_only) == "20 items; 20 sampled queries, 19 of them with a label"
    assert caption(weak_only, origin.files[:1]).startswith(
        "games.jsonl (SHA-256 abababababab…); 20"
    )
