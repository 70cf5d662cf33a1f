"""Catalogues as they come: every fault is a clear message or a counted drop, end to end."""

import gzip
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

from model.__main__ import main
from model.corpus import CorpusError, Record, read_corpus
from model.encoder import Encoder, load_encoder
from model.pairs import DRAWS, sentences
from model.rows import RowsError
from tests.model.tiny import games, write_jsonl

Rows = list[dict[str, Any]]
Command = Callable[..., tuple[int, str]]
GOOD: Rows = [{"id": r.id, "title": r.title, "description": r.description} for r in games(24)]
WORDY = "Fast cars race, old cats hide. " * 16_667  # 100,000 words
FOREIGN: Rows = [
    {"id": "go", "title": "囲碁", "description": "黒と白の石を置く。領域を囲む。"},
    {"id": "chess", "title": "شطرنج", "description": "لعبة لوحية. يلعبها لاعبان."},
    {"id": "dice", "title": "🎲", "description": "🎲🎲! 🎯?"},
    {"id": "mixed", "title": "Élan", "description": "E\u0301tude नमस्ते. Привет, мир!"},
]
PACKED = gzip.compress("".join(json.dumps(row) + "\n" for row in GOOD).encode())
REFUSED: dict[str, tuple[bytes, str]] = {
    "one.jsonl": (
        json.dumps(GOOD[0]).encode(),
        "1 records kept, 0 dropped; at least 3 with a title and a description are needed",
    ),
    "none.csv": (b"", "0 records kept, 0 dropped; at least 3"),
    "twins.jsonl": (
        "".join(json.dumps({**GOOD[0], "id": n}) + "\n" for n in range(30)).encode(),
        "1 records kept, 29 dropped (repeated text 29); at least 3",
    ),
    "bare.csv": (
        b"title,description\nPong,\nChess,\nGo,  \n",
        "0 records kept, 3 dropped (empty description 3); at least 3",
    ),
    "cut.jsonl.gz": (PACKED[:-40], "broken gzip data"),
    "flipped.jsonl.gz": (PACKED[:60] + bytes(20) + PACKED[80:], "broken gzip data"),
    "plain.jsonl.gz": (b'{"title": "Pong"}', "broken gzip data"),
}
"""Files of no use and what is said of each."""


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process; give its exit code and what it wrote."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer sets its own: put it back

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["model", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), "".join(capfd.readouterr())

    return run


@pytest.fixture
def train(command: Command, base_folder: Path, tmp_path: Path) -> Command:
    """Train two steps on a catalogue, into the folder `run`."""
    small = ("--steps", 2, "--batch-size", 4, "--max-tokens", 16, "--set", "head_steps=1")
    target = ("--base", base_folder, "--out", tmp_path / "run", *small)
    return lambda catalogue: command("train", "--catalogue", catalogue, *target)


@pytest.fixture
def evaluate(command: Command, checkpoint: Path, tmp_path: Path) -> Command:
    """Measure the tiny checkpoint beside two baselines on a catalogue that begins with GOOD."""
    judged = write_jsonl(tmp_path / "experts.jsonl", [{"query": "g0", "similar": ["g8", "g16"]}])
    options = ("--annotations", judged, "--models", f"tfidf,bm25,tiny={checkpoint}")
    out = ("--out", tmp_path / "report")
    return lambda catalogue: command("evaluate", "--catalogue", catalogue, *options, *out)


def read_back(run: Path, texts: list[str]) -> None:
    """A run's checkpoint gives every text a finite unit vector."""
    vectors = load_encoder(run / "checkpoint")[0].encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_a_catalogue_of_no_use_is_one_line_and_leaves_no_run(
    name: str, train: Command, evaluate: Command, tmp_path: Path
) -> None:
    content, message = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises((CorpusError, RowsError)):
        read_corpus(tmp_path / name, at_least=3)
    for run in (train, evaluate):
        code, written = run(tmp_path / name)
        assert code == 1
        assert written.splitlines()[-1].startswith(f"error: {name}: {message}"), written
        assert "Traceback" not in written
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "report").exists()


