"""The report as one HTML page that loads nothing: table, plots, examples side by side, origin."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from model.evaluation.results import Evaluation, Example, Group, Metric, Neighbour
from model.report.origin import Origin, caption
from model.report.plots import colour, metric_plot, occurrence_plot, recall_plot
from model.report.tables import (
    MARK,
    UNAVAILABLE,
    cell,
    difference_rows,
    differs,
    origin_lines,
    reading,
    scaled,
)

_TITLES: dict[Group, str] = {
    "annotated": "Against expert annotations",
    "weak": "Against a weak label",
    "label-free": "Without labels",
}


@dataclass(frozen=True)
class Plot:
    """A drawing and what stands under it."""

    svg: Markup
    text: str
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """The plots of one group of metrics."""

    title: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Column:
    """One model's list for one query."""

    model: str
    hits: int
    neighbours: tuple[Neighbour, ...]


def page(evaluation: Evaluation, origin: Origin) -> str:
    """Return the page. Everything that comes from data is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        evaluation=evaluation,
        heading=" and ".join(file.name for file in origin.files),
        caption=caption(evaluation, origin.files),
        groups=_groups(evaluation),
        sections=list(_sections(evaluation)),
        reading=reading(evaluation),
        differences=list(difference_rows(evaluation)),
        origin=origin_lines(evaluation, origin),
        columns=_columns,
        cell=cell,
        best=_best(evaluation),
        colour=colour,
        differs=differs,
        scaled=scaled,
        mark=MARK,
        unavailable=UNAVAILABLE,
    )


def _groups(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Return the titles over the table's columns, and how many columns each spans."""
    groups = [metric.group for metric in evaluation.metrics]
    return [(_TITLES[group], groups.count(group)) for group in dict.fromkeys(groups)]


def _best(evaluation: Evaluation) -> dict[str, str]:
    """Return which model has the highest figure, by judged metric."""
    return {
        metric.name: max(evaluation.measured, key=lambda r: r.estimates[metric.name].value).name
        for metric in evaluation.metrics
        if metric.group != "label-free"
    }


def _sections(evaluation: Evaluation) -> Iterator[Section]:
    for group in dict.fromkeys(metric.group for metric in evaluation.metrics):
        plots = [
            Plot(_safe(metric_plot(evaluation, metric)), _text(evaluation, metric))
            for metric in evaluation.metrics
            if metric.group == group
        ]
        if group == "annotated":
            text = "HR@k: mean over queries of the share of its targets among the first k"
            plots.append(Plot(_safe(recall_plot(evaluation)), text, wide=True))
        if group == "label-free":
            text = (
                "k-occurrence: the share of all items that stand in at least so many of the "
                "sampled lists. A tail far to the right: a few hubs stand in very many"
            )
            plots.append(Plot(_safe(occurrence_plot(evaluation)), text, wide=True))
        yield Section(_TITLES[group], tuple(plots))


def _text(evaluation: Evaluation, metric: Metric) -> str:
    unit = ", per cent" if metric.percent else ""
    dashed = ". Dashed: chance level" if metric.name in evaluation.chance else ""
    return f"{metric.name}: {metric.meaning}{unit}{dashed}"


def _safe(svg: str) -> Markup:
    """Let a drawing through as it is: matplotlib escapes the names in it."""
    return Markup(svg)  # noqa: S704


def _columns(example: Example) -> list[Column]:
    return [
        Column(model, sum(n.hit for n in neighbours), neighbours)
        for model, neighbours in example.lists.items()
    ]
