"""Trains and measures: `python -m model COMMAND --help`."""

import os

import typer

from model.annotations import AnnotationError
from model.base import BaseModelError
from model.baselines.ranker import BaselineError
from model.checkpoint import CheckpointError
from model.commands.evaluate import evaluate
from model.commands.reread import reread
from model.commands.settings import settings
from model.commands.train import train
from model.commands.variants import variants
from model.config import ConfigError
from model.corpus import CorpusError
from model.encoder import quiet
from model.evaluation.study import StudyError
from model.rows import RowsError
from model.training.watch import TrainingError
from model.trials import TrialsError

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
for command in (train, reread, evaluate, variants, settings):
    cli.command()(command)


def main() -> None:
    """Run the command line; expected errors end in one line and exit code 1."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet()
    try:
        cli()
    except (
        AnnotationError,
        BaseModelError,
        BaselineError,
        CheckpointError,
        ConfigError,
        CorpusError,
        OSError,
        RowsError,
        StudyError,
        TrainingError,
        TrialsError,
    ) as error:
        print(f"error: {error}")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
