"""`python -m model train`: a catalogue to a checkpoint, in a run folder that survives a kill."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.base import DEFAULT, load_base
from model.checkpoint import MANIFEST, read_manifest
from model.commands.guide import guide, reader
from model.commands.options import Catalogue
from model.commands.progress import LOG_EVERY, progress_bar
from model.config import EncoderConfig, TrainConfig
from model.corpus import Corpus, CorpusError, Record, file_digest, read_corpus
from model.export import HELD_OUT, Provenance, save_checkpoint
from model.heldout import DEVELOPMENT, heldout_metrics
from model.pairs import split
from model.training.curves import draw_curves
from model.training.folder import RunFolder, versions
from model.training.loop import Hooks, Run
from model.training.processes import accelerator, processes
from model.training.step import StepReport
from model.variants import variant

DEFAULTS = TrainConfig()


def train(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Catalogue,
    out: Annotated[Path, typer.Option(help="new folder for the run; checkpoint/ appears in it")],
    base: Annotated[str, typer.Option(help="base model: a folder or a hub name")] = DEFAULT,
    variant_name: Annotated[
        str, typer.Option("--variant", help="objective; see `python -m model settings`")
    ] = "metricbert",
    steps: int = DEFAULTS.steps,
    batch_size: int = DEFAULTS.batch_size,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = DEFAULTS.precision,
    seed: int = DEFAULTS.seed,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, any setting of `python -m model settings`"),
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="tokens the checkpoint reads at once")] = 256,
    max_windows: Annotated[int, typer.Option(help="such windows of a longer text")] = 1,
    name: Annotated[
        str | None, typer.Option(help="of the checkpoint; default: the folder's")
    ] = None,
    stop_at: Annotated[
        int | None,
        typer.Option(min=1, help="end at this step of the schedule, before its last one"),
    ] = None,
    resume: Annotated[bool, typer.Option(help="go on with an interrupted run")] = False,
) -> None:
    """Train MetricBERT on a catalogue and write a checkpoint."""
    config = replace(
        DEFAULTS.changed(variant(variant_name).settings),
        steps=steps,
        batch_size=batch_size,
        precision=precision,
        seed=seed,
    ).changed(settings or [])
    reading = EncoderConfig(max_tokens=max_tokens, max_windows=max_windows)
    corpus = read_corpus(catalogue, at_least=3, tags=[column for column, _ in config.tags])
    say(f"{catalogue.name}: {corpus.summary()}")
    records, heldout = _split(corpus, config)
    facts: dict[str, Any] = {
        "settings": config.to_dict(),
        "data": _data(catalogue, corpus, len(records), len(heldout)),
        "base": base,
        "versions": versions(),
        "command": ["python", "-m", "model", *sys.argv[1:]],
    }
    named = _named(base)  # now: the folder may be another one's when the run ends
    folder = RunFolder(out)
    model, tokenizer = load_base(base)
    model.to(accelerator(config).device)  # refuses what its processes cannot share out
    reading.require_positions(model.config.max_position_embeddings)
    encoder = reader(model, tokenizer, config, reading)
    state = _open(folder, facts, resume=resume)
    measure = _measure(model, tokenizer, heldout, config)
    given = guide(folder.path, encoder, corpus.records, records, config)
    run = Run(model, tokenizer, records, config, guide=given)
    if state is None:
        state = _begin(run, measure)
    else:
        run.restore(state["run"])
        if processes().is_main_process:
            folder.cut_curves(run.step)
        say(f"{out}: resumed behind step {run.step}")
    figures: dict[str, Any] = state["figures"]
    _go(run, folder, figures, lambda: measure()[DEVELOPMENT], stop_at=stop_at)
    if run.step < run.steps:
        say(f"ended behind step {run.step} of {run.steps}")
    if run.best is not None:
        say(f"best {DEVELOPMENT}: {run.best[0]} behind step {run.best[1]}, whose weights are kept")
    after = measure()
    if not processes().is_main_process:
        return
    title = f"{HELD_OUT} ({len(heldout)}), per cent"
    manifest = save_checkpoint(
        folder.checkpoint,
        model,
        tokenizer,
        max_tokens=max_tokens,
        max_windows=max_windows,
        provenance=Provenance(
            name=name or out.name,
            base_model=named,
            data=facts["data"],
            config={
                **config.to_dict(),
                "variant": variant_name,
                "ended behind step": run.step,
                "command": facts["command"],
            },
            metrics={title: {**figures, "after": after}},
        ),
    )
    folder.finish()
    for when, row in {**figures, "after": after}.items():
        say(f"held out, {when}: {row}")
    say(f"{folder.checkpoint}: {manifest.encoder_id}")


def say(line: str) -> None:
    """Print a line, once however many processes there are."""
    if processes().is_main_process:
        print(line, flush=True)


def _named(base: str) -> str:
    """Return what a base is called in a card: a trained checkpoint by its id, not by its folder."""
    if not (Path(base) / MANIFEST).is_file():
        return base
    before = read_manifest(Path(base))
    return f"{before.encoder_id}, from {before.base_model}"


def _split(corpus: Corpus, config: TrainConfig) -> tuple[list[Record], list[Record]]:
    records, heldout = split(corpus.records, heldout=config.heldout, seed=config.seed)
    if len(records) < config.batch_size:
        raise CorpusError(
            f"{len(records)} records to train on cannot fill a batch of {config.batch_size}; "
            f"give --batch-size {max(2, len(records) // 2)} or a larger catalogue"
        )
    if config.evaluate_every and not heldout:
        raise CorpusError(
            f"no item of {len(corpus.records)} is held out, but evaluate_every is "
            f"{config.evaluate_every}; raise heldout ({config.heldout}) or set evaluate_every=0"
        )
    return records, heldout


def _open(folder: RunFolder, facts: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """Begin the folder, or return the state to go on from, if a step was reached."""
    if resume:
        return folder.resume(facts)
    if processes().is_main_process:
        folder.start(facts)
    processes().wait_for_everyone()
    return None


def _begin(run: Run, measure: Callable[[], dict[str, float]]) -> dict[str, Any]:
    figures = {"before": measure()}
    run.warm_up_head()
    figures["after the head's warm-up"] = measure()
    return {"figures": figures}


def _measure(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    heldout: Sequence[Record],
    config: TrainConfig,
) -> Callable[[], dict[str, float]]:
    return lambda: heldout_metrics(model, tokenizer, heldout, config)


def _go(
    run: Run,
    folder: RunFolder,
    figures: dict[str, Any],
    measure: Callable[[], float],
    *,
    stop_at: int | None,
) -> None:
    main = processes().is_main_process
    with progress_bar(disable=not main) as progress:
        task = progress.add_task("training", total=run.steps, parts="")

        def report(step: StepReport) -> None:
            if main:
                folder.append(step)
                _show(progress, task, step, run.steps)

        def save(state: dict[str, Any]) -> None:
            if main:
                folder.save({"run": state, "figures": figures})

        if run.step == 0:
            save(run.state())
        try:
            run.go(Hooks(report=report, save=save, measure=measure), stop_at=stop_at)
        finally:  # a run that fails shows how, too
            if main:
                draw_curves(folder.curves, folder.picture)


def _show(progress: Progress, task: Any, step: StepReport, steps: int) -> None:
    parts = (
        f"loss {step.loss:.3f} = mlm {step.mlm:.3f}, metric {step.metric:.4f}, teacher "
        f"{step.teacher:.3f}; active {step.active:.0%}, spread {step.spread:.2f}, "
        f"cosine {step.cosine:.2f}"
    )
    progress.update(task, completed=step.step, parts=parts)
    if not progress.console.is_terminal and step.step % LOG_EVERY == 0:
        print(f"step {step.step} of {steps}: {parts}", flush=True)


def _data(catalogue: Path, corpus: Corpus, trained: int, heldout: int) -> dict[str, object]:
    return {
        "catalogue": catalogue.name,
        "sha256": file_digest(catalogue),
        "records": corpus.summary(),
        "trained on": trained,
        "held out": heldout,
    }