def faulty(path: Path) -> Path:
    """24 good rows, and behind them one of each fault that drops a row."""
    wrong: Rows = [
        {"id": "a", "title": "Pong", "description": ""},
        {"id": "b", "title": "Pong", "description": " \n\u0000"},
        {"id": "c", "title": " ", "description": "Two paddles."},
        {"id": "d", "title": "Pong", "description": ["Two paddles."]},
        GOOD[0],
        {**GOOD[1], "id": "twin", "title": f" {GOOD[1]['title']}\t"},
    ]
    write_jsonl(path, GOOD + wrong)
    with path.open("ab") as stream:
        stream.write(b'{"id": "e", "title": "\xff", "description": "x"}\n{"id": "f"\n')
    return path


COUNTED = (
    "faulty.jsonl: 24 records kept, 8 dropped (empty description 2, unreadable line 2, "
    "empty title 1, title or description is not a text 1, repeated id 1, repeated text 1)"
)


def test_bad_rows_are_dropped_counted_and_change_nothing_else(
    train: Command, tmp_path: Path
) -> None:
    code, written = train(faulty(tmp_path / "faulty.jsonl"))
    assert (code, written.splitlines()[0]) == (0, COUNTED)
    assert read_corpus(tmp_path / "faulty.jsonl").records == games(24)
    read_back(tmp_path / "run", [record.text for record in games(3)])


def test_bad_rows_are_counted_when_a_model_is_measured(evaluate: Command, tmp_path: Path) -> None:
    code, written = evaluate(faulty(tmp_path / "faulty.jsonl"))
    assert (code, written.splitlines()[0]) == (0, COUNTED)
    assert "| tiny |" in written


@pytest.mark.parametrize("step", ["train", "evaluate"])
def test_texts_of_100_000_words_and_other_languages_go_through(
    step: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    long = [
        {"id": "sentences", "title": "Long", "description": WORDY},
        {"id": "one sentence", "title": "Long", "description": "race " * 100_000},
        {"id": "one word", "title": "Long", "description": "x" * 500_000},
        {"id": "marks", "title": "Long", "description": "! " * 100_000},
    ]
    catalogue = write_jsonl(tmp_path / "odd.jsonl", [*GOOD, *long, *FOREIGN])
    began = process_time()
    code, written = request.getfixturevalue(step)(catalogue)
    assert (code, written.splitlines()[0]) == (0, "odd.jsonl: 32 records kept, 0 dropped"), written
    assert process_time() - began < 60  # quadratic in the words it would be hours
    if step == "train":
        read_back(tmp_path / "run", [row["description"] for row in (*long, *FOREIGN)])


def test_a_catalogue_without_one_known_word_trains(train: Command, tmp_path: Path) -> None:
    rows = [{"title": "囲碁" * n, "description": "黒と白の石。" * n} for n in range(1, 25)]
    code, written = train(write_jsonl(tmp_path / "go.jsonl", rows))
    assert (code, written.splitlines()[0]) == (0, "go.jsonl: 24 records kept, 0 dropped")
    read_back(tmp_path / "run", ["囲碁", "chess"])


@pytest.mark.parametrize(
    "text", [WORDY, "race " * 100_000, "! " * 100_000, "x." * 250_000, "." + " " * 500_000 + "x"]
)
def test_passages_of_very_long_texts_take_time_by_their_length(text: str) -> None:
    record = Record("long", "Long", text.strip())
    began = process_time()
    assert "".join(sentences(record.description)).replace(" ", "") == text.replace(" ", "")
    for draw in DRAWS.values():
        pair = draw(record, random.Random(0))
        assert pair.anchor
        assert pair.positive
    assert process_time() - began < 10  # below one second where nothing else runs


@pytest.mark.parametrize("row", FOREIGN, ids=lambda row: row["id"])
def test_a_text_in_another_language_has_a_vector(row: dict[str, str], encoder: Encoder) -> None:
    vectors = encoder.encode([row["title"], row["description"]])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
