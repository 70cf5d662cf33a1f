"""`python -m model variants`: each objective trained with the same budget, side by side."""

import copy
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.annotations import read_annotations
from model.base import DEFAULT, load_base
from model.commands.guide import guide, reader
from model.commands.options import Catalogue
from model.config import EncoderConfig, TrainConfig
from model.corpus import Record, file_digest, read_corpus
from model.encoder import Encoder
from model.evaluation.ranking import Annotation, percent, ranking_values, target_ranks
from model.heldout import heldout_metrics
from model.pairs import split
from model.training.folder import versions
from model.training.loop import Hooks, Run
from model.trials import UNTRAINED, Trial, TrialsError, read_trials, table, write_trials
from model.variants import VARIANTS, variant

_PAPER = "metricbert,contrastive,cosine,no-mlm,no-hard-negatives"
_SHOWN = ("MPR", "MRR", "HR@10", "HR@100", "NDCG@10")
_HELD = ("passage MRR", "masked-word accuracy")


def variants(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Catalogue,
    out: Annotated[Path, typer.Option(help="folder for trials.csv and table.md; goes on if begun")],
    annotations: Annotated[
        Path | None, typer.Option(help='JSON Lines of {"query": id, "similar": [id]}')
    ] = None,
    names: Annotated[
        str, typer.Option("--variants", help=f"comma-separated, of {', '.join(VARIANTS)}")
    ] = _PAPER,
    seeds: Annotated[str, typer.Option(help="comma-separated")] = "0,1,2",
    items: Annotated[int, typer.Option(help="annotated items and others drawn, 0 for all")] = 0,
    train_on_all: Annotated[
        bool, typer.Option("--train-on-all", help="--items limits what is ranked alone")
    ] = False,
    base: Annotated[str, typer.Option(help="base model: a folder or a hub name")] = DEFAULT,
    steps: int = 100,
    batch_size: int = 32,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, the same for every variant")
    ] = None,
) -> None:
    """Train every variant with the same budget and seeds, and print mean and spread."""
    shared = replace(
        TrainConfig(), steps=steps, batch_size=batch_size, precision=precision
    ).changed(settings or [])
    chosen = {name.strip(): variant(name.strip()) for name in names.split(",")}
    columns = [column for column, _ in shared.tags]
    corpus = read_corpus(catalogue, at_least=batch_size + 1, tags=columns)
    judged: Sequence[Annotation] = ()
    if annotations is not None:
        judged = read_annotations(annotations, {record.id for record in corpus.records})
    ranked = subset(corpus.records, judged, items)
    lab = _Lab(base, corpus.records if train_on_all else ranked, ranked, judged, out)
    trials = _open(
        out,
        {
            "command": ["python", "-m", "model", *sys.argv[1:]],
            "base": base,
            "data": {path.name: file_digest(path) for path in (catalogue, annotations) if path},
            "items": len(ranked),
            "trained on": len(lab.learned),
            "settings": shared.to_dict(),
            "versions": versions(),
        },
    )
    done = {(trial.variant, trial.seed) for trial in trials}
    for seed in (int(seed) for seed in seeds.split(",")):
        for name in (UNTRAINED, *chosen):
            if (name, seed) in done:
                continue
            config = replace(shared, seed=seed)
            if name == UNTRAINED:
                figures = lab.measure(*load_base(base), config)
            else:
                figures = lab.train(config.changed(chosen[name].settings))
            trials.append(Trial(name, seed, figures))
            write_trials(out / "trials.csv", trials)
            print(f"{name}, seed {seed}: {figures}", flush=True)
    shown = table(trials, {name: each.title for name, each in chosen.items()})
    (out / "table.md").write_text(shown, encoding="utf-8")
    print(shown)


@dataclass(frozen=True)
class _Lab:
    """Trains on `learned`, some of it held out, and ranks `ranked`."""

    base: str
    learned: Sequence[Record]
    ranked: Sequence[Record]
    judged: Sequence[Annotation]
    folder: Path

    def train(self, config: TrainConfig) -> dict[str, float]:
        """Return the figures of a fresh model trained with `config`."""
        model, tokenizer = load_base(self.base)
        kept, _ = split(self.learned, heldout=config.heldout, seed=config.seed)
        encoder = reader(model, tokenizer, config, EncoderConfig())
        given = guide(self.folder, encoder, self.learned, kept, config)
        run = Run(model, tokenizer, kept, config, guide=given)
        run.warm_up_head()
        run.go(Hooks())
        return self.measure(model, tokenizer, config)

    def measure(
        self, model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase, config: TrainConfig
    ) -> dict[str, float]:
        """Return the ranking for the annotated queries, and held-out figures."""
        _, heldout = split(self.learned, heldout=config.heldout, seed=config.seed)
        held = heldout_metrics(model, tokenizer, heldout, config)
        figures = {name: held[name] for name in _HELD if name in held}
        if not self.judged:
            return figures
        half = copy.deepcopy(model.bert).to(getattr(torch, config.precision))
        vectors = Encoder(half, tokenizer, EncoderConfig()).encode([r.text for r in self.ranked])
        row = {record.id: i for i, record in enumerate(self.ranked)}
        ranks = [
            target_ranks(
                vectors @ vectors[row[each.query]],
                [row[item] for item in each.similar],
                query=row[each.query],
            )
            for each in self.judged
        ]
        values = ranking_values(ranks, len(self.ranked) - 1)
        return {**percent({name: values[name].mean for name in _SHOWN}), **figures}


def subset(records: Sequence[Record], judged: Sequence[Annotation], items: int) -> list[Record]:
    """Return the annotated records and enough others for `items`, the same ones every time."""
    needed = {item for each in judged for item in (each.query, *each.similar)}
    others = [record.id for record in records if record.id not in needed]
    count = max(0, items - len(needed)) if items else len(others)
    drawn = random.Random(0).sample(others, min(count, len(others)))  # noqa: S311 - reproducible
    kept = needed | set(drawn)
    return [record for record in records if record.id in kept]


def _open(out: Path, facts: dict[str, object]) -> list[Trial]:
    """Return the trials done so far. Raises `TrialsError` if they were of something else."""
    place = out / "config.json"
    now = json.loads(json.dumps(facts))
    if place.exists():
        before = json.loads(place.read_text(encoding="utf-8"))
        for name in ("base", "data", "items", "trained on", "settings"):
            if before.get(name) != now[name]:
                raise TrialsError(
                    f"{out} holds trials with another {name}: {before.get(name)}, not "
                    f"{now[name]}; choose another folder"
                )
    else:
        out.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    return read_trials(out / "trials.csv")
