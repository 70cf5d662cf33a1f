"""What is compared with a third-party catalogue, and that ours holds nothing of one."""

from pathlib import Path

import pytest

from data.catalogue import Entry, load
from data.third_party import Conflict, conflicts, copied, read_other, unsettled
from tests.conftest import SHARED

OURS: Entry = {
    "id": "red-car",
    "title": "Red Car (1990)",
    "description": "One two three four five six seven eight nine.",
    "year": 1990,
    "developers": ["Blue Studio Ltd."],
}
THEIRS: Entry = {**OURS, "id": 7, "title": "Red Car!", "developers": ["blue"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"title": "Another"}, []),
        ({"year": 2001}, [Conflict("red-car", "year", "1990", "2001")]),
        ({"year": None}, []),
        (
            {"developers": ["Green Studio"]},
            [Conflict("red-car", "developers", "Blue Studio Ltd.", "Green Studio")],
        ),
    ],
)
def test_conflicts_are_those_of_one_title(change: Entry, expected: list[Conflict]) -> None:
    assert conflicts([OURS], [{**THEIRS, **change}]) == expected


def test_a_year_that_any_record_has_is_no_conflict() -> None:
    assert conflicts([OURS], [{**THEIRS, "year": 2001}, THEIRS]) == []


def test_eight_words_in_a_row_are_found() -> None:
    taken = {**THEIRS, "description": "So: zero ONE two three, four five six seven eight!"}
    assert copied([OURS], [taken]) == [("red-car", "7")]
    assert copied([OURS], [{**taken, "description": "one two three four five six seven"}]) == []


def test_a_settled_conflict_is_left_alone_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "conflicts.csv"
    file.write_text("id,field,ours,theirs,why\nred-car,year,1990,2001,a port\n")
    assert unsettled([Conflict("red-car", "year", "1990", "2001")], file) == []
    (line,) = unsettled([Conflict("red-car", "year", "1991", "2001")], file)
    assert line == "red-car: year is 1991, elsewhere 2001; settle it in conflicts.csv"


def test_ours_holds_no_text_of_theirs_and_every_conflict_is_settled() -> None:
    file = SHARED / "data" / "games.jsonl.gz"
    if not file.is_file():
        pytest.skip("the third-party catalogue to compare with is not here")
    games, other = load().games, read_other(file)
    assert copied(games, other) == []
    assert unsettled(conflicts(games, other)) == []
