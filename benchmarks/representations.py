"""What the base model gives without training, and how far a catalogue's tags could take it.

    python -m benchmarks.representations --catalogue games.jsonl.gz --annotations expert.jsonl \
        --tags genres:0.6,platforms:0.3,year:0.3 --words 1 --items 8000

Every row ranks the whole catalogue for each annotated query, or what `--items` draws of it. The
teacher's rows read the tags of query and items and are no result of a model: they say what an
encoder that learned the tags from the texts alone could reach at most, and `half way` what one does
that got half of the way there.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from model.annotations import read_annotations
from model.base import DEFAULT, load_base
from model.commands.variants import subset
from model.config import TrainConfig
from model.corpus import Record, read_corpus
from model.encoder import quiet
from model.evaluation.ranking import Annotation, percent, ranking_values, target_ranks
from model.teacher import teacher_vectors

Matrix = NDArray[np.float32]
_BATCH = 64


def main(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Annotated[Path, typer.Option()],
    annotations: Annotated[Path, typer.Option()],
    tags: Annotated[str, typer.Option(help="COLUMN:WEIGHT, comma-separated")] = "",
    words: Annotated[float, typer.Option(help="weight of the texts' words in the teacher")] = 0.0,
    items: Annotated[int, typer.Option(help="annotated items and others drawn, 0 for all")] = 0,
    base: str = DEFAULT,
    max_tokens: int = 256,
    precision: str = "float32",
) -> None:
    """Print a table of ranking metrics, in per cent."""
    weights = TrainConfig().changed([f"tags={tags}"]).tags
    every = read_corpus(catalogue, tags=[column for column, _ in weights]).records
    judged = read_annotations(annotations, {record.id for record in every})
    records = subset(every, judged, items)
    dtype = getattr(torch, TrainConfig(precision=precision).precision)
    layers = _layers(base, records, max_tokens=max_tokens, dtype=dtype)
    names = ("MPR", "MRR", "HR@10", "HR@100", "NDCG@10")
    print(f"| vectors | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for title, vectors in _rows(layers, records, weights, words):
        figures = _measure(vectors, records, judged)
        print(f"| {title} | {' | '.join(str(figures[name]) for name in names)} |", flush=True)


def _rows(
    layers: Sequence[Matrix],
    records: Sequence[Record],
    tags: Sequence[tuple[str, float]],
    words: float,
) -> Iterator[tuple[str, Matrix]]:
    last = _unit(layers[-1])
    yield "last layer (the model as it is)", last
    for number in range(len(layers) - 1):
        yield f"layer {number}", layers[number]
    yield (
        "mean of the last three layers, the last twice",
        sum((_unit(layer) for layer in layers[-3:]), start=last),
    )
    centred = last - last.mean(axis=0)
    yield "centred", centred
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    for power in (0.25, 0.5, 1.0):
        yield (
            f"whitened, singular values to the power {1 - power}",
            (left * scale ** (1 - power)).astype(np.float32),
        )
    for factor in (1 / 3, 2 / 3, 1.0):
        weights = [(column, factor * weight) for column, weight in tags]
        for some in dict.fromkeys((0.0, factor * words)):
            if weights or some:
                parts = [*weights, ("words", some)] if some else weights
                text = ", ".join(f"{name} {weight:.2g}" for name, weight in parts)
                teacher = teacher_vectors(last, records, weights, words=some)
                yield f"teacher: {text}", teacher
                yield "half way to it", _unit(teacher) + last
    if words:
        yield f"teacher: words {words:.2g}", teacher_vectors(last, records, [], words=words)


@torch.inference_mode()
def _layers(
    base: str, records: Sequence[Record], *, max_tokens: int, dtype: torch.dtype
) -> list[Matrix]:
    """Return the mean token vectors of every layer, the embeddings first: each (n, d)."""
    model, tokenizer = load_base(base)
    bert = model.bert.eval()
    torch.nn.Module.to(bert, dtype=dtype)
    texts = [record.text for record in records]
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    count = bert.config.num_hidden_layers + 1
    found = np.zeros((count, len(texts), bert.config.hidden_size), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        batch = tokenizer(
            [texts[row] for row in rows],
            truncation=True,
            max_length=max_tokens,
            padding=True,
            return_tensors="pt",
        )
        states = bert(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"].unsqueeze(-1).float()  # (b, length, 1)
        for layer, state in enumerate(states):
            found[layer, rows] = ((state.float() * mask).sum(1) / mask.sum(1)).numpy()
    return list(found)


def _measure(
    vectors: Matrix, records: Sequence[Record], judged: Sequence[Annotation]
) -> dict[str, float]:
    vectors = _unit(vectors)
    row = {record.id: i for i, record in enumerate(records)}
    ranks = [
        target_ranks(
            vectors @ vectors[row[each.query]],
            [row[item] for item in each.similar],
            query=row[each.query],
        )
        for each in judged
    ]
    values = ranking_values(ranks, len(records) - 1)
    return percent({name: value.mean for name, value in values.items()})


def _unit(rows: Matrix) -> Matrix:
    unit: Matrix = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


if __name__ == "__main__":
    quiet()
    typer.run(main)
