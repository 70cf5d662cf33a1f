"""Checks the open catalogue and prints the counts of its datasheet.

    python -m data.check                                # what can be told from the files alone
    python -m data.check --other games.jsonl.gz         # and against a third-party catalogue

Ends with exit code 1 and one line a problem if there are any.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from data.catalogue import RUN, Entry, Files, by_id, load, plain_title, runs, same_series, words
from data.counts import markdown
from data.third_party import conflicts, copied, read_other, unsettled
from data.vocabulary import ADVERTISING, GENRES, PLATFORMS
from model.rows import RowsError

FIELDS = {
    "id": str,
    "title": str,
    "description": str,
    "genres": list,
    "platforms": list,
    "year": int | None,
    "developers": list,
    "publishers": list,
    "series": str | None,
}
GAMES_AT_LEAST, ONE_OFFS_AT_LEAST, QUERIES_AT_LEAST = 1000, 300, 120
YEARS = range(1975, 2026)
WORDS = range(60, 141)
LIST_LENGTH = range(8, 13)
REASON_WORDS = range(5, 26)
SHARED_RUNS = {RUN: 0, 4: 3}
"""How many runs of so many words two texts may share."""


def main() -> None:
    """Check everything, print problems or counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--other", type=Path, help="third-party catalogue to compare with")
    options = parser.parse_args()
    files = load()
    found = [*problems(files)]
    if options.other is None:
        print("not compared with a third-party catalogue: no --other", file=sys.stderr)
    else:
        try:
            other = read_other(options.other)
        except RowsError as error:
            raise SystemExit(f"error: {error}") from error
        found += [f"{ours}: {RUN} words of {theirs}" for ours, theirs in copied(files.games, other)]
        found += unsettled(conflicts(files.games, other))
    if found:
        raise SystemExit("\n".join([*found, f"{len(found)} problems"]))
    print(markdown(files))


def problems(files: Files) -> Iterator[str]:
    """Yield what is wrong with the files, one line each."""
    broken = [f"{game.get('id')}: {line}" for game in files.games for line in entry_problems(game)]
    if broken:  # what comes next needs whole entries
        yield from broken
        return
    yield from catalogue_problems(files.games)
    yield from text_problems(files.games)
    games = by_id(files.games)
    for each in files.similar:
        yield from (f"{each.get('query')}: {line}" for line in list_problems(each, games))
    yield from set_problems(files.similar, games)


def entry_problems(game: Entry) -> Iterator[str]:
    """Yield what is wrong with one game on its own."""
    if set(game) != set(FIELDS):
        yield f"fields {sorted(set(game) ^ set(FIELDS))} are missing or unknown"
        return
    for name, kind in FIELDS.items():
        if not isinstance(game[name], kind):
            yield f"{name} is {game[name]!r}"
            return
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", game["id"]):
        yield "the id is no slug"
    if game["year"] is not None and game["year"] not in YEARS:
        yield f"the year is {game['year']}"
    for name, known in (("genres", GENRES), ("platforms", PLATFORMS)):
        if unknown := set(game[name]) - known:
            yield f"unknown {name}: {sorted(unknown)}"
    for name in ("genres", "platforms", "developers", "publishers"):
        if len(set(game[name])) < len(game[name]):
            yield f"{name} holds a value twice"
    if not game["genres"]:
        yield "no genre"
    if len(game["description"].split()) not in WORDS:
        yield f"{len(game['description'].split())} words"
    if praise := ADVERTISING & set(words(game["description"])):
        yield f"advertising: {sorted(praise)}"


def catalogue_problems(games: Sequence[Entry]) -> Iterator[str]:
    """Yield what is wrong with the games together."""
    if len(games) < GAMES_AT_LEAST:
        yield f"{len(games)} games; there shall be {GAMES_AT_LEAST}"
    one_offs = sum(game["series"] is None for game in games)
    if one_offs < ONE_OFFS_AT_LEAST:
        yield f"{one_offs} games of no series; there shall be {ONE_OFFS_AT_LEAST}"
    for name in ("id", "title"):
        for value, count in Counter(game[name].lower() for game in games).items():
            if count > 1:
                yield f"{name} {value!r} is there {count} times"


