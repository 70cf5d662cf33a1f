"""`python -m model variants`, run in this process on the tiny base model."""

import csv
import sys
from pathlib import Path

import pytest

from model.__main__ import main
from tests.model.tiny import games, write_games, write_jsonl


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["model", "variants", *words])
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


@pytest.fixture
def words(tmp_path: Path, base_folder: Path) -> list[str]:
    catalogue = write_games(tmp_path / "games.jsonl", 40)
    ids = [record.id for record in games(40)]
    judged = [{"query": ids[i], "similar": ids[i + 8 : i + 25 : 8]} for i in range(3)]
    annotations = write_jsonl(tmp_path / "judged.jsonl", judged)
    options = {
        "--catalogue": catalogue,
        "--annotations": annotations,
        "--out": tmp_path / "trials",
        "--base": base_folder,
        "--steps": 2,
        "--batch-size": 8,
        "--seeds": "0,1",
        "--items": 30,
        "--set": "head_steps=1",
    }
    pairs = [*options.items(), ("--set", "learning_rate=0.01")]
    return [str(part) for option in pairs for part in option]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_variant_is_trained_with_every_seed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(monkeypatch, *words, "--variants", "metricbert,cosine,tsdae")
    found = rows(tmp_path / "trials" / "trials.csv")
    names = ["untrained", "metricbert", "cosine", "tsdae"]
    assert [(row["variant"], row["seed"]) for row in found] == [(n, s) for s in "01" for n in names]
    assert len({row["MPR"] for row in found}) > 2
    table = (tmp_path / "trials" / "table.md").read_text("utf-8")
    assert table.count("±") == len(names) * 7


def test_what_reads_the_catalogue_beforehand_reads_it_once(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("--set", "mined=1", "--set", "teacher_weight=2", "--set", "titles=0.5")
    call(monkeypatch, *words, *more, "--variants", "metricbert")
    place = tmp_path / "trials" / "base.npy"
    made = place.stat().st_mtime_ns
    call(monkeypatch, *words, *more, "--variants", "metricbert,cosine")
    assert place.stat().st_mtime_ns == made
    assert len(rows(tmp_path / "trials" / "trials.csv")) == 6


def test_training_on_all_ranks_the_same_items(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(monkeypatch, *words, "--variants", "metricbert")
    call(
        monkeypatch,
        *words,
        "--variants",
        "metricbert",
        "--train-on-all",
        "--out",
        f"{tmp_path}/all",
    )
    few, every = (rows(tmp_path / name / "trials.csv") for name in ("trials", "all"))
    assert few[0]["MPR"] == every[0]["MPR"]  # untrained: the same vectors, ranked among the same
    assert few[1]["MPR"] != every[1]["MPR"]


def test_a_second_call_trains_only_what_is_missing(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(monkeypatch, *words, "--variants", "metricbert")
    before = rows(tmp_path / "trials" / "trials.csv")
    capsys.readouterr()
    call(monkeypatch, *words, "--variants", "metricbert,cosine")
    assert rows(tmp_path / "trials" / "trials.csv")[: len(before)] == before
    assert capsys.readouterr().out.count("seed ") == 2


def test_other_settings_are_refused_where_trials_are(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(monkeypatch, *words, "--variants", "cosine", "--seeds", "0")
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, *words, "--variants", "cosine", "--steps", "3")
    assert "trials with another settings" in capsys.readouterr().out
