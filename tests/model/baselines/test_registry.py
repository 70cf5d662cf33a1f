"""What a person writes to a ranker, and what every ranker must bear."""

from pathlib import Path

import numpy as np
import pytest

from model.baselines.fusion import Fusion
from model.baselines.lexical import Bm25
from model.baselines.ranker import BaselineError, Dense, VectorRanker, WeightsUnavailable
from model.baselines.recobert import RecoBert, save
from model.baselines.registry import BaselineOptions, build, known
from model.baselines.title_description import RecoBertConfig
from model.corpus import Record
from tests.model.tiny import games, tiny_bert, tiny_tokenizer

CATALOGUES = {
    "one": games(1),
    "two": games(2),
    "equal": [Record(str(i), "red car", "fast red car") for i in range(4)],
    "stop words": [Record(str(i), "the", "of and the") for i in range(3)],
    "punctuation": [Record("a", "?!", "..."), Record("b", "-", "!!"), Record("c", ":", ";")],
    "foreign": [
        Record("a", "赤い車", "速い"),
        Record("b", "Ёлка", "зима"),
        Record("c", "赤い車", "川"),
    ],
    "mixed": [*games(3), Record("x", "", "?"), Record("y", "the", "")],
}
SPECS = [
    *("random", "lda", "tfidf", "bm25", "bm25-titles", "hybrid:tfidf", "hybrid:rrf:bm25"),
    *("bert:{base}", "bert-cls:{base}", "roberta:{base}", "{base}", "recobert"),
    *("sbert:{checkpoint}", "{checkpoint}", "rrf:{checkpoint}"),
]


@pytest.fixture
def options(base_folder: Path) -> BaselineOptions:
    training = RecoBertConfig(base=str(base_folder), steps=1, batch_size=4, max_tokens=16)
    return BaselineOptions(download=False, topics=3, max_tokens=32, recobert=training)


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
@pytest.mark.parametrize("spec", SPECS)
def test_every_ranker_bears_every_catalogue(
    spec: str,
    catalogue: list[Record],
    options: BaselineOptions,
    base_folder: Path,
    checkpoint: Path,
) -> None:
    ranker = build(spec.format(base=base_folder, checkpoint=checkpoint), options)
    ranker.fit(catalogue)
    for queries in ([], [0], list(range(len(catalogue)))[::-1]):
        scores = ranker.scores(queries)
        assert scores.shape == (len(queries), len(catalogue))
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
    if isinstance(ranker, VectorRanker):
        lengths = np.linalg.norm(ranker.vectors, axis=1)
        assert (np.isclose(lengths, 1, atol=1e-5) | (lengths == 0)).all()


def test_folders_are_known_by_their_files(
    tmp_path: Path, base_folder: Path, checkpoint: Path, options: BaselineOptions
) -> None:
    folder = tmp_path / "recobert"
    save(folder, tiny_bert(), tiny_tokenizer(), options.recobert)
    for spec in (str(folder), f"recobert:{folder}"):
        assert isinstance(build(spec, options), RecoBert)
    for spec in (str(base_folder), str(checkpoint)):
        assert isinstance(build(spec, options), Dense)
    assert isinstance(build("bm25-titles", options), Bm25)
    assert isinstance(build(f"hybrid:{checkpoint}", options), Fusion)


@pytest.mark.parametrize(
    "spec",
    ["bert", "bert-cls", "roberta", "bert-base-uncased", "roberta-base", "a/b", "hybrid:bert"],
)
def test_missing_weights_are_told_when_built(
    spec: str, tmp_path: Path, options: BaselineOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"weights not available: .*Give the path"):
        build(spec, options)


@pytest.mark.parametrize("spec", ["", "bm52", "tfidff:x", "hybrid:nothing"])
def test_an_unknown_spec_lists_the_known(spec: str) -> None:
    with pytest.raises(BaselineError, match=r"no ranker .* Known are random: .*hybrid:SPEC"):
        build(spec)


@pytest.mark.parametrize("spec", ["hybrid", "hybrid:", "rrf", "bm25:titles", "bert:", "random:1"])
def test_a_spec_of_the_wrong_form_is_told_the_right_one(spec: str) -> None:
    with pytest.raises(BaselineError, match=f"'{spec}': write {spec.split(':', maxsplit=1)[0]}"):
        build(spec)


def test_the_listing_says_what_recobert_trains() -> None:
    assert "300 steps of 32 pairs" in known()["recobert[:FOLDER]"]
    assert set(known()) >= {"random", "lda", "tfidf", "bm25", "sbert[:PLACE]", "PLACE"}
