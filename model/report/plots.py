"""Plots as SVG text that takes its colour from the page around it, in light and dark.

matplotlib's Figure objects are used without pyplot: nothing is kept between two plots.
"""

import io
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.typing import RcKeyType

from model.evaluation.results import Evaluation, Metric, Result
from model.report.tables import scaled

COLOURS = (
    "#4c8dd6",
    "#e0762f",
    "#2fa37c",
    "#c65b9e",
    "#8d74d8",
    "#b8902a",
    "#d6504f",
    "#35a5b8",
    "#8b8f96",
    "#6f9a3c",
)
"""By the place of a model in the table; legible on white and on near-black."""
_LINES = ("-", "--", "-.", ":")
_MARKERS = "osD^vPX*"
_STEPS = [step * 10**power for power in range(5) for step in (1, 2, 5)]
_INK = "#010203"
"""Drawn in this colour, replaced by the page's own."""
_STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's font
    "font.size": 10,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.linewidth": 0.6,
}


def colour(place: int) -> str:
    """Return the colour of the model in row `place` of the table."""
    return COLOURS[place % len(COLOURS)]


def metric_plot(evaluation: Evaluation, metric: Metric) -> str:
    """Return one bar a model with its interval; a dashed line is the chance level."""
    results = evaluation.measured
    with rc_context({**_STYLE, "svg.hashsalt": metric.name}):
        figure, axes = _canvas(height=0.32 * len(results) + 0.75)
        for row, (place, result) in enumerate(_placed(evaluation)):
            _bar(axes, row, metric, result, colour(place))
        axes.set_yticks(range(len(results)), [result.name for result in results])
        axes.set_ylim(len(results) - 0.45, -0.55)  # the first model on top
        axes.tick_params(axis="y", length=0)
        if metric.name in evaluation.chance:
            level = scaled(metric, evaluation.chance[metric.name])
            axes.axvline(level, color=_INK, linestyle="--", linewidth=1)
        axes.axvline(0, color=_INK, linewidth=0.6)
        axes.margins(x=0.16)  # room for the numbers
        return _svg(figure, f"{metric.name} by model")


def _bar(axes: Axes, row: int, metric: Metric, result: Result, shade: str) -> None:
    estimate = result.estimates[metric.name]
    value = scaled(metric, estimate.value)
    axes.barh(row, value, color=shade, height=0.62)
    end = value
    if estimate.low is not None and estimate.high is not None:
        low, high = scaled(metric, estimate.low), scaled(metric, estimate.high)
        # a percentile interval need not hold the value itself
        errors = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
        axes.errorbar(value, row, xerr=errors, color=_INK, capsize=3, linewidth=1.1)
        end = max(high, value)
    text = f"{value:.1f}" if metric.percent else f"{value:.2f}"
    axes.annotate(
        text, (max(end, 0.0), row), xytext=(5, 0), textcoords="offset points", va="center"
    )


def recall_plot(evaluation: Evaluation) -> str:
    """Return HR@k against k, a line a model; k on a logarithmic scale."""
    with rc_context({**_STYLE, "svg.hashsalt": "recall"}):
        figure, axes = _canvas(height=3.3 + 0.1 * len(evaluation.measured))
        for place, result in _placed(evaluation):
            _line(axes, place, result.name, evaluation.cutoffs, result.recall)
        axes.set(xscale="log", xlabel="k", ylabel="targets among the first k", ylim=(0, None))
        _finish_lines(figure, axes, evaluation.cutoffs)
        return _svg(figure, "Share of targets among the first k neighbours")


def occurrence_plot(evaluation: Evaluation) -> str:
    """Return the share of items that stand in at least c lists, against c; both logarithmic."""
    with rc_context({**_STYLE, "svg.hashsalt": "occurrences"}):
        figure, axes = _canvas(height=3.3 + 0.1 * len(evaluation.measured))
        for place, result in _placed(evaluation):
            counts = np.array(result.occurrences)
            at_least = counts[::-1].cumsum()[::-1] / counts.sum()  # (most + 1,)
            times = [c for c in range(1, len(counts)) if counts[c]]
            _line(axes, place, result.name, times, at_least[times])
        axes.set(xscale="log", yscale="log", xlabel="lists", ylabel="items in at least as many")
        most = max(len(result.occurrences) for result in evaluation.measured)
        _finish_lines(figure, axes, [step for step in _STEPS if step < most])
        return _svg(figure, "Share of items that stand in at least so many lists")


def _placed(evaluation: Evaluation) -> Iterator[tuple[int, Result]]:
    return ((i, each) for i, each in enumerate(evaluation.results) if not each.unavailable)


def _line(
    axes: Axes, place: int, name: str, x: Sequence[int], y: Sequence[float] | np.ndarray
) -> None:
    axes.plot(
        x,
        y,
        color=colour(place),
        linestyle=_LINES[place // len(COLOURS) % len(_LINES)],
        marker=_MARKERS[place % len(_MARKERS)],
        markersize=4,
        linewidth=1.6,
        label=name,
    )


def _finish_lines(figure: Figure, axes: Axes, ticks: Sequence[int]) -> None:
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.grid(color=_INK, alpha=0.15, linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def _canvas(*, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, label: str) -> str:
    """Return a figure as an SVG element for a page, named for screen readers."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(_INK, "currentColor")
    used = set(re.findall(r"#([\w-]+)", drawn))
    # a page holds several plots, and matplotlib gives all of them the same ids
    drawn = re.sub(r' id="([\w.-]+)"', lambda m: m[0] if m[1] in used else "", drawn)
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"font: ([\w.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", drawn)
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
