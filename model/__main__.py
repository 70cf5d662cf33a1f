"""Trains and measures: `python -m model train|evaluate --help`."""

import os
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model.annotations import AnnotationError, read_annotations
from model.base import DEFAULT, BaseModelError, load_base
from model.checkpoint import CheckpointError, refuse_occupied
from model.config import ConfigError, EncoderConfig, TrainConfig
from model.corpus import Corpus, CorpusError, file_digest, read_corpus
from model.encoder import Encoder, Vectors, load_encoder, quiet
from model.evaluation import expert_metrics
from model.export import Provenance, record_metrics, save_checkpoint
from model.heldout import heldout_metrics
from model.pairs import split
from model.rows import RowsError
from model.training import StepReport, TrainingError, train

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
DEFAULTS = TrainConfig()
_LOG_EVERY = 20
"""Steps between two lines where there is no terminal to draw a bar on."""

Catalogue = Annotated[Path, typer.Option(help="CSV or JSON Lines (or .gz): title, description, id")]


@cli.command("train")
def train_command(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Catalogue,
    out: Annotated[Path, typer.Option(help="new folder for the checkpoint")],
    base: Annotated[str, typer.Option(help="base model: a folder or a hub name")] = DEFAULT,
    steps: int = DEFAULTS.steps,
    batch_size: int = DEFAULTS.batch_size,
    passage_tokens: int = DEFAULTS.passage_tokens,
    max_tokens: Annotated[int, typer.Option(help="tokens the checkpoint reads of a text")] = 256,
    learning_rate: float = DEFAULTS.learning_rate,
    margin: float = DEFAULTS.margin,
    metric_weight: float = DEFAULTS.metric_weight,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = DEFAULTS.precision,
    seed: int = DEFAULTS.seed,
) -> None:
    """Train MetricBERT on a catalogue and write a checkpoint."""
    config = TrainConfig(
        steps=steps,
        batch_size=batch_size,
        passage_tokens=passage_tokens,
        learning_rate=learning_rate,
        margin=margin,
        metric_weight=metric_weight,
        precision=precision,
        seed=seed,
    )
    EncoderConfig(max_tokens=max_tokens)
    refuse_occupied(out)
    corpus = read_corpus(catalogue, at_least=3)
    print(f"{catalogue.name}: {corpus.summary()}")
    records, heldout = split(corpus.records, heldout=config.heldout, seed=config.seed)
    if len(records) < config.batch_size:
        raise CorpusError(
            f"{len(records)} records to train on cannot fill a batch of {config.batch_size}; "
            f"give --batch-size {max(2, len(records) // 2)} or a larger catalogue"
        )
    model, tokenizer = load_base(base)
    before = heldout_metrics(model, tokenizer, heldout, config)
    with _progress() as progress:
        task = progress.add_task("training", total=config.steps, parts="")

        def show(report: StepReport) -> None:
            progress.update(task, completed=report.step, parts=_parts(report))
            if not progress.console.is_terminal and report.step % _LOG_EVERY == 0:
                print(f"step {report.step} of {config.steps}: {_parts(report)}", flush=True)

        train(model, tokenizer, records, config, report=show)
    after = heldout_metrics(model, tokenizer, heldout, config)
    metrics = {f"held-out items ({len(heldout)}), per cent": {"before": before, "after": after}}
    manifest = save_checkpoint(
        out,
        model,
        tokenizer,
        max_tokens=max_tokens,
        provenance=Provenance(
            name=out.name,
            base_model=base,
            data=_data(catalogue, corpus, len(records), len(heldout)),
            config=config.to_dict(),
            metrics=metrics,
        ),
    )
    print(f"held out before: {before}\nheld out after:  {after}")
    print(f"{out}: {manifest.encoder_id}")


@cli.command()
def evaluate(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Catalogue,
    annotations: Annotated[Path, typer.Option(help='JSON Lines of {"query": id, "similar": [id]}')],
    checkpoint: Annotated[Path, typer.Option(help="checkpoint folder to measure")],
    base: Annotated[str, typer.Option(help="the model to compare with")] = DEFAULT,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = DEFAULTS.precision,
    record: Annotated[bool, typer.Option(help="keep the table in the checkpoint's card")] = False,
) -> None:
    """Rank the whole catalogue for every annotated query, with the base model beside it."""
    corpus = read_corpus(catalogue)
    ids = [item.id for item in corpus.records]
    wanted = read_annotations(annotations, set(ids))
    dtype = getattr(torch, TrainConfig(precision=precision).precision)
    encoder, manifest = load_encoder(checkpoint, precision=dtype)
    reference, tokenizer = load_base(base)
    encoders = {
        base: Encoder(
            reference.bert.to(dtype), tokenizer, EncoderConfig(max_tokens=manifest.max_tokens)
        ),
        manifest.encoder_id: encoder,
    }
    rows = {
        name: expert_metrics(_encode_all(each, corpus, name), ids, wanted)
        for name, each in encoders.items()
    }
    for name, row in rows.items():
        print(name, row)
    if record:
        pairs = sum(len(a.similar) for a in wanted)
        title = (
            f"{annotations.name}: {len(wanted)} queries, {pairs} pairs, all {len(ids)} items of "
            f"{catalogue.name} ranked by title and description, {precision}, per cent"
        )
        record_metrics(checkpoint, {title: rows})


def _encode_all(encoder: Encoder, corpus: Corpus, name: str) -> Vectors:
    texts = [record.text for record in corpus.records]
    parts = []
    with _progress() as progress:
        task = progress.add_task(name, total=len(texts), parts="")
        for start in range(0, len(texts), 512):
            parts.append(encoder.encode(texts[start : start + 512]))
            progress.update(task, advance=len(parts[-1]))
            if not progress.console.is_terminal and not start % 4096:
                print(f"{name}: {start} of {len(texts)}", flush=True)
    vectors: Vectors = torch.cat([torch.from_numpy(part) for part in parts]).numpy()
    return vectors


def _data(catalogue: Path, corpus: Corpus, trained: int, heldout: int) -> dict[str, object]:
    return {
        "catalogue": catalogue.name,
        "sha256": file_digest(catalogue),
        "records": corpus.summary(),
        "trained on": trained,
        "held out": heldout,
    }


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[parts]}"),
    )


def _parts(report: StepReport) -> str:
    return (
        f"loss {report.loss:.3f} = mlm {report.mlm:.3f} + metric {report.metric:.4f}, "
        f"active {report.active:.0%}"
    )


def main() -> None:
    """Run the command line; expected errors end in one line and exit code 1."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet()
    try:
        cli()
    except (
        AnnotationError,
        BaseModelError,
        CheckpointError,
        ConfigError,
        CorpusError,
        OSError,
        RowsError,
        TrainingError,
    ) as error:
        print(f"error: {error}")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