def text_problems(games: Sequence[Entry]) -> Iterator[str]:
    """Yield what is wrong with the descriptions beside each other."""
    openings = Counter(tuple(words(game["description"])[:2]) for game in games)
    for opening, count in openings.items():
        if count > max(4, len(games) // 250):
            yield f"{count} descriptions begin with {' '.join(opening)!r}"
    for word, count in Counter(opening[:1] for opening in openings.elements()).items():
        if count > max(4, len(games) * 0.03):
            yield f"{count} descriptions begin with {' '.join(word)!r}"
    named = [game["id"] for game in games if _names_itself(game)]
    if len(named) > len(games) / 5:
        yield f"{len(named)} descriptions name their own title or series: {named}"
    titles = {t for game in games if len((t := plain_title(game)).split()) > 1}
    for game in games:
        own = plain_title(game)
        for title in titles:
            if title in game["description"] and title not in own and own not in title:
                yield f"{game['id']}: names {title!r}"
    yield from _shared_runs(games)


def _names_itself(game: Entry) -> bool:
    text = f" {' '.join(words(game['description']))} "
    names = (plain_title(game), game["series"] or "")
    return any(name and f" {' '.join(words(name))} " in text for name in names)


def _shared_runs(games: Sequence[Entry]) -> Iterator[str]:
    """Yield texts that share a long run of words, or many short ones."""
    for length, allowed in SHARED_RUNS.items():
        holders = defaultdict(list)
        for game in games:
            for run in set(runs(game["description"], length)):
                holders[run].append(game["id"])
        shared = Counter(
            pair for ids in holders.values() if len(ids) > 1 for pair in combinations(ids, 2)
        )
        for (left, right), count in shared.items():
            if count > allowed:
                yield f"{left} and {right} share {count} runs of {length} words"


def list_problems(each: Entry, games: dict[str, Entry]) -> Iterator[str]:
    """Yield what is wrong with one query and its list."""
    if set(each) != {"query", "split", "similar"} or each["split"] not in ("dev", "test"):
        yield "expected query, split (dev or test) and similar"
        return
    ids = [entry["id"] for entry in each["similar"]]
    if unknown := [item for item in (each["query"], *ids) if item not in games]:
        yield f"not in the catalogue: {unknown}"
    if each["query"] in ids:
        yield "is similar to itself"
    if len(set(ids)) < len(ids):
        yield "lists a game twice"
    if len(ids) not in LIST_LENGTH:
        yield f"lists {len(ids)} games"
    grades = [entry["grade"] for entry in each["similar"]]
    if not set(grades) <= {1, 2, 3} or grades != sorted(grades, reverse=True):
        yield f"grades are {grades}; they shall be 3 to 1, the best first"
    for entry in each["similar"]:
        if len(entry["reason"].split()) not in REASON_WORDS:
            yield f"the reason for {entry['id']} is {entry['reason']!r}"


def set_problems(similar: Sequence[Entry], games: dict[str, Entry]) -> Iterator[str]:
    """Yield what is wrong with the queries together."""
    queries = Counter(each["query"] for each in similar)
    yield from (f"{query}: a query twice" for query, count in queries.items() if count > 1)
    if len(queries) < QUERIES_AT_LEAST:
        yield f"{len(queries)} queries; there shall be {QUERIES_AT_LEAST}"
    without = sum(
        not any(same_series(games[each["query"]], games[e["id"]]) for e in each["similar"])
        for each in similar
        if each["query"] in games and all(e["id"] in games for e in each["similar"])
    )
    if without < len(similar) / 3:
        yield f"only {without} of {len(similar)} lists are free of the query's own series"


if __name__ == "__main__":
    main()
