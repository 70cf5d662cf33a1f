"""`python -m model evaluate`: several models on one catalogue, as a table and a page."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from model.annotations import read_annotations
from model.baselines.ranker import Ranker, WeightsUnavailable
from model.baselines.registry import BaselineOptions, build, known
from model.baselines.title_description import RecoBertConfig
from model.checkpoint import MANIFEST, folder_digests, read_manifest, refuse_occupied
from model.commands.options import Catalogue
from model.config import TrainConfig
from model.corpus import read_corpus
from model.evaluation.compare import Models, Unavailable, compare
from model.evaluation.found import Found, find, load_found, save_found
from model.evaluation.results import Evaluation
from model.evaluation.study import Ground, Study, StudyError, prepare
from model.export import record_metrics
from model.report.files import PAGE, write_report
from model.report.origin import DataFile, Origin, command_line, versions
from model.report.tables import card_rows, markdown_table

DEFAULT_MODELS = ["tfidf,bm25,random"]
Report = Callable[[str], None]
"""Takes a line of progress."""

_HELP = "NAME=SPEC or SPEC, again or with commas between. " + "; ".join(
    f"{spec}: {line}" for spec, line in known().items()
)


@dataclass(frozen=True)
class Model:
    """A row's name and what is to be built for it."""

    name: str
    spec: str


def evaluate(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Catalogue,
    out: Annotated[Path, typer.Option(help="new folder for table and page")],
    annotations: Annotated[
        Path | None, typer.Option(help='JSON Lines of {"query": id, "similar": [id]}')
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="annotations of this split only, such as dev or test")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="column whose equal values are a weak label")
    ] = None,
    models: Annotated[list[str], typer.Option(help=_HELP)] = DEFAULT_MODELS,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
    sample: Annotated[int, typer.Option(help="queries without annotations: items drawn")] = 1000,
    seed: Annotated[int, typer.Option(help="of draws, and of the models that draw")] = 0,
    baseline: Annotated[
        str | None, typer.Option(help="the model to test the others against; default: the first")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="checkpoint folder whose card is to keep the table")
    ] = None,
    recobert_steps: Annotated[
        int, typer.Option(help="optimiser steps of `recobert`")
    ] = RecoBertConfig.steps,
    cache: Annotated[
        Path | None,
        typer.Option(help="folder that keeps what models found, for the same data and settings"),
    ] = None,
) -> None:
    """Measure several models on a catalogue: by annotations, by a label, and by neither."""
    wanted = parse_models(models)
    dtype = getattr(torch, TrainConfig(precision=precision).precision)
    options = BaselineOptions(
        seed=seed,
        precision=dtype,
        recobert=RecoBertConfig(precision=dtype, steps=recobert_steps, seed=seed),
    )
    refuse_occupied(out)
    if record is not None:
        read_manifest(record)
    study, files = _read(catalogue, annotations, split=split, label=label)
    ground = prepare(replace(study, sample=sample, seed=seed, reference=baseline))
    with _progress() as report:
        search = _Search(ground, replace(options, report=report), files, cache)
        evaluation = compare(search.all(wanted), ground)
    settings = {"precision": precision, **_described(wanted)}
    if "recobert" in {model.spec for model in wanted}:
        settings["recobert"] = f"trained here for {recobert_steps} steps"
    write_report(out, evaluation, Origin(files, command_line(), settings, versions()))
    if record is not None:
        record_metrics(record, {_title(evaluation, files, split, precision): card_rows(evaluation)})
    typer.echo(markdown_table(evaluation))
    typer.echo(f"{out / PAGE}: the same with plots and examples")


def parse_models(given: Sequence[str]) -> list[Model]:
    """Return the models of all options in order. Raises `StudyError` for a name given twice."""
    found: list[Model] = []
    for text in (part.strip() for option in given for part in option.split(",")):
        name, equals, spec = text.partition("=")
        if not name or (equals and not spec):
            raise StudyError(f"--models {text!r}: write a model, or NAME=MODEL")
        if name in {model.name for model in found}:
            raise StudyError(f"--models: {name!r} is given twice; write NAME=MODEL to tell apart")
        found.append(Model(name, spec or name))
    return found


