"""Long descriptions: several windows pooled, against truncation, and what either costs.

    python -m benchmarks.long_texts                                   # the demo catalogue
    python -m benchmarks.long_texts --catalogue FILE --annotations FILE --model FOLDER --items 3000

Two measures. Experts: how the annotated items rank among those chosen. Tails, without labels: the
vector of a whole text has to find the text's own last sentences among those of all long texts. A
tail lies behind the first 128 tokens and fits into one window of any reading, so its own vector is
the same for all of them. What reads a tail finds it more easily: a high figure says that the end
of a text is in its vector, not that its neighbours are better. That is for the experts to say.
In brackets stands the 95 % interval of the gain over truncation at 128, from a paired bootstrap.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from model.annotations import read_annotations
from model.base import load_base
from model.config import EncoderConfig
from model.corpus import Record, read_corpus
from model.encoder import Encoder, Vectors, quiet
from model.evaluation.ranking import (
    Annotation,
    PerQuery,
    ranking_values,
    reciprocal_ranks,
    target_ranks,
)
from model.evaluation.uncertainty import estimate, gain
from model.pairs import sentences

ROOT = Path(__file__).parent.parent
READINGS = {
    "truncation at 128": EncoderConfig(max_tokens=128),
    "truncation at 256": EncoderConfig(max_tokens=256),
    "2 windows of 128": EncoderConfig(max_tokens=128, max_windows=2),
    "4 windows of 128": EncoderConfig(max_tokens=128, max_windows=4),
    "2 windows of 256": EncoderConfig(max_tokens=256, max_windows=2),
}
FLOOR = "truncation at 128"
_SLICE = 512
"""Texts encoded at once: bounds what lies in memory as tokens."""


class Tail(NamedTuple):
    """The last sentences of a text, by the row of its record."""

    row: int
    text: str


class Measured(NamedTuple):
    """What a reading gives, query by query, and what it takes."""

    values: dict[str, PerQuery]
    seconds: float
    tokens: int


def main() -> None:
    """Choose items, measure every reading, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--catalogue", type=Path, default=ROOT / "data" / "games.jsonl")
    parser.add_argument("--annotations", type=Path, help="expert annotations of the catalogue")
    parser.add_argument(
        "--model",
        default=str(ROOT / "checkpoints" / "metricbert-games"),
        help="checkpoint folder, or base model: folder or hub name",
    )
    parser.add_argument("--items", type=int, default=1000, help="items beside the annotated ones")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quiet()
    corpus = read_corpus(options.catalogue)
    ids = {record.id for record in corpus.records}
    wanted = read_annotations(options.annotations, ids) if options.annotations else []
    records = choose(corpus.records, wanted, options.items, seed=options.seed)
    model, tokenizer = load_base(options.model)
    model.bert.to(getattr(torch, options.precision))
    encoders = {name: Encoder(model.bert, tokenizer, reading) for name, reading in READINGS.items()}
    ends = (tail_of(record, row, encoders[FLOOR]) for row, record in enumerate(records))
    tails = [tail for tail in ends if tail]
    encode(encoders[FLOOR], [record.text for record in records[:_SLICE]])  # warm up
    found = {name: measure(each, records, wanted, tails) for name, each in encoders.items()}
    print(f"{options.model}, {options.precision}; {options.catalogue.name}: ", end="")
    print(f"{len(records)} items, {len(wanted)} expert queries, {len(tails)} tails\n")
    report(found, options.seed)


def choose(
    records: Sequence[Record], wanted: Sequence[Annotation], count: int, *, seed: int
) -> list[Record]:
    """Return annotated records and `count` others: the longest ones and, as many, drawn ones."""
    needed = {item for one in wanted for item in (one.query, *one.similar)}
    others = [record for record in records if record.id not in needed]
    others.sort(key=lambda record: -len(record.text))
    longest, rest = others[: count // 2], others[count // 2 :]
    drawn = random.Random(seed).sample(rest, min(count - len(longest), len(rest)))
    kept = needed | {record.id for record in (*longest, *drawn)}
    return [record for record in records if record.id in kept]


def tail_of(record: Record, row: int, floor: Encoder) -> Tail | None:
    """Return the last sentences of a text that begin where `floor` has stopped reading, if any."""
    parts = [f"{record.title}.", *sentences(record.description)]
    sizes = [floor.token_use(part).total for part in parts]
    first = len(parts)
    while (
        first > 0
        and sum(sizes[: first - 1]) >= floor.max_tokens
        and sum(sizes[first - 1 :]) <= floor.max_tokens
    ):
        first -= 1
    return Tail(row, " ".join(parts[first:])) if first < len(parts) else None


def encode(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Return the vectors of many texts, slice by slice."""
    starts = range(0, len(texts), _SLICE)
    return np.concatenate([encoder.encode(texts[start : start + _SLICE]) for start in starts])


def measure(
    encoder: Encoder,
    records: Sequence[Record],
    wanted: Sequence[Annotation],
    tails: Sequence[Tail],
) -> Measured:
    """Time one reading of all texts, then rank with its vectors."""
    texts = [record.text for record in records]
    began = perf_counter()
    vectors = encode(encoder, texts)
    seconds = perf_counter() - began
    values = expert_values(vectors, [record.id for record in records], wanted) if wanted else {}
    if tails:
        scores = vectors[[tail.row for tail in tails]] @ encode(encoder, [t.text for t in tails]).T
        ranks = [target_ranks(row, [i], query=-1) for i, row in enumerate(scores)]
        values["tail MRR"] = PerQuery.mean_over_queries(reciprocal_ranks(ranks))
    return Measured(values, seconds, sum(encoder.token_use(text).used for text in texts))


def expert_values(
    vectors: Vectors, ids: Sequence[str], wanted: Sequence[Annotation]
) -> dict[str, PerQuery]:
    """Rank all vectors but its own for each query."""
    row = {item: i for i, item in enumerate(ids)}
    ranks = [
        target_ranks(
            vectors @ vectors[row[one.query]], [row[i] for i in one.similar], query=row[one.query]
        )
        for one in wanted
    ]
    return ranking_values(ranks, len(ids) - 1)


def report(found: dict[str, Measured], seed: int) -> None:
    """Print one row a reading: per cent, gains with their 95 % interval, costs as ratios."""
    floor = found[FLOOR]
    print(f"| | {' | '.join(floor.values)} | tokens read | texts/s |")
    print(f"|---|{'---|' * len(floor.values)}---|---|")
    for reading, one in found.items():
        cells = [cell(values, floor.values[name], seed) for name, values in one.values.items()]
        cells += [f"x{one.tokens / floor.tokens:.2f}", f"x{floor.seconds / one.seconds:.2f}"]
        print(f"| {reading} | {' | '.join(cells)} |")


def cell(values: PerQuery, floor: PerQuery, seed: int) -> str:
    """Return the figure and, where it is another than the floor's, between what its gain lies."""
    found = estimate(gain(values, floor), seed=seed)
    if values is floor or found.low is None or found.high is None:
        return f"{100 * values.mean:.1f}"
    return f"{100 * values.mean:.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


if __name__ == "__main__":
    main()
