"""Trials of several training variants: results as rows, and their table."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

UNTRAINED = "untrained"
"""Name of the row that is the base model itself."""


class TrialsError(ValueError):
    """The folder holds trials of something else; the message says of what."""


@dataclass(frozen=True)
class Trial:
    """One variant trained with one seed, and its figures by name."""

    variant: str
    seed: int
    figures: Mapping[str, float]


def read_trials(path: Path) -> list[Trial]:
    """Return the finished trials of an earlier, interrupted call; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Trial(
            row["variant"],
            int(row["seed"]),
            {name: float(value) for name, value in row.items() if name not in ("variant", "seed")},
        )
        for row in rows
    ]


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write all finished trials; a kill leaves the file as it was before or after."""
    rows = [{"variant": t.variant, "seed": t.seed, **t.figures} for t in trials]
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def table(trials: Sequence[Trial], titles: Mapping[str, str]) -> str:
    """Return a Markdown table: a row for each variant, mean and sample deviation over its seeds."""
    names = list(trials[0].figures)
    lines = [f"| variant | {' | '.join(names)} | seeds |", "|---|" + "---|" * (len(names) + 1)]
    for variant in dict.fromkeys(trial.variant for trial in trials):
        runs = [trial for trial in trials if trial.variant == variant]
        cells = [_cell([run.figures[name] for run in runs]) for name in names]
        seeds = " ".join(str(run.seed) for run in runs)
        lines.append(f"| {titles.get(variant, variant)} | {' | '.join(cells)} | {seeds} |")
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{spread}"
