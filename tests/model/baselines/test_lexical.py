"""TF-IDF and BM25 against their formulas written out."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.baselines.lexical import Bm25, TfIdf, title_alone
from model.corpus import Record
from tests.model.tiny import same_every_time

WORDS = ("car", "dog", "tower", "river", "sword")
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), min_size=1, max_size=6)


def catalogue(descriptions: Sequence[str], title: str = "") -> list[Record]:
    return [Record(str(i), title, text) for i, text in enumerate(descriptions)]


def tfidf_by_hand(texts: Sequence[str]) -> list[dict[str, float]]:
    frequency = Counter(word for text in texts for word in set(text.split()))
    rows = []
    for text in texts:
        row = {
            word: (1 + math.log(count)) * (1 + math.log((1 + len(texts)) / (1 + frequency[word])))
            for word, count in Counter(text.split()).items()
            if frequency[word] >= 2
        }
        length = math.sqrt(sum(weight**2 for weight in row.values()))
        rows.append({word: weight / length for word, weight in row.items()})
    return rows


@same_every_time
@given(texts=texts)
def test_tfidf_matches_its_formula(texts: list[str]) -> None:
    ranker, rows = TfIdf(), tfidf_by_hand(texts)
    ranker.fit(catalogue(texts))
    scores = ranker.scores(range(len(texts)))
    assert scores.dtype == np.float32
    assert scores.shape == (len(texts), len(texts))
    for i, first in enumerate(rows):
        for j, second in enumerate(rows):
            expected = sum(first[word] * second.get(word, 0) for word in first)
            assert abs(scores[i, j] - expected) < 1e-5


def bm25_by_hand(texts: Sequence[str], query: int, item: int) -> float:
    words = [text.split() for text in texts]
    mean, counts = sum(map(len, words)) / len(words), Counter(words[item])
    score = 0.0
    for word in words[query]:
        if counts[word]:
            frequency = sum(word in other for other in words)
            rarity = math.log(1 + (len(words) - frequency + 0.5) / (frequency + 0.5))
            norm = 1.5 * (0.25 + 0.75 * len(words[item]) / mean)
            score += rarity * counts[word] / (counts[word] + norm)
    return score


@same_every_time
@given(texts=texts)
def test_bm25_matches_its_formula(texts: list[str]) -> None:
    ranker = Bm25()
    ranker.fit(catalogue(texts))
    scores = ranker.scores(range(len(texts)))
    assert scores.dtype == np.float32
    assert scores.shape == (len(texts), len(texts))
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert abs(scores[i, j] - bm25_by_hand(texts, i, j)) < 1e-4


def test_bm25_over_titles_reads_no_description() -> None:
    titles = Bm25(title_alone)
    titles.fit(
        [Record("a", "red car", "river"), Record("b", "car", "x"), Record("c", "x", "river")]
    )
    assert titles.scores([0])[0, 1] > 0
    assert titles.scores([0])[0, 2] == 0


def test_a_second_fit_forgets_the_first() -> None:
    for ranker in (TfIdf(), Bm25()):
        ranker.fit(catalogue(["red car", "red car", "dog"]))
        ranker.fit(catalogue(["the", "of"]))
        np.testing.assert_array_equal(ranker.scores([0, 1]), np.zeros((2, 2)))
