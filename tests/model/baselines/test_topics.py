"""Topics of texts that share no words between two groups."""

import numpy as np
import pytest

from model.baselines.topics import Lda
from model.corpus import Record

TEXTS = ["car race road wheel", "wheel car road race", "sword ring castle", "ring castle sword"] * 4


def fitted(texts: list[str], *, seed: int = 0) -> Lda:
    ranker = Lda(seed=seed, topics=2)
    ranker.fit([Record(str(i), "", text) for i, text in enumerate(texts)])
    return ranker


def test_texts_of_a_group_share_their_topic() -> None:
    scores = fitted(TEXTS).scores([0, 2])
    assert scores[0, 1] > 0.9 > scores[0, 2]
    assert scores[1, 3] > 0.9 > scores[1, 1]


def test_the_same_seed_gives_the_same_vectors() -> None:
    first, second = fitted(TEXTS, seed=3), fitted(TEXTS, seed=3)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    np.testing.assert_allclose(np.linalg.norm(first.vectors, axis=1), 1, rtol=1e-6)


def test_a_text_without_words_has_no_topic() -> None:
    vectors = fitted([*TEXTS, "the of", "?!"]).vectors
    np.testing.assert_array_equal(vectors[-2:], 0)
    assert (vectors[:-2] > 0).all()


def test_topics_are_those_of_the_whole_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(TEXTS).vectors
    monkeypatch.setattr("model.encoder._MANY", 3)  # an encoder reads so many texts at a time
    np.testing.assert_array_equal(fitted(TEXTS).vectors, whole)
