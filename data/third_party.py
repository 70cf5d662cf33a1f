"""Comparison with a third-party catalogue: no text of theirs is ours, no fact is off unnoticed."""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.catalogue import CONFLICTS, RUN, Entry, plain_title, runs
from model.rows import read_rows

_FORMS = {
    *("inc", "ltd", "co", "corporation", "company", "games", "game", "software", "entertainment"),
    *("studio", "studios", "interactive", "productions", "the", "of"),
}
"""Words of a company's name that tell nothing."""


class Conflict(NamedTuple):
    """A fact on which the catalogues differ. ours, theirs: as they stand in `conflicts.csv`."""

    id: str
    field: str
    ours: str
    theirs: str


def read_other(path: Path) -> list[Entry]:
    """Return the readable rows of a catalogue. Raises `RowsError`."""
    return [dict(row.fields) for row in read_rows(path) if row.fields is not None]


def copied(games: Sequence[Entry], other: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return (our id, their id) of descriptions that have eight words in a row in common."""
    ours = {run: game["id"] for game in games for run in runs(game["description"], RUN)}
    return [
        (ours[run], str(entry.get("id")))
        for entry in other
        for run in runs(str(entry.get("description", "")), RUN)
        if run in ours
    ]


def conflicts(games: Sequence[Entry], other: Sequence[Entry]) -> list[Conflict]:
    """Return the facts on which the catalogues differ about games of the same title.

    A year differs if no record of theirs has it: they list ports and remakes under the same title.
    Developers differ if a record of the same year names none of ours. Platforms are not compared:
    they spread them over several records.
    """
    theirs = defaultdict(list)
    for entry in other:
        theirs[_key(str(entry.get("title", "")))].append(entry)
    return [
        conflict
        for game in games
        for conflict in _differing(game, theirs.get(_key(plain_title(game)), []))
    ]


def _differing(game: Entry, records: Sequence[Entry]) -> Iterator[Conflict]:
    years = sorted({record["year"] for record in records if record.get("year")})
    if years and game["year"] is not None and game["year"] not in years:
        yield Conflict(game["id"], "year", str(game["year"]), ", ".join(map(str, years)))
    names = sorted(
        {
            name
            for record in records
            if record.get("year") == game["year"]
            for name in record.get("developers") or []
        }
    )
    if names and game["developers"] and not _told(names) & _told(game["developers"]):
        yield Conflict(game["id"], "developers", ", ".join(game["developers"]), ", ".join(names))


def unsettled(found: Sequence[Conflict], settled: Path = CONFLICTS) -> list[str]:
    """Return a line for each conflict that the file of settled ones does not hold."""
    with settled.open(encoding="utf-8", newline="") as stream:
        known = {(r["id"], r["field"], r["ours"], r["theirs"]) for r in csv.DictReader(stream)}
    return [
        f"{c.id}: {c.field} is {c.ours}, elsewhere {c.theirs}; settle it in {settled.name}"
        for c in found
        if tuple(c) not in known
    ]


def _key(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain)


def _told(names: Sequence[str]) -> set[str]:
    return {word for name in names for word in re.findall(r"[a-z0-9]+", name.lower())} - _FORMS
