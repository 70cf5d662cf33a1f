"""From what a person writes to a ranker: names of baselines, folders, hub names, fusions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from model.base import DEFAULT
from model.baselines.chance import Random
from model.baselines.checkpoint import load_checkpoint
from model.baselines.fusion import LEXICAL_WEIGHT, Fusion, reciprocal_ranks, weighted_sum
from model.baselines.lexical import Bm25, TfIdf, title_alone
from model.baselines.ranker import BaselineError, Ranker
from model.baselines.recobert import SETTINGS, load_recobert, untrained
from model.baselines.title_description import RecoBertConfig
from model.baselines.topics import TOPICS, Lda
from model.baselines.transformer import (
    MODULES,
    Pooling,
    load_sentence_transformer,
    load_transformer,
)
from model.baselines.weights import find_weights
from model.checkpoint import MANIFEST

BERT = "bert-base-uncased"
ROBERTA = "roberta-base"


@dataclass(frozen=True)
class BaselineOptions:
    """Settings that all baselines share.

    seed: of `random` and `lda`. precision: of encoders; RecoBERT trains in its own. max_tokens:
    read of a text, special ones too; MetricBERT checkpoints and sentence-transformers models keep
    their own. topics: of `lda`. lexical_weight: BM25's share in `hybrid`, in 0..1. recobert: its
    training, with its own seed and precision. download: ask the hub for weights that this machine
    lacks. report: takes a line of progress. built: rankers by spec, so that a fusion and its part
    share one and read the catalogue once.
    """

    seed: int = 0
    precision: torch.dtype = torch.float32
    max_tokens: int = 256
    topics: int = TOPICS
    lexical_weight: float = LEXICAL_WEIGHT
    recobert: RecoBertConfig = field(default_factory=RecoBertConfig)
    download: bool = True
    report: Callable[[str], None] = lambda _: None
    built: dict[str, Ranker] = field(default_factory=dict)


Build = Callable[[str, BaselineOptions], Ranker]
"""From what follows the colon, empty if there is none, and the options."""


@dataclass(frozen=True)
class _Entry:
    line: str
    build: Build
    place: str = ""  # what follows the name; in brackets where it may be left out


def build(spec: str, options: BaselineOptions | None = None) -> Ranker:
    """Return the ranker that `spec` names, ready to be fitted.

    `NAME`, `NAME:PLACE` for the names of `known()`, or a folder or a hub name (`owner/name`) alone.
    Raises `WeightsUnavailable` when its weights cannot be had, `BaselineError` for a spec that
    names nothing, `CheckpointError` for a damaged checkpoint; all before anything is computed.
    """
    options = options or BaselineOptions()
    if spec not in options.built:
        options.built[spec] = _build(spec, options)
    return options.built[spec]


def _build(spec: str, options: BaselineOptions) -> Ranker:
    name, colon, place = spec.partition(":")
    entry = _ENTRIES.get(name)
    if entry is None:
        if "/" in spec or spec in (BERT, ROBERTA) or (spec and Path(spec).is_dir()):
            return _by_files(spec, options)
        listing = "; ".join(f"{name}: {line}" for name, line in known().items())
        raise BaselineError(f"no ranker {spec!r} and no folder of that name. Known are {listing}")
    needed = entry.place and not entry.place.startswith("[")
    if (place and not entry.place) or (not place and (colon or needed)):
        raise BaselineError(f"{spec!r}: write {name}{entry.place}")
    return entry.build(place, options)


def known() -> dict[str, str]:
    """Return every form of a spec and one line about it, for help texts and messages."""
    lines = {f"{name}{entry.place}": entry.line for name, entry in _ENTRIES.items()}
    return lines | {
        "PLACE": "a folder or hub name: a MetricBERT checkpoint, a trained RecoBERT, a "
        "sentence-transformers model, or else an encoder with mean pooling"
    }


def _by_files(name: str, options: BaselineOptions) -> Ranker:
    folder = find_weights(name, download=options.download)
    if (folder / MANIFEST).is_file():
        return load_checkpoint(folder, precision=options.precision, report=options.report)
    if (folder / SETTINGS).is_file():
        return load_recobert(folder, max_tokens=options.max_tokens, precision=options.precision)
    if (folder / MODULES).is_file():
        return _sbert(name, options)
    return _encoder("mean", name)("", options)


def _encoder(pooling: Pooling, default: str) -> Build:
    def load(place: str, options: BaselineOptions) -> Ranker:
        return load_transformer(
            place or default,
            pooling=pooling,
            max_tokens=options.max_tokens,
            precision=options.precision,
            download=options.download,
            report=options.report,
        )

    return load


def _sbert(place: str, options: BaselineOptions) -> Ranker:
    return load_sentence_transformer(
        place or DEFAULT,
        precision=options.precision,
        download=options.download,
        report=options.report,
    )


def _recobert(place: str, options: BaselineOptions) -> Ranker:
    if place:
        return load_recobert(
            Path(place), max_tokens=options.max_tokens, precision=options.precision
        )
    return untrained(
        options.recobert,
        max_tokens=options.max_tokens,
        precision=options.precision,
        download=options.download,
        report=options.report,
    )


def _hybrid(place: str, options: BaselineOptions) -> Ranker:
    merge = weighted_sum(options.lexical_weight)
    return Fusion(build(place, options), Bm25(title_alone), merge)


def _rrf(place: str, options: BaselineOptions) -> Ranker:
    return Fusion(build(place, options), Bm25(title_alone), reciprocal_ranks)


def _lda(_: str, options: BaselineOptions) -> Ranker:
    return Lda(seed=options.seed, topics=options.topics, report=options.report)


_ENTRIES: dict[str, _Entry] = {
    "random": _Entry("by chance", lambda _, options: Random(seed=options.seed)),
    "lda": _Entry(f"cosine of topic mixtures, {TOPICS} topics", _lda),
    "tfidf": _Entry("cosine of TF-IDF vectors", lambda _, __: TfIdf()),
    "bm25": _Entry("BM25 over titles and descriptions", lambda _, __: Bm25()),
    "bm25-titles": _Entry("BM25 over titles", lambda _, __: Bm25(title_alone)),
    "bert": _Entry(f"mean pooling, {BERT} unless given", _encoder("mean", BERT), "[:PLACE]"),
    "bert-cls": _Entry(f"first token, {BERT} unless given", _encoder("cls", BERT), "[:PLACE]"),
    "roberta": _Entry(
        f"mean pooling, {ROBERTA} unless given", _encoder("mean", ROBERTA), "[:PLACE]"
    ),
    "sbert": _Entry(f"sentence-transformers, {DEFAULT} unless given", _sbert, "[:PLACE]"),
    "recobert": _Entry(
        f"title-description model, trained on the catalogue for {RecoBertConfig.steps} steps of "
        f"{RecoBertConfig.batch_size} pairs unless a trained folder is given",
        _recobert,
        "[:FOLDER]",
    ),
    "hybrid": _Entry("a ranker and BM25 over titles, sum of standard scores", _hybrid, ":SPEC"),
    "rrf": _Entry("a ranker and BM25 over titles, sum of reciprocal ranks", _rrf, ":SPEC"),
}
