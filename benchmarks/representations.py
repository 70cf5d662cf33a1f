"""What the base model gives without training, and how far a catalogue's tags could take it.

    python -m benchmarks.representations --catalogue games.jsonl.gz --annotations expert.jsonl \
        --tags genres:0.6,platforms:0.3,year:0.3 --words 1 --items 8000

Every row ranks the whole catalogue for each annotated query, or what `--items` draws of it. The
teacher's rows read the tags of query and items and are no result of a model: they say what an
encoder that learned the tags from the texts alone could reach at most, and `half way` what one does
that got half of the way there. `as told by the texts` is what the texts themselves say of it: the
teacher's vector, guessed from the mean token vectors of all layers by a linear map that was fitted
without the item (ridge regression, five folds). Reading a catalogue takes longest; `--keep FOLDER`
keeps what was read for the next time.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from model.annotations import read_annotations
from model.base import DEFAULT, load_base, locate
from model.checkpoint import folder_digests
from model.commands.variants import subset
from model.config import TrainConfig
from model.corpus import Record, read_corpus
from model.encoder import quiet
from model.evaluation.ranking import Annotation, percent, ranking_values, target_ranks
from model.similarity import normalized
from model.teacher import teacher_vectors
from model.training.folder import write_array

Matrix = NDArray[np.float32]
_TOKENS = 2048
"""Padded tokens in one forward pass."""
_FOLDS = 5
_RIDGE = 1.0


def main(  # noqa: PLR0913 - one argument a command-line option
    *,
    catalogue: Annotated[Path, typer.Option()],
    annotations: Annotated[Path, typer.Option()],
    tags: Annotated[str, typer.Option(help="COLUMN:WEIGHT, comma-separated")] = "",
    words: Annotated[float, typer.Option(help="weight of the texts' words in the teacher")] = 0.0,
    titles: Annotated[float, typer.Option(help="weight of the titles' words in it")] = 0.0,
    items: Annotated[int, typer.Option(help="annotated items and others drawn, 0 for all")] = 0,
    base: str = DEFAULT,
    max_tokens: int = 256,
    precision: str = "float32",
    keep: Annotated[Path | None, typer.Option(help="folder for what was read")] = None,
) -> None:
    """Print a table of ranking metrics, in per cent."""
    weights = TrainConfig().changed([f"tags={tags}"]).tags
    every = read_corpus(catalogue, tags=[column for column, _ in weights]).records
    judged = read_annotations(annotations, {record.id for record in every})
    records = subset(every, judged, items)
    layers = _kept(base, [r.text for r in records], max_tokens, precision, keep)
    names = ("MPR", "MRR", "HR@10", "HR@100", "NDCG@10")
    print(f"| vectors | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for title, vectors in _rows(layers, records, weights, words=words, titles=titles):
        figures = _measure(vectors, records, judged)
        print(f"| {title} | {' | '.join(str(figures[name]) for name in names)} |", flush=True)


def _rows(
    layers: Matrix,
    records: Sequence[Record],
    tags: Sequence[tuple[str, float]],
    *,
    words: float,
    titles: float,
) -> Iterator[tuple[str, Matrix]]:
    last = normalized(layers[-1])
    yield "last layer (the model as it is)", last
    for number in range(len(layers) - 1):
        yield f"layer {number}", layers[number]
    yield (
        "mean of the last three layers, the last twice",
        sum((normalized(layer) for layer in layers[-3:]), start=last),
    )
    centred = _centred(last)
    yield "centred", centred
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    for power in (0.25, 0.5, 1.0):
        yield (
            f"whitened, singular values to the power {1 - power}",
            (left * scale ** (1 - power)).astype(np.float32),
        )
    if not tags and not words and not titles:
        return
    texts = _Texts(np.concatenate([_centred(normalized(layer)) for layer in layers], axis=1))
    for factor in (1 / 3, 2 / 3, 1.0):
        weights = [(column, factor * weight) for column, weight in tags]
        lexical = [(0.0, 0.0), (factor * words, 0.0), (factor * words, factor * titles)]
        for some, more in dict.fromkeys(lexical):
            parts = [part for part in (*weights, ("words", some), ("titles", more)) if part[1]]
            if parts:
                text = ", ".join(f"{name} {weight:.2g}" for name, weight in parts)
                teacher = teacher_vectors(last, records, weights, words=some, titles=more)
                yield f"teacher: {text}", teacher
                yield "half way to it", teacher + last
                yield "as told by the texts", texts.tell(teacher)
    if words:
        yield f"teacher: words {words:.2g}", teacher_vectors(last, records, [], words=words)


class _Texts:
    """What the texts' features (n, f) say of a goal, each row asked of the other rows."""

    def __init__(self, features: Matrix) -> None:
        self._given = np.concatenate([features, np.ones_like(features[:, :1])], axis=1)
        folds = np.random.default_rng(0).integers(_FOLDS, size=len(features))
        self._folds = [folds == number for number in range(_FOLDS)]
        inner = [self._given[fold].T @ self._given[fold] for fold in self._folds]
        ridge = _RIDGE * np.eye(self._given.shape[1], dtype=np.float32)
        self._known = [sum(inner) - part + ridge for part in inner]

    def tell(self, goal: Matrix) -> Matrix:
        """Return each row of `goal` (n, d) as a linear map that has not seen it guesses it."""
        outer = [self._given[fold].T @ goal[fold] for fold in self._folds]
        guessed = np.empty_like(goal)
        for fold, known, part in zip(self._folds, self._known, outer, strict=True):
            guessed[fold] = self._given[fold] @ np.linalg.solve(known, sum(outer) - part)
        return guessed


