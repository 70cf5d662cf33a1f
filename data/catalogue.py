"""The open catalogue as it lies on disk: games, and which of them are similar."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from model.rows import read_rows

HERE = Path(__file__).parent
GAMES = HERE / "games.jsonl"
SIMILAR = HERE / "similar.jsonl"
AGREEMENT = HERE / "agreement.jsonl"
CONFLICTS = HERE / "conflicts.csv"

RUN = 8
"""Words in a row that no two texts share, ours or a third party's."""

Entry = dict[str, Any]
"""One line of a file, as it was read."""


class Files(NamedTuple):
    """The lines of the three files, in file order."""

    games: list[Entry]
    similar: list[Entry]
    agreement: list[Entry]


def load() -> Files:
    """Read the files. Raises `RowsError`, `ValueError` for a line that is not JSON."""
    return Files(*(read_lines(path) for path in (GAMES, SIMILAR, AGREEMENT)))


def read_lines(path: Path) -> list[Entry]:
    """Return the entries of a JSON Lines file. Raises `ValueError` naming the line."""
    found = []
    for row in read_rows(path):
        if row.fields is None:
            raise ValueError(f"{path.name}, line {row.line}: {row.problem}")
        found.append(dict(row.fields))
    return found


def words(text: str) -> list[str]:
    """Return the words of a text, lower case."""
    return re.findall(r"[a-z0-9']+", text.lower())


def runs(text: str, length: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of `length` words."""
    found = words(text)
    return (tuple(found[i : i + length]) for i in range(len(found) - length + 1))


def plain_title(game: Entry) -> str:
    """Return the title without the year that tells it from an earlier game's."""
    return re.sub(r" \(\d{4}\)$", "", game["title"])


def same_series(game: Entry, other: Entry) -> bool:
    """Tell whether two games belong to one series."""
    return game["series"] is not None and game["series"] == other["series"]


def by_id(games: Sequence[Entry]) -> dict[str, Entry]:
    """Return the games by their id."""
    return {game["id"]: game for game in games}
