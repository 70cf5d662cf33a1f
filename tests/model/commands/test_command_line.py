import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.model.commands.conftest import SMALL, Command, refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["train", "evaluate", "settings"]),
        (["train", "--help"], ["--catalogue", "--out", "--variant", "--set", "--resume", "--seed"]),
        (["evaluate", "--help"], ["--annotations", "--models"]),
    ],
)
def test_help_names_commands_and_options(
    arguments: list[str], words: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, lines = command(*arguments)
    assert code == 0
    assert all(word in "\n".join(lines) for word in words)


def test_an_expected_failure_is_one_line_and_exit_code_1(command: Command, tmp_path: Path) -> None:
    usual = ("train", "--catalogue", tmp_path / "none.jsonl", "--out", tmp_path / "out")
    refused(command(*usual), "none.jsonl: No such file")


@pytest.mark.slow
def test_a_process_ends_in_one_line_without_a_traceback(games_file: Path, tmp_path: Path) -> None:
    usual = ("train", "--catalogue", games_file, "--out", tmp_path / "out", *SMALL)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "model", *usual, "--base", "/nobody/nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    refused((ended.returncode, (ended.stdout + ended.stderr).splitlines()), "'/nobody/nothing'")
    assert not (tmp_path / "out").exists()
