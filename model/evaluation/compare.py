"""Measures several rankers alike on one catalogue: annotations, a weak label, no label at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from model.evaluation.found import Found
from model.evaluation.lists import Lists
from model.evaluation.ranking import PerQuery, hit_rate, ranking_values
from model.evaluation.results import Evaluation, Example, Metric, Neighbour, Result
from model.evaluation.study import Ground, StudyError
from model.evaluation.uncertainty import Difference, Estimate, estimate, gain, holm, paired_test
from model.evaluation.unlabelled import (
    chance_levels,
    coverage,
    hubness,
    intra_list_similarity,
    occurrences,
    overlap,
)
from model.evaluation.weak import agreement, chance_agreement, hits

_ANNOTATED = {
    "MPR": "mean percentile rank: mean over pairs of 1 - (rank - 1) / (candidates - 1)",
    "MRR": "mean over queries of 1 / rank of the first hit",
    "HR@10": "mean over queries of the share of its targets in the top 10",
    "HR@100": "mean over queries of the share of its targets in the top 100",
    "NDCG@10": "discounted gain (a grade, if given) of the top 10, relative to the best order",
    "MAP": "mean over queries of the precision at each of its targets",
}


@dataclass(frozen=True)
class Unavailable:
    """Stands in for a ranker whose weights cannot be had."""

    reason: str


@dataclass(frozen=True)
class _Measured:
    """One model before it is set beside the others. lists: (sampled, k); shown: (shown, k)."""

    name: str
    per_query: Mapping[str, PerQuery]
    lists: Lists
    shown: Lists
    recall: tuple[float, ...] = ()
    occurrences: tuple[int, ...] = ()
    plain: Mapping[str, float] = field(default_factory=dict)


Models = Mapping[str, Callable[[], Found] | Unavailable]
"""By name: what finds the ranks and lists of a ranker, or why there are none."""


def compare(models: Models, ground: Ground) -> Evaluation:
    """Measure the models one after the other.

    A model is called when its turn comes. Raises `StudyError`: before the first call if the study
    does not fit the models, and with a model's name if that one fails.
    """
    reference = _reference(ground.study.reference, models)
    rows = [
        Result(name, unavailable=search.reason)
        if isinstance(search, Unavailable)
        else _measure(name, _call(name, search), ground)
        for name, search in models.items()
    ]
    return _evaluation(rows, reference, ground)


def _call(name: str, search: Callable[[], Found]) -> Found:
    try:
        return search()
    except ValueError as error:
        raise StudyError(f"{name}: {error}") from error


def _reference(wanted: str | None, models: Models) -> str:
    measured = [name for name, fitted in models.items() if not isinstance(fitted, Unavailable)]
    if wanted is not None and wanted not in models:
        raise StudyError(f"the baseline {wanted!r} is none of the models: {', '.join(models)}")
    if wanted is not None and wanted not in measured:
        raise StudyError(f"the baseline {wanted!r} has no weights here; choose another --baseline")
    if not measured:
        raise StudyError(f"no model to measure: weights not available for {', '.join(models)}")
    return wanted or measured[0]


def _measure(name: str, found: Found, ground: Ground) -> _Measured:
    lists, shown = found.sampled, found.annotated
    gains = [each.gains for each in ground.study.annotations]
    per_query = ranking_values(found.ranks, ground.items - 1, gains) if found.ranks else {}
    if ground.labels is not None:
        judged = lists[np.isin(ground.sampled, ground.judged)]  # (judged, k)
        shares = agreement(ground.labels, ground.judged, judged)
        per_query[ground.weak_name] = PerQuery.mean_over_queries(shares)
        shown = shown if ground.queries else judged
    per_query["similarity in list"] = PerQuery.mean_over_queries(
        intra_list_similarity(lists, ground.space)
    )
    counts = occurrences(lists, ground.items)
    return _Measured(
        name=name,
        per_query=per_query,
        lists=lists,
        shown=shown[: len(ground.shown)],
        recall=tuple(hit_rate(found.ranks, k) for k in ground.cutoffs),
        occurrences=tuple(np.bincount(counts).tolist()),
        plain={"coverage@10": coverage(counts), "hubness": hubness(counts)},
    )


def _evaluation(
    rows: Sequence[_Measured | Result], reference_name: str, ground: Ground
) -> Evaluation:
    study = ground.study
    measured = {row.name: row for row in rows if isinstance(row, _Measured)}
    reference = measured[reference_name]
    metrics = tuple(_metrics(ground, reference_name))
    differences = _differences(measured, reference, metrics, study.seed)
    results = [
        row
        if isinstance(row, Result)
        else replace(_result(row, reference, study.seed), differences=differences[row.name])
        for row in rows
    ]
    return Evaluation(
        metrics=metrics,
        results=tuple(results),
        reference=reference_name,
        chance=_chance(ground),
        cutoffs=ground.cutoffs,
        examples=tuple(_examples(list(measured.values()), ground)),
        items=ground.items,
        queries=len(ground.queries),
        pairs=sum(len(targets) for targets in ground.targets),
        sampled=len(ground.sampled),
        labelled=len(ground.judged),
        seed=study.seed,
    )


def _metrics(ground: Ground, reference: str) -> Iterator[Metric]:
    sampled = f"{len(ground.sampled)} sampled queries"
    if ground.queries:
        yield from (Metric(name, "annotated", text) for name, text in _ANNOTATED.items())
    if ground.labels is not None:
        meaning = (
            f"mean share of the top 10 that has the query's {ground.study.label}, over the "
            f"{len(ground.judged)} of {sampled} that have one"
        )
        yield Metric(ground.weak_name, "weak", meaning)
    reach = min(1.0, len(ground.sampled) * ground.length / ground.items)
    yield Metric(
        "coverage@10",
        "label-free",
        f"share of all items in the top 10 of some of the {sampled}; at most {reach:.1%}",
    )
    yield Metric(
        "hubness", "label-free", "skewness of how often an item is in those lists", percent=False
    )
    yield Metric(
        "similarity in list", "label-free", "mean TF-IDF cosine of two items of one top 10"
    )
    yield Metric("overlap@10", "label-free", f"share of the top 10 that {reference} has as well")


def _result(row: _Measured, reference: _Measured, seed: int) -> Result:
    shared = PerQuery.mean_over_queries(overlap(row.lists, reference.lists))
    per_query = {**row.per_query, "overlap@10": shared}
    return Result(
        name=row.name,
        estimates={
            **{name: estimate(values, seed=seed) for name, values in per_query.items()},
            **{name: Estimate(value) for name, value in row.plain.items()},
        },
        recall=row.recall,
        occurrences=row.occurrences,
    )


def _differences(
    rows: Mapping[str, _Measured], reference: _Measured, metrics: Sequence[Metric], seed: int
) -> dict[str, dict[str, Difference]]:
    """Return the differences from the reference by model and judged metric."""
    found: dict[str, dict[str, Difference]] = {name: {} for name in rows}
    others = [row for row in rows.values() if row is not reference]
    for metric in (m.name for m in metrics if m.group != "label-free"):
        base = reference.per_query[metric]
        gains = [gain(row.per_query[metric], base) for row in others]
        p_values = [paired_test(each, seed=seed) for each in gains]
        for row, each, p, adjusted in zip(others, gains, p_values, holm(p_values), strict=True):
            found[row.name][metric] = Difference(estimate(each, seed=seed), p, adjusted)
    return found


def _chance(ground: Ground) -> dict[str, float]:
    levels = chance_levels(ground.items, len(ground.sampled), ground.length, ground.space)
    if ground.labels is not None:
        levels[ground.weak_name] = chance_agreement(ground.labels, ground.judged)
    return levels


def _examples(rows: Sequence[_Measured], ground: Ground) -> Iterator[Example]:
    records = ground.study.records
    for i, query in enumerate(ground.shown):
        targets = ground.targets[i] if ground.queries else []
        lists = {}
        for row in rows:
            listed = row.shown[i]
            hit = np.isin(listed, targets)
            if not ground.queries and ground.labels is not None:
                hit = hits(ground.labels, [query], listed[None])[0]
            lists[row.name] = tuple(
                Neighbour(records[j].title, bool(h)) for j, h in zip(listed, hit, strict=True)
            )
        yield Example(records[query].title, tuple(records[t].title for t in targets), lists)