def _kept(
    base: str, texts: Sequence[str], max_tokens: int, precision: str, keep: Path | None
) -> Matrix:
    """Return what `_layers` reads, from the folder `keep` if it was read before."""
    dtype = getattr(torch, TrainConfig(precision=precision).precision)
    if keep is None:
        return _layers(base, texts, max_tokens=max_tokens, dtype=dtype)
    weights = folder_digests(Path(locate(base)))  # a folder's name says nothing of what is in it
    facts = json.dumps([base, weights, texts, max_tokens, precision])
    place = keep / f"{hashlib.sha256(facts.encode()).hexdigest()[:16]}.npy"
    if not place.is_file():
        keep.mkdir(parents=True, exist_ok=True)
        write_array(place, _layers(base, texts, max_tokens=max_tokens, dtype=dtype))
    layers: Matrix = np.load(place)
    return layers


@torch.inference_mode()
def _layers(base: str, texts: Sequence[str], *, max_tokens: int, dtype: torch.dtype) -> Matrix:
    """Return the mean token vectors of every layer, the embeddings first: (layers, n, d)."""
    model, tokenizer = load_base(base)
    bert = model.bert.eval()
    torch.nn.Module.to(bert, dtype=dtype)
    tokens = tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
    count = bert.config.num_hidden_layers + 1
    found = np.zeros((count, len(texts), bert.config.hidden_size), dtype=np.float32)
    left = sorted(range(len(texts)), key=lambda row: -len(tokens[row]))
    while left:
        size = max(1, _TOKENS // len(tokens[left[0]]))
        rows, left = left[:size], left[size:]
        batch = tokenizer.pad({"input_ids": [tokens[row] for row in rows]}, return_tensors="pt")
        states = bert(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"].unsqueeze(-1).float()  # (b, length, 1)
        for layer, state in enumerate(states):
            found[layer, rows] = ((state.float() * mask).sum(1) / mask.sum(1)).numpy()
    return found


def _measure(
    vectors: Matrix, records: Sequence[Record], judged: Sequence[Annotation]
) -> dict[str, float]:
    vectors = normalized(vectors)
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


def _centred(rows: Matrix) -> Matrix:
    centred: Matrix = rows - rows.mean(axis=0)
    return centred


if __name__ == "__main__":
    quiet()
    typer.run(main)
