"""What a person sees while a command works: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model.encoder import Encoder, Vectors, encode_many

LOG_EVERY = 20
"""Steps between two lines where there is no terminal to draw a bar on."""


def progress_bar(*, disable: bool = False) -> Progress:
    """Return a bar with room for a task's `parts`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[parts]}"),
        disable=disable,
    )


def encode_all(encoder: Encoder, texts: Sequence[str], name: str) -> Vectors:
    """Return the vectors of many texts, showing how far it is: (n, dimension) float32."""
    with progress_bar() as progress:
        task = progress.add_task(name, total=len(texts), parts="")

        def done(count: int) -> None:
            progress.update(task, advance=count)
            if not progress.console.is_terminal:
                print(f"{name}: {progress.tasks[task].completed:.0f} of {len(texts)}", flush=True)

        return encode_many(encoder.encode, texts, done=done)
