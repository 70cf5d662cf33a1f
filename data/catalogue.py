"""The open catalogue as it lies on disk: games, and which of them are similar."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
GAMES = HERE / "games.jsonl"
SIMILAR = HERE / "similar.jsonl"
AGREEMENT = HERE / "agreement.jsonl"
CONFLICTS = HERE / "conflicts.csv"

Entry = dict[str, Any]
"""One line of a file, as it was read."""


class Files(NamedTuple):
    """The lines of the three files, in file order."""

    games: list[Entry]
    similar: list[Entry]
    agreement: list[Entry]


def load() -> Files:
    """Read the files. Raises `OSError`, `ValueError` for a line that is not JSON."""
    return Files(*(read_lines(path) for path in (GAMES, SIMILAR, AGREEMENT)))


def read_lines(path: Path) -> list[Entry]:
    """Return the entries of a JSON Lines file. Raises `ValueError` naming the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: not valid JSON: {error}") from error
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
