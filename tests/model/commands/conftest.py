"""The command line in this process, and the tiny training that it does."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.__main__ import main
from tests.model.tiny import write_games

Command = Callable[..., tuple[int, list[str]]]

SMALL = (
    *("--steps", "4", "--batch-size", "4", "--max-tokens", "32", "--set", "passage_tokens=16"),
    *("--set", "head_steps=2", "--set", "save_every=2", "--set", "heldout=0.1"),
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process; give its exit code and what it wrote, by line."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer sets its own: put it back

    def run(*arguments: object) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["model", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), "".join(capfd.readouterr()).splitlines()

    return run


@pytest.fixture
def games_file(tmp_path: Path) -> Path:
    return write_games(tmp_path / "games.jsonl", 24)


@pytest.fixture
def train(command: Command, games_file: Path, base_folder: Path, tmp_path: Path) -> Command:
    """Train four steps into the folder `out`; options given once more win."""
    usual = ("--catalogue", games_file, "--base", base_folder, "--out", tmp_path / "out", *SMALL)
    return lambda *more: command("train", *usual, *more)


def refused(result: tuple[int, list[str]], *words: str) -> None:
    """One line that starts with "error:", the last, and exit code 1."""
    code, lines = result
    assert code == 1
    assert [line.startswith("error: ") for line in lines].count(True) == 1, lines
    assert lines[-1].startswith("error: ")
    assert all(word in lines[-1] for word in words), lines[-1]
