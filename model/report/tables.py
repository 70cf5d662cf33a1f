"""The figures as one table: Markdown for people, CSV for spreadsheets, JSON with everything."""

import csv
import io
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from model.evaluation.results import Evaluation, Metric, Result
from model.evaluation.uncertainty import Estimate
from model.report.origin import Origin, counts

UNAVAILABLE = "weights not available"
ALPHA = 0.05
MARK = "†"
"""Follows a figure that differs from the reference's, adjusted p below 0.05."""


def scaled(metric: Metric, value: float) -> float:
    """Return a value in the unit it is shown in: per cent, or as it is."""
    return 100.0 * value if metric.percent else value


def cell(metric: Metric, estimate: Estimate) -> str:
    """Return `41.20 [35.1, 47.6]`, or the value alone where there is no interval."""
    value = f"{scaled(metric, estimate.value):.2f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{scaled(metric, estimate.low):.1f}, {scaled(metric, estimate.high):.1f}]"


def differs(result: Result, metric: Metric) -> bool:
    """Tell whether the model's figure differs from the reference's beyond chance."""
    difference = result.differences.get(metric.name)
    return difference is not None and difference.adjusted < ALPHA


def metric_cell(result: Result, metric: Metric) -> str:
    """Return one cell of the table, marked where it differs from the reference."""
    mark = f" {MARK}" if differs(result, metric) else ""
    return f"{cell(metric, result.estimates[metric.name])}{mark}"


def reading(evaluation: Evaluation) -> list[str]:
    """Return what a reader needs to know about the table, a sentence each."""
    return [
        "Per cent, but hubness. In brackets: 95 % percentile bootstrap interval over queries.",
        f"{MARK}: differs from {evaluation.reference} by a paired randomisation test over queries, "
        f"p below {ALPHA} after Holm's adjustment for the number of models.",
        *(f"{metric.name}: {metric.meaning}." for metric in evaluation.metrics),
        "Chance level: what lists drawn at random are expected to give.",
    ]


def origin_lines(evaluation: Evaluation, origin: Origin) -> list[tuple[str, str]]:
    """Return the origin of the figures as names and values."""
    return [
        *((file.name, f"SHA-256 {file.sha256}") for file in origin.files),
        ("measured on", counts(evaluation)),
        ("seed", str(evaluation.seed)),
        *origin.settings.items(),
        ("command", "python -m model " + shlex.join(origin.command)),
        ("versions", ", ".join(f"{name} {each}" for name, each in origin.versions.items())),
    ]


def markdown_table(evaluation: Evaluation) -> str:
    """Return the table alone: a row a model, and one for the chance level."""
    names = [metric.name for metric in evaluation.metrics]
    rows = [["model", *names], ["---", *("---:" for _ in names)]]
    rows += [[result.name, *_cells(result, evaluation.metrics)] for result in evaluation.results]
    rows.append(
        [
            "*chance level*",
            *(
                f"{scaled(m, evaluation.chance[m.name]):.2f}" if m.name in evaluation.chance else ""
                for m in evaluation.metrics
            ),
        ]
    )
    return "".join(f"| {' | '.join(map(_escape, row))} |\n" for row in rows)


def _cells(result: Result, metrics: Sequence[Metric]) -> list[str]:
    if result.unavailable:
        first = f"{UNAVAILABLE} ({result.unavailable})"
        return [first, *("" for _ in metrics[1:])]
    return [metric_cell(result, metric) for metric in metrics]


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def markdown(evaluation: Evaluation, origin: Origin) -> str:
    """Return table, differences and origin as a Markdown document."""
    return "\n".join(
        [
            "# Evaluation",
            "",
            markdown_table(evaluation),
            *(f"- {line}" for line in reading(evaluation)),
            "",
            f"## Differences from {evaluation.reference}",
            "",
            "| model | metric | difference | p | adjusted p |",
            "| --- | --- | ---: | ---: | ---: |",
            *(f"| {' | '.join(map(_escape, row))} |" for row in difference_rows(evaluation)),
            "",
            "## Origin",
            "",
            *(f"- {name}: {value}" for name, value in origin_lines(evaluation, origin)),
            "",
        ]
    )


def difference_rows(evaluation: Evaluation) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield model, metric, difference in points with its interval, p and adjusted p."""
    for result in evaluation.measured:
        for metric in evaluation.metrics:
            if found := result.differences.get(metric.name):
                yield (
                    result.name,
                    metric.name,
                    cell(metric, found.estimate),
                    f"{found.p:.4f}",
                    f"{found.adjusted:.4f}",
                )


def csv_table(evaluation: Evaluation) -> str:
    """Return the table with a column for each number; a model without weights has none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    parts = ("", " low", " high", " difference", " p", " adjusted p")
    columns = [metric.name + part for metric in evaluation.metrics for part in parts]
    writer.writerow(["model", "status", *columns])
    for result in evaluation.results:
        status = f"{UNAVAILABLE} ({result.unavailable})" if result.unavailable else "measured"
        numbers = [n for metric in evaluation.metrics for n in _numbers(result, metric)]
        writer.writerow([result.name, status, *("" if n is None else f"{n:.6g}" for n in numbers)])
    return stream.getvalue()


def _numbers(result: Result, metric: Metric) -> list[float | None]:
    if result.unavailable:
        return [None] * 6
    found, difference = result.estimates[metric.name], result.differences.get(metric.name)
    ends = [None if end is None else scaled(metric, end) for end in (found.low, found.high)]
    tested = (
        [scaled(metric, difference.estimate.value), difference.p, difference.adjusted]
        if difference
        else [None, None, None]
    )
    return [scaled(metric, found.value), *ends, *tested]


def json_report(evaluation: Evaluation, origin: Origin) -> str:
    """Return everything that was measured; shares lie in 0..1, not in per cent."""
    results = []
    for result in evaluation.results:
        status = UNAVAILABLE if result.unavailable else "measured"
        results.append({"status": status, **asdict(result)})
    content: dict[str, Any] = {
        "origin": asdict(origin),
        **asdict(evaluation),
        "results": results,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def card_rows(evaluation: Evaluation) -> dict[str, dict[str, float | str]]:
    """Return the table for a model card: numbers by model and metric, to two decimals."""
    rows: dict[str, dict[str, float | str]] = {}
    for result in evaluation.results:
        rows[result.name] = (
            {evaluation.metrics[0].name: UNAVAILABLE}
            if result.unavailable
            else {
                metric.name: round(scaled(metric, result.estimates[metric.name].value), 2)
                for metric in evaluation.metrics
            }
        )
    return rows
