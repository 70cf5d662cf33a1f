"""The counts of the datasheet, as Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_high

from sklearn.metrics import cohen_kappa_score

from data.catalogue import Entry, Files, by_id, same_series


def markdown(files: Files) -> str:
    """Return the counts of all files."""
    parts = (_games(files.games), _lists(files.similar, by_id(files.games)))
    tables = [_table(rows) for rows in (*parts, _agreement(files.agreement))]
    return "\n\n".join([*tables, _spread(files.games)])


def _games(games: Sequence[Entry]) -> Mapping[str, object]:
    lengths = [len(game["description"].split()) for game in games]
    return {
        "games": len(games),
        "of no series": sum(game["series"] is None for game in games),
        "series": len({game["series"] for game in games} - {None}),
        "words in a description": (
            f"{min(lengths)} to {max(lengths)}, median {median_high(lengths)}"
        ),
        "year left empty": sum(game["year"] is None for game in games),
        "developers left empty": sum(not game["developers"] for game in games),
        "publishers left empty": sum(not game["publishers"] for game in games),
    }


def _lists(similar: Sequence[Entry], games: Mapping[str, Entry]) -> Mapping[str, object]:
    splits = Counter(each["split"] for each in similar)
    pairs = [(games[each["query"]], entry) for each in similar for entry in each["similar"]]
    grades = Counter(entry["grade"] for _, entry in pairs)
    own = {query["id"] for query, entry in pairs if same_series(query, games[entry["id"]])}
    return {
        "queries": f"{len(similar)} ({splits['dev']} dev, {splits['test']} test)",
        "pairs": len(pairs),
        "pairs of grade 3, 2, 1": ", ".join(str(grades[grade]) for grade in (3, 2, 1)),
        "games in a list": len({entry["id"] for _, entry in pairs}),
        "queries with a game of their own series in the list": len(own),
    }


def _agreement(pairs: Sequence[Entry]) -> Mapping[str, object]:
    first, second = ([pair[judge] for pair in pairs] for judge in ("first", "second"))
    decoys = [pair for pair in pairs if pair["first"] == 0]
    similar = [[grade > 0 for grade in grades] for grades in (first, second)]
    return {
        "pairs graded blind a second time": f"{len(pairs)}, {len(decoys)} of them decoys",
        "Cohen's kappa, similar or not": f"{cohen_kappa_score(*similar):.2f}",
        "Cohen's kappa, grades 0 to 3, squared weights": (
            f"{cohen_kappa_score(first, second, weights='quadratic'):.2f}"
        ),
        "Cohen's kappa, grades 0 to 3, unweighted": f"{cohen_kappa_score(first, second):.2f}",
        "pairs with two different grades, settled by a third reading": sum(
            a != b for a, b in zip(first, second, strict=True)
        ),
        "decoys that were settled as similar to some degree": sum(
            pair["settled"] > 0 for pair in decoys
        ),
    }


def _spread(games: Sequence[Entry]) -> str:
    """Return how the games spread over half decades, genres and platforms."""
    spans = Counter(game["year"] // 5 * 5 for game in games if game["year"] is not None)
    lines = [
        "Years: " + ", ".join(f"{span} to {span + 4}: {n}" for span, n in sorted(spans.items())),
        *(
            f"{name.capitalize()}: " + _common(value for game in games for value in game[name])
            for name in ("genres", "platforms")
        ),
    ]
    return "\n\n".join(f"{line}." for line in lines)


def _common(values: Iterable[str]) -> str:
    return ", ".join(f"{value} {count}" for value, count in Counter(values).most_common())


def _table(rows: Mapping[str, object]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| what | number |", "|---|---|", *lines])
