"""What is kept of a ranker: ranks and lists, from which every figure follows.

It takes minutes or hours to find and some hundred kilobytes to keep, for any kind of ranker.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from model.evaluation.lists import Lists, Scorer, first, neighbour_lists, score_rows
from model.evaluation.ranking import Ranks, target_ranks
from model.evaluation.study import Ground


class FoundError(ValueError):
    """A file does not hold what a ranker found for this study; the message names the file."""


@dataclass(frozen=True, eq=False)
class Found:
    """ranks: of each annotated query's targets. annotated: (queries, k); sampled: (sample, k)."""

    ranks: tuple[Ranks, ...]
    annotated: Lists
    sampled: Lists


def find(ranker: Scorer, ground: Ground) -> Found:
    """Ask a fitted ranker for all queries of a study. Raises `ScoreError`."""
    ranks, lists = [], []
    rows = score_rows(ranker, ground.queries)
    for query, targets, scores in zip(ground.queries, ground.targets, rows, strict=True):
        ranks.append(target_ranks(scores, targets, query=query))
        lists.append(first(scores, ground.length, query=query))
    annotated = np.array(lists, dtype=np.int64).reshape(-1, ground.length)
    return Found(tuple(ranks), annotated, neighbour_lists(ranker, ground.sampled, ground.length))


def save_found(path: Path, found: Found) -> None:
    """Write to a temporary name beside `path`, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    flat = np.concatenate([*found.ranks, np.zeros(0, dtype=np.int64)])
    with temporary.open("wb") as stream:
        np.savez(stream, ranks=flat, annotated=found.annotated, sampled=found.sampled)
    temporary.replace(path)


def load_found(path: Path, ground: Ground) -> Found:
    """Read what `save_found` wrote for the same study. Raises `FoundError`."""
    try:
        with path.open("rb") as stream, np.load(stream) as held:
            flat, annotated, sampled = held["ranks"], held["annotated"], held["sampled"]
    except (BadZipFile, EOFError, KeyError, OSError, ValueError) as error:
        raise FoundError(f"{path} does not load: {error}; remove it") from error
    sizes = [len(targets) for targets in ground.targets]
    expected = ((len(sizes), ground.length), (len(ground.sampled), ground.length), (sum(sizes),))
    if (annotated.shape, sampled.shape, flat.shape) != expected:
        raise FoundError(f"{path} is of another study; remove it")
    ranks = np.split(flat, np.cumsum(sizes)[:-1]) if sizes else []
    return Found(tuple(ranks), annotated, sampled)
