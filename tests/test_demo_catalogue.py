"""The demo catalogue: complete, in our own words, and importable."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.schemas import item_of_row
from model.corpus import collect
from model.rows import read_rows
from tests.conftest import DEMO, SHARED

FIELDS = {
    "id": str,
    "title": str,
    "description": str,
    "genres": list,
    "platforms": list,
    "year": int,
    "developers": list,
    "publishers": list,
}
ADVERTISING = {"immersive", "stunning", "epic", "beloved", "masterpiece", "iconic", "ultimate"}


@pytest.fixture(scope="module")
def games() -> list[dict[str, Any]]:
    """The entries."""
    return [json.loads(line) for line in DEMO.read_text("utf-8").splitlines()]


def words(text: str) -> list[str]:
    """The words of a text, lower case."""
    return re.findall(r"[a-z0-9']+", text.lower())


def runs(text: str, length: int = 8) -> Iterator[tuple[str, ...]]:
    """Every run of `length` words."""
    found = words(text)
    return (tuple(found[i : i + length]) for i in range(len(found) - length + 1))


def test_every_entry_is_complete(games: list[dict[str, Any]]) -> None:
    assert len(games) >= 120
    for game in games:
        assert set(game) == {*FIELDS, "series"}, game["id"]
        for name, kind in FIELDS.items():
            assert isinstance(game[name], kind), f"{game['id']}: {name}"
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", game["id"])
        assert game["genres"], game["id"]
        assert 1975 <= game["year"] <= 2025
    assert len({game["id"] for game in games}) == len(games)


def test_descriptions_have_their_length_and_no_advertising(games: list[dict[str, Any]]) -> None:
    for game in games:
        assert 60 <= len(game["description"].split()) <= 120, game["id"]
        assert ADVERTISING.isdisjoint(words(game["description"])), game["id"]


def test_openings_vary_and_titles_stay_out(games: list[dict[str, Any]]) -> None:
    openings = Counter(tuple(words(game["description"])[:2]) for game in games)
    assert max(openings.values()) <= 2, openings.most_common(3)
    named = [g["id"] for g in games if f" {g['title'].lower()} " in f" {g['description'].lower()} "]
    assert len(named) <= len(games) // 5, named


def test_no_eight_words_are_shared_within_the_set(games: list[dict[str, Any]]) -> None:
    found = Counter(run for game in games for run in set(runs(game["description"])))
    assert [run for run, count in found.items() if count > 1] == []


def test_no_eight_words_are_those_of_a_third_party(games: list[dict[str, Any]]) -> None:
    theirs = SHARED / "data" / "games.jsonl.gz"
    if not theirs.is_file():
        pytest.skip("the third-party catalogue to compare with is not here")
    ours = {run: game["id"] for game in games for run in runs(game["description"])}
    for row in read_rows(theirs):
        assert row.fields is not None
        copied = [ours[run] for run in runs(row.fields["description"]) if run in ours]
        assert not copied, f"{copied[0]} shares words with {row.fields['id']}"


def test_it_trains_and_imports_without_a_drop() -> None:
    rows = list(read_rows(DEMO))
    assert collect(rows).dropped == {}
    assert len({item_of_row(row).id for row in rows}) == len(rows)
