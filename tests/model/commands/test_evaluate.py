import csv
import gzip
import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from model.baselines import registry
from model.baselines.ranker import BaselineError, WeightsUnavailable
from model.checkpoint import CheckpointError, read_manifest
from model.commands import evaluate as command
from model.commands.evaluate import Model, parse_models
from model.config import ConfigError
from model.corpus import CorpusError
from model.evaluation.study import StudyError
from tests.conftest import ROOT
from tests.model.evaluation.rankers import coloured
from tests.model.tiny import write_jsonl

WINES = ROOT.parent / "shared" / "data" / "wines.csv.gz"
Evaluate = Callable[..., Result]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    rows = [
        {
            "id": r.id,
            "title": r.title,
            "description": r.description,
            "colour": [value for _, value in r.tags],
        }
        for r in coloured(30)
    ]
    return write_jsonl(tmp_path / "games.jsonl", rows)


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    rows = [{"query": "g0", "similar": ["g8", "g16"]}, {"query": "g1", "similar": ["g9"]}]
    return write_jsonl(tmp_path / "experts.jsonl", rows)


@pytest.fixture
def evaluate(catalogue: Path, tmp_path: Path) -> Evaluate:
    """Run the command on the tiny catalogue; options given once more win."""
    app = typer.Typer()
    app.command()(command.evaluate)
    usual = ("--catalogue", catalogue, "--out", tmp_path / "out")
    return lambda *more: CliRunner().invoke(app, [*map(str, (*usual, *more))])


def failure(result: Result) -> str:
    assert result.exit_code == 1
    return str(result.exception)


def read_results(folder: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return held


def test_a_catalogue_is_evaluated_by_annotations_and_label(
    evaluate: Evaluate, annotations: Path, tmp_path: Path
) -> None:
    usual = ("--annotations", annotations, "--label", "colour", "--sample", 12)
    result = evaluate(*usual, "--models", "random,words=tfidf", "--models", "bm25")
    assert result.exit_code == 0, result.exception
    held = read_results(tmp_path / "out")
    assert [row["name"] for row in held["results"]] == ["random", "words", "bm25"]
    assert (held["reference"], held["items"], held["sampled"]) == ("random", 30, 12)
    assert (held["queries"], held["pairs"]) == (2, 3)
    assert [file["name"] for file in held["origin"]["files"]] == ["games.jsonl", "experts.jsonl"]
    assert held["origin"]["settings"] == {"precision": "float32", "model words": "tfidf"}
    assert (tmp_path / "out" / "table.md").read_text().split("\n\n")[1] in result.output
    assert "2 of 3, words: reading 30 items" in result.output


def test_a_model_without_weights_has_a_row_and_the_rest_figures(
    evaluate: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(spec: str, options: registry.BaselineOptions) -> object:
        if spec == "bert":
            raise WeightsUnavailable(spec, "no such folder")
        return registry.build(spec, options)

    monkeypatch.setattr(command, "build", build)
    result = evaluate("--label", "colour", "--models", "bert,tfidf")
    assert result.exit_code == 0, result.exception
    assert "| bert | weights not available (no such folder) |" in result.output
    held = read_results(tmp_path / "out")
    assert (held["results"][0]["estimates"], held["reference"]) == ({}, "tfidf")


def test_a_checkpoint_is_measured_and_keeps_the_table(
    evaluate: Evaluate, annotations: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    models = f"random,ours={folder}"
    result = evaluate("--annotations", annotations, "--models", models, "--record", folder)
    assert result.exit_code == 0, result.exception
    manifest = read_manifest(folder)
    title, rows = next(iter(manifest.metrics.items()))
    assert title.startswith("experts.jsonl: 2 queries, 3 pairs, all 30 items of games.jsonl")
    assert rows.keys() == {"random", "ours"}
    assert "| ours |" in (folder / "README.md").read_text(encoding="utf-8")
    settings = read_results(tmp_path / "out")["origin"]["settings"]
    assert settings["model ours"] == f"{folder}, {manifest.encoder_id}"


def test_a_cache_spares_the_search_and_changes_no_figure(
    evaluate: Evaluate, annotations: Path, tmp_path: Path
) -> None:
    usual = ("--annotations", annotations, "--cache", tmp_path / "cache")
    first = evaluate(*usual)
    again = evaluate(*usual, "--out", tmp_path / "again", "--label", "colour")
    assert "tfidf: reading" in first.output
    assert "tfidf: reading" not in again.output
    rows = [read_results(tmp_path / name)["results"][0] for name in ("out", "again")]
    assert rows[0]["estimates"] == {
        name: rows[1]["estimates"][name] for name in rows[0]["estimates"]
    }
    other = evaluate(*usual, "--out", tmp_path / "other", "--seed", "1")
    assert "tfidf: reading" in other.output  # another seed draws another sample


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ((), StudyError, "--annotations, --label or both"),
        (("--label", "size"), CorpusError, "column 'size'"),
        (("--label", "colour", "--sample", "0"), StudyError, "the sample is 0"),
        (("--label", "colour", "--precision", "float8"), ConfigError, "precision"),
        (("--label", "colour", "--models", "nobody"), BaselineError, "'nobody'"),
        (("--label", "colour", "--models", "bm25,bm25"), StudyError, "'bm25' is given twice"),
        (("--label", "colour", "--baseline", "lda"), StudyError, "'lda' is none of the models"),
        (("--label", "colour", "--record", "none"), CheckpointError, "none: no such checkpoint"),
    ],
)
def test_a_wrong_option_is_refused(
    options: tuple[str, ...], kind: type[Exception], words: str, evaluate: Evaluate, tmp_path: Path
) -> None:
    result = evaluate(*options)
    assert isinstance(result.exception, kind)
    assert words in failure(result)
    assert "reading" not in result.output  # before anything expensive
    assert not (tmp_path / "out").exists()


def test_an_occupied_target_is_refused_first(evaluate: Evaluate, catalogue: Path) -> None:
    result = evaluate("--label", "colour", "--out", catalogue.parent)
    assert isinstance(result.exception, CheckpointError)
    assert result.output == ""


def test_models_are_named_by_what_they_are_or_as_asked() -> None:
    found = parse_models(["random, ours=runs/a", "hybrid:runs/a"])
    assert found == [
        Model("random", "random"),
        Model("ours", "runs/a"),
        Model("hybrid:runs/a", "hybrid:runs/a"),
    ]


@pytest.mark.parametrize("text", ["", "random,", "=tfidf", "a="])
def test_a_model_without_name_or_spec_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match="NAME=MODEL"):
        parse_models([text])


@pytest.mark.slow
def test_wines_are_found_by_their_words_beyond_chance(evaluate: Evaluate, tmp_path: Path) -> None:
    if not WINES.is_file():
        pytest.skip(f"{WINES.name} is not beside this copy")
    path = tmp_path / "wines.csv"
    with gzip.open(WINES, "rt", encoding="utf-8", newline="") as stream, path.open("w") as target:
        csv.writer(target).writerows(islice(csv.reader(stream), 501))
    result = evaluate("--catalogue", path, "--label", "variety", "--models", "random,tfidf")
    assert result.exit_code == 0, result.exception
    held = read_results(tmp_path / "out")
    chance = held["chance"]["same variety@10"]
    random, words = (row["estimates"]["same variety@10"] for row in held["results"])
    assert random["low"] <= chance <= random["high"]
    assert words["low"] > 2 * chance
    assert held["results"][1]["differences"]["same variety@10"]["adjusted"] < 0.01
