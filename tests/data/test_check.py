"""The open catalogue is whole, and the checker finds what would not be."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.api.schemas import item_of_row
from data.catalogue import GAMES, Entry, Files, by_id, load
from data.check import (
    catalogue_problems,
    entry_problems,
    list_problems,
    problems,
    set_problems,
    text_problems,
)
from model.annotations import read_annotations
from model.corpus import collect
from model.rows import read_rows
from tests.conftest import ROOT
from tests.model.tiny import write_jsonl

Change = Callable[[Entry], Any]


@pytest.fixture(scope="module")
def files() -> Files:
    """The files as they ship."""
    return load()


def test_nothing_is_wrong_with_what_ships(files: Files) -> None:
    assert list(problems(files)) == []


def test_it_trains_imports_and_evaluates_without_a_drop(files: Files) -> None:
    rows = list(read_rows(GAMES))
    corpus = collect(rows)
    assert corpus.dropped == {}
    assert len({item_of_row(row).id for row in rows}) == len(files.games)
    ids = {record.id for record in corpus.records}
    splits = [
        read_annotations(GAMES.with_name("similar.jsonl"), ids, split=split)
        for split in ("dev", "test")
    ]
    assert sum(map(len, splits)) == len(files.similar)
    assert {grade for split in splits for each in split for grade in each.grades} == {1, 2, 3}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda g: g.pop("year"), "fields ['year'] are missing or unknown"),
        (lambda g: g.update(genres="puzzle"), "genres is 'puzzle'"),
        (lambda g: g.update(id="Not a slug"), "the id is no slug"),
        (lambda g: g.update(year=1960), "the year is 1960"),
        (lambda g: g.update(genres=["puzzle", "brilliant"]), "unknown genres: ['brilliant']"),
        (lambda g: g.update(genres=[]), "no genre"),
        (lambda g: g.update(platforms=["PC", "PC"]), "platforms holds a value twice"),
        (lambda g: g.update(description="Too short."), "2 words"),
        (lambda g: g.update(description=f"Epic {'rain ' * 70}"), "advertising: ['epic']"),
    ],
)
def test_a_bad_entry_is_named(change: Change, problem: str, files: Files) -> None:
    game = copy.deepcopy(files.games[0])
    change(game)
    assert list(entry_problems(game)) == [problem]


def test_an_entry_without_a_field_is_named_and_ends_the_check(files: Files) -> None:
    broken = {name: value for name, value in files.games[0].items() if name != "series"}
    found = list(problems(files._replace(games=[broken, *files.games[1:]])))
    assert found == [f"{broken['id']}: fields ['series'] are missing or unknown"]


def test_a_small_catalogue_and_repeated_titles_are_named(files: Files) -> None:
    found = list(catalogue_problems([files.games[0], *files.games[:3]]))
    title = files.games[0]["title"].lower()
    assert found[0].startswith("4 games; there shall be 1000")
    assert f"title {title!r} is there 2 times" in found


def test_texts_that_share_words_are_named(files: Files) -> None:
    first, second = copy.deepcopy(files.games[:2])
    sentence = " ".join(first["description"].split()[10:20])
    second["description"] += f" {sentence}"
    found = list(text_problems([first, second]))
    assert any(re.search(r"share \d+ runs of 8 words", line) for line in found)
    assert any(re.search(r"share \d+ runs of 4 words", line) for line in found)


def test_worn_openings_and_titles_in_texts_are_named(files: Files) -> None:
    games = copy.deepcopy(files.games[:6])
    for game in games:
        game["description"] = f"You play {game['title']}. {game['description']}"
    games[0]["description"] += f" A second {games[1]['title']} Saga."
    games[1]["title"] += " Saga"
    found = "\n".join(text_problems(games))
    assert "6 descriptions begin with 'you play'" in found
    assert "descriptions name their own title or series" in found
    assert f"{games[0]['id']}: names {games[1]['title']!r}" in found


def first_entry(each: Entry) -> Entry:
    """The best entry of a list."""
    entry: Entry = each["similar"][0]
    return entry


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda e: e.update(split="train"), "expected query, split"),
        (lambda e: first_entry(e).update(id="nowhere"), "not in the catalogue: ['nowhere']"),
        (lambda e: first_entry(e).update(id=e["query"]), "is similar to itself"),
        (lambda e: first_entry(e).update(id=e["similar"][1]["id"]), "lists a game twice"),
        (lambda e: e["similar"].__delitem__(slice(7, None)), "lists 7 games"),
        (lambda e: first_entry(e).update(grade=4), "grades are [4"),
        (lambda e: e["similar"].reverse(), "the best first"),
        (lambda e: first_entry(e).update(reason=""), "the reason for"),
    ],
)
def test_a_bad_list_is_named(change: Change, problem: str, files: Files) -> None:
    each = copy.deepcopy(files.similar[0])
    change(each)
    found = list(list_problems(each, by_id(files.games)))
    assert len(found) == 1, found
    assert problem in found[0]


def test_few_queries_and_lists_of_one_series_are_named(files: Files) -> None:
    games = copy.deepcopy(by_id(files.games))
    for game in games.values():
        game["series"] = "One"
    found = list(set_problems([*files.similar[:2], files.similar[0]], games))
    assert found == [
        f"{files.similar[0]['query']}: a query twice",
        "2 queries; there shall be 120",
        "only 0 of 3 lists are free of the query's own series",
    ]


@pytest.mark.slow
def test_the_command_prints_counts_and_refuses_a_copied_text(tmp_path: Path) -> None:
    alone = run_check()
    assert alone.returncode == 0
    assert alone.stdout.startswith("| what | number |")
    assert alone.stderr == "not compared with a third-party catalogue: no --other\n"
    taken = {"id": "theirs", "title": "Elsewhere", "description": load().games[0]["description"]}
    refused = run_check("--other", str(write_jsonl(tmp_path / "other.jsonl", [taken])))
    assert refused.returncode == 1
    assert f"{load().games[0]['id']}: 8 words of theirs" in refused.stderr


def run_check(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "data.check", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
