import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.__main__ import main
from model.checkpoint import read_manifest
from model.encoder import load_encoder
from tests.model.tiny import write_games, write_jsonl

Command = Callable[..., tuple[int, list[str]]]
SMALL = ("--steps", "2", "--batch-size", "4", "--passage-tokens", "16", "--max-tokens", "32")


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
def catalogue(tmp_path: Path) -> Path:
    return write_games(tmp_path / "games.jsonl", 24)


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    rows = [{"query": "g0", "similar": ["g8", "g16"]}, {"query": "g1", "similar": ["g9"]}]
    return write_jsonl(tmp_path / "experts.jsonl", rows)


def refused(result: tuple[int, list[str]], *words: str) -> None:
    """One line that starts with "error:", the last, and exit code 1."""
    code, lines = result
    assert code == 1
    assert [line.startswith("error: ") for line in lines].count(True) == 1, lines
    assert lines[-1].startswith("error: ")
    assert all(word in lines[-1] for word in words), lines[-1]


@pytest.fixture
def train(command: Command, catalogue: Path, base_folder: Path, tmp_path: Path) -> Command:
    """Train two steps into the folder `out`; options given once more win."""
    usual = ("--catalogue", catalogue, "--base", base_folder, "--out", tmp_path / "out", *SMALL)
    return lambda *more: command("train", *usual, *more)


@pytest.fixture
def evaluate(
    command: Command, catalogue: Path, annotations: Path, base_folder: Path, checkpoint: Path
) -> Command:
    """Measure the tiny checkpoint; options given once more win."""
    data = ("--catalogue", catalogue, "--annotations", annotations)
    models = ("--base", base_folder, "--checkpoint", checkpoint)
    return lambda *more: command("evaluate", *data, *models, *more)


def test_training_writes_a_checkpoint_that_loads(train: Command, tmp_path: Path) -> None:
    code, lines = train()
    assert (code, lines[0]) == (0, "games.jsonl: 24 records kept, 0 dropped")
    encoder, manifest = load_encoder(tmp_path / "out")
    assert (manifest.max_tokens, encoder.encode(["red cat"]).shape) == (32, (1, 32))
    assert manifest.config["steps"] == 2
    assert (manifest.data["trained on"], manifest.data["held out"]) == (23, 1)
    figures = manifest.metrics["held-out items (1), per cent"]
    assert figures["before"].keys() == figures["after"].keys() >= {"passage MRR"}


def test_the_same_command_twice_gives_the_same_encoder(train: Command, tmp_path: Path) -> None:
    places = [tmp_path / place / "games" for place in ("first", "again")]
    for place in places:
        train("--out", place)
    first, again = (read_manifest(place).encoder_id for place in places)
    assert first == again


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--catalogue", "none.jsonl", ["none.jsonl: No such file"]),
        ("--catalogue", "notes.txt", ["notes.txt: unknown file type"]),
        ("--base", "/no/such/base", ["base model '/no/such/base' does not load"]),
        ("--steps", "0", ["steps is 0"]),
        ("--batch-size", "1", ["batch_size is 1"]),
        ("--batch-size", "99", ["23 records", "batch of 99", "--batch-size 11"]),
        ("--margin", "nan", ["margin is nan"]),
        ("--max-tokens", "4", ["max_tokens is 4"]),
        ("--precision", "float8", ["precision is float8"]),
        ("--seed", str(2**70), ["seed is"]),
    ],
)
def test_a_wrong_option_is_one_line(
    option: str, value: str, words: list[str], train: Command, tmp_path: Path
) -> None:
    refused(train(option, value), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_catalogue_too_small_to_train_on_is_one_line(
    count: int, train: Command, tmp_path: Path
) -> None:
    result = train("--catalogue", write_games(tmp_path / "few.jsonl", count))
    refused(result, "few.jsonl", f"{count} records kept", "at least 3")


def test_an_occupied_target_is_one_line_and_stays_as_it_is(train: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    refused(train(), str(tmp_path / "out"), "already exists")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_target_that_cannot_be_written_is_one_line(train: Command, catalogue: Path) -> None:
    refused(train("--out", catalogue / "out"), str(catalogue))  # a folder inside a file


def test_evaluation_ranks_with_base_and_checkpoint(
    evaluate: Command, base_folder: Path, checkpoint: Path
) -> None:
    code, lines = evaluate()
    assert code == 0
    manifest = read_manifest(checkpoint)
    assert [line.split(" {")[0] for line in lines[-2:]] == [str(base_folder), manifest.encoder_id]
    assert "'MPR': " in lines[-1]
    assert manifest.metrics == {}  # recorded only when asked for


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--checkpoint", "none", ["none: no such checkpoint folder"]),
        ("--base", "/no/such/base", ["base model '/no/such/base' does not load"]),
        ("--annotations", "none.jsonl", ["none.jsonl: No such file"]),
        ("--catalogue", "none.jsonl", ["none.jsonl: No such file"]),
    ],
)
def test_an_evaluation_without_its_parts_is_one_line(
    option: str, value: str, words: list[str], evaluate: Command
) -> None:
    refused(evaluate(option, value), *words)


def test_annotations_that_do_not_fit_are_one_line(evaluate: Command, tmp_path: Path) -> None:
    wrong = write_jsonl(tmp_path / "wrong.jsonl", [{"query": "g0", "similar": ["nobody"]}])
    result = evaluate("--annotations", wrong)
    refused(result, "wrong.jsonl, line 1", "'nobody' is not in the catalogue")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["train", "evaluate"]),
        (["train", "--help"], ["--catalogue", "--out", "--margin", "--seed"]),
        (["evaluate", "--help"], ["--annotations", "--checkpoint", "--record"]),
    ],
)
def test_help_names_commands_and_options(
    arguments: list[str], words: list[str], command: Command
) -> None:
    code, lines = command(*arguments)
    assert code == 0
    assert all(word in "\n".join(lines) for word in words)


def python_m_model(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "model", *map(str, arguments)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_process_trains_and_evaluates(
    catalogue: Path, annotations: Path, base_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    usual = ("--catalogue", catalogue, "--base", base_folder)
    trained = python_m_model("train", *usual, "--out", out, *SMALL)
    assert (trained.returncode, trained.stderr) == (0, "")
    measured = python_m_model(
        "evaluate", *usual, "--annotations", annotations, "--checkpoint", out, "--record"
    )
    assert (measured.returncode, measured.stderr) == (0, "")
    title = next(title for title in read_manifest(out).metrics if title.startswith("experts"))
    assert "2 queries, 3 pairs, all 24 items of games.jsonl" in title
    assert json.dumps(title)[1:-1] in (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_process_ends_in_one_line_without_a_traceback(catalogue: Path, tmp_path: Path) -> None:
    usual = ("train", "--catalogue", catalogue, "--out", tmp_path / "out", *SMALL)
    ended = python_m_model(*usual, "--base", "nobody/nothing")
    refused((ended.returncode, (ended.stdout + ended.stderr).splitlines()), "'nobody/nothing'")
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not (tmp_path / "out").exists()