def _read(
    catalogue: Path, annotations: Path | None, *, split: str | None, label: str | None
) -> tuple[Study, tuple[DataFile, ...]]:
    """Return the study of the files, its options as they are by default, and the files."""
    corpus = read_corpus(catalogue, at_least=3, tags=[] if label is None else [label])
    typer.echo(f"{catalogue.name}: {corpus.summary()}")
    if annotations is None:
        return Study(corpus.records, label=label), (DataFile.of(catalogue),)
    judged = read_annotations(annotations, {item.id for item in corpus.records}, split=split)
    study = Study(corpus.records, tuple(judged), label)
    return study, (DataFile.of(catalogue), DataFile.of(annotations))


@dataclass(frozen=True)
class _Search:
    """Builds models and lets them search; what one found may be on file already."""

    ground: Ground
    options: BaselineOptions
    files: tuple[DataFile, ...]
    cache: Path | None

    def all(self, wanted: Sequence[Model]) -> Models:
        """Return what finds each model's lists. Weights are loaded now: what fails, fails early."""
        return {
            model.name: self._one(model, f"{place} of {len(wanted)}, {model.name}")
            for place, model in enumerate(wanted, start=1)
        }

    def _one(self, model: Model, line: str) -> Callable[[], Found] | Unavailable:
        kept = None if self.cache is None else self.cache / f"{self._key(model)}.npz"
        if kept is not None and kept.is_file():
            return lambda: load_found(kept, self.ground)
        self.options.report(f"{line}: loading")
        try:
            ranker = build(model.spec, self.options)
        except WeightsUnavailable as error:
            return Unavailable(error.tried)
        return lambda: self._find(line, ranker, kept)

    def _find(self, line: str, ranker: Ranker, kept: Path | None) -> Found:
        started = monotonic()
        self.options.report(f"{line}: reading {self.ground.items} items")
        ranker.fit(self.ground.study.records)
        self.options.report(f"{line}: ranking")
        found = find(ranker, self.ground)
        if kept is not None:
            save_found(kept, found)
        self.options.report(f"{line}: done in {monotonic() - started:.0f} s")
        return found

    def _key(self, model: Model) -> str:
        """Return a digest of all that decides about ranks and lists, the program's versions too."""
        study = self.ground.study
        facts = [
            model.spec,
            folder_digests(_folder(model.spec)),
            [file.sha256 for file in self.files],
            [each.query for each in study.annotations],
            [study.sample, study.seed, str(self.options.precision)],
            self.options.recobert.steps if "recobert" in model.spec else None,
            versions(),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _folder(spec: str) -> Path:
    """Return the folder in a spec such as `hybrid:runs/games`, if it names one."""
    return Path(spec.rpartition(":")[2])


def _described(wanted: Sequence[Model]) -> dict[str, str]:
    """Return what stands behind the rows whose name does not say it all."""
    found = {}
    for model in wanted:
        checkpoint = (_folder(model.spec) / MANIFEST).is_file()
        parts = [model.spec] if checkpoint or model.spec != model.name else []
        if checkpoint:
            parts.append(read_manifest(_folder(model.spec)).encoder_id)
        if parts:
            found[f"model {model.name}"] = ", ".join(parts)
    return found


def _title(
    evaluation: Evaluation, files: Sequence[DataFile], split: str | None, precision: str
) -> str:
    part = f" ({split})" if split else ""
    judged = (
        f"{files[-1].name}{part}: {evaluation.queries} queries, {evaluation.pairs} pairs, "
        if evaluation.queries
        else ""
    )
    return (
        f"{judged}all {evaluation.items} items of {files[0].name} ranked, {evaluation.sampled} "
        f"sampled queries, seed {evaluation.seed}, {precision}, per cent but hubness"
    )


@contextmanager
def _progress() -> Iterator[Report]:
    """Give what shows a line: the last one on a terminal, every one elsewhere."""
    if not Console().is_terminal:
        yield typer.echo
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda line: progress.update(task, description=line)
