"""The curves of a run as a picture."""

import csv
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_PANELS = (
    ("loss", ("loss",)),
    ("parts", ("mlm", "metric", "teacher")),
    ("angular distance", ("positive", "negative")),
    ("active triplets", ("active",)),
    ("embeddings", ("spread", "cosine")),
)
_WINDOW = 20
"""Steps that are averaged for a line."""


def draw_curves(table: Path, picture: Path) -> None:
    """Draw the CSV `table` of a run's steps into the PNG `picture`."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    figure = Figure(figsize=(5 * len(_PANELS), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    steps = [int(row["step"]) for row in rows]
    for axes, (title, names) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for name in names:
            axes.plot(steps, _smooth([float(row[name]) for row in rows]), label=name)
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=110)


def _smooth(values: list[float]) -> list[float]:
    """Return the mean of each value and those before it, `_WINDOW` at most."""
    spans = [values[max(0, i + 1 - _WINDOW) : i + 1] for i in range(len(values))]
    return [sum(span) / len(span) for span in spans]
