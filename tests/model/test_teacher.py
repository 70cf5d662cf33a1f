import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.corpus import CorpusError, Record, Tag, read_corpus
from model.teacher import Matrix, column_vectors, teacher_vectors
from tests.model.tiny import same_every_time, unit_rows, write_jsonl

DIMENSION = 24


def base_rows(count: int, seed: int = 0) -> Matrix:
    rows: Matrix = unit_rows(count, DIMENSION, seed=seed).numpy()
    return rows


def tagged(*tags: tuple[Tag, ...]) -> list[Record]:
    return [Record(str(i), f"Game {i}", "Text.", row) for i, row in enumerate(tags)]


def genre_cosine(left: set[str], right: set[str], rows: list[set[str]]) -> float:
    """TF-IDF as scikit-learn has it: weight 1 + ln((1 + n) / (1 + df)) of a value."""

    def weight(value: str) -> float:
        count = sum(value in row for row in rows)
        return (1 + math.log((1 + len(rows)) / (1 + count))) ** 2

    def length(row: set[str]) -> float:
        return math.sqrt(sum(map(weight, row)))

    shared = sum(map(weight, left & right))
    return shared / (length(left) * length(right)) if shared else 0.0


GENRES = st.sets(st.sampled_from(["puzzle", "race", "quest"]), max_size=3)


@same_every_time
@given(st.lists(GENRES, min_size=2, max_size=8), st.floats(0.1, 2))
def test_cosines_are_those_of_base_and_tags_together(rows: list[set[str]], weight: float) -> None:
    records = tagged(*[tuple(("genre", value) for value in sorted(row)) for row in rows])
    base = base_rows(len(rows))
    if not any(rows):
        return  # read_corpus refuses a column without a value
    found = teacher_vectors(base, records, [("genre", weight)])
    lengths = [math.sqrt(1 + weight * bool(row)) for row in rows]
    for i in range(len(rows)):
        for j in range(len(rows)):
            shared = float(base[i] @ base[j]) + weight * genre_cosine(rows[i], rows[j], rows)
            assert found[i] @ found[j] == pytest.approx(shared / lengths[i] / lengths[j], abs=1e-4)


def told(*texts: str) -> list[Record]:
    return [Record(str(i), f"Game {i}", text) for i, text in enumerate(texts)]


def test_texts_that_share_rare_words_are_near_in_the_teacher() -> None:
    rare = ["A zebra sails.", "The zebra sails on.", "An otter digs.", "One otter digs deep."]
    records = told(*rare, *[f"Filler number {i}." for i in range(36)])
    base = base_rows(40)
    plain, worded = (teacher_vectors(base, records, [], words=w) for w in (0.0, 1.0))
    for left, right in ((0, 1), (2, 3)):
        assert worded[left] @ worded[right] > plain[left] @ plain[right] + 0.2
    assert np.linalg.norm(worded, axis=1) == pytest.approx(np.ones(40), abs=1e-4)


def test_titles_that_share_rare_words_are_near_in_the_teacher() -> None:
    titles = ["Zebra Sails", "Zebra Sails Again", *[f"Filler {i}" for i in range(38)]]
    records = [Record(str(i), title, f"Text {i}.") for i, title in enumerate(titles)]
    base = base_rows(40)
    plain, titled = (teacher_vectors(base, records, [], titles=w) for w in (0.0, 1.0))
    assert titled[0] @ titled[1] > plain[0] @ plain[1] + 0.2


@pytest.mark.parametrize("texts", [["a b", "c d"], ["same same", "same same"], ["x"] * 3])
def test_texts_without_a_telling_word_change_nothing(texts: list[str]) -> None:
    records, base = told(*texts), base_rows(len(texts))
    found = teacher_vectors(base, records, [], words=1.0)
    assert found @ found.T == pytest.approx(base @ base.T, abs=1e-4)


def test_without_tags_the_teacher_is_the_base() -> None:
    base = base_rows(40)
    np.testing.assert_allclose(teacher_vectors(base, tagged(*[()] * 40), []), base, atol=1e-4)


def test_more_items_than_dimensions_keep_most_of_the_similarity() -> None:
    kinds = [(("genre", "abc"[i % 3]),) for i in range(200)]
    base = base_rows(200)
    found = teacher_vectors(base, tagged(*kinds), [("genre", 1.0)])
    genre = column_vectors(tagged(*kinds), "genre")
    exact = (base @ base.T + genre @ genre.T) / 2
    assert found.shape == (200, DIMENSION)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.abs(found @ found.T - exact).mean() < 0.05
    assert np.corrcoef((found @ found.T).ravel(), exact.ravel())[0, 1] > 0.97


def test_the_teacher_lies_near_the_base() -> None:
    kinds = [(("genre", "ab"[i % 2]),) for i in range(60)]
    base = base_rows(60)
    near = (teacher_vectors(base, tagged(*kinds), [("genre", 0.05)]) * base).sum(axis=1)
    assert near.mean() > 0.9  # unturned it would be 0 on average


def test_items_without_a_value_have_no_part_in_a_column() -> None:
    records = tagged((("genre", "puzzle"),), (), (("genre", "puzzle"), ("genre", "race")))
    vectors = column_vectors(records, "genre")
    assert not vectors[1].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[[0, 2]], axis=1), 1, atol=1e-5)
    years = column_vectors(tagged((("year", "1990"),), (), (("year", "2000"),)), "year")
    assert not years[1].any()
    np.testing.assert_allclose(np.linalg.norm(years[[0, 2]], axis=1), 1, atol=1e-5)


def test_near_numbers_are_alike_and_far_ones_are_not() -> None:
    years = list(range(1980, 2020))
    vectors = column_vectors(tagged(*[(("year", str(year)),) for year in years]), "year")
    cosines = vectors @ vectors.T
    assert cosines[20, 21] > 0.95
    assert cosines[20, 24] > cosines[20, 28] > cosines[20, 36]
    assert cosines[0, -1] < 0.01


@pytest.mark.parametrize("odd", ["9999", "-50", "1e30"])
def test_one_odd_number_leaves_the_scale_as_it_is(odd: str) -> None:
    years = [str(1980 + i % 40) for i in range(400)] + [odd]
    vectors = column_vectors(tagged(*[(("year", year),) for year in years]), "year")
    assert np.isfinite(vectors).all()
    assert float(vectors[0] @ vectors[39]) < 0.1  # 1980 and 2019 are as far apart as they were


@pytest.mark.parametrize("values", [["7"], ["7", "7", "7"]])
def test_a_column_of_one_number_is_alike_everywhere(values: list[str]) -> None:
    vectors = column_vectors(tagged(*[(("year", value),) for value in values]), "year")
    np.testing.assert_allclose(vectors @ vectors.T, 1, atol=1e-5)


@pytest.mark.parametrize("values", [("Puzzle",), ("1992", "1993")])
def test_a_word_or_two_numbers_make_a_column_of_names(values: tuple[str, ...]) -> None:
    tags = tuple(("year", value) for value in values)
    vectors = column_vectors(tagged((("year", "1990"),), (("year", "1991"),), tags), "year")
    assert vectors.shape == (3, 2 + len(values))
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(3), atol=1e-5)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity"])
def test_a_number_that_is_none_counts_as_missing(value: str) -> None:
    years = ("1990", "1991", value)
    vectors = column_vectors(tagged(*[(("year", year),) for year in years]), "year")
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).tolist() == [True, True, False]
    assert column_vectors(tagged((("year", value),), ()), "year").any(axis=1).tolist() == [1, 0]


def test_only_the_most_frequent_values_are_told_apart() -> None:
    rows = [(("maker", f"m{i}"), ("maker", "all")) for i in range(400)]
    vectors = column_vectors(tagged(*rows), "maker")
    assert vectors.shape == (400, 256)
    assert vectors.any(axis=1).all()


@pytest.mark.slow
def test_the_same_values_give_the_same_vectors_in_every_process() -> None:
    code = (
        "from model.corpus import Record\nfrom model.teacher import column_vectors\n"
        "tags = [('m', f'a{i}') for i in range(20)]\n"
        "rows = [tags, *([tag] for tag in tags)]\n"
        "records = [Record(str(i), 'T', 'D', tuple(row)) for i, row in enumerate(rows)]\n"
        "print(column_vectors(records, 'm').tolist())"
    )
    found = {
        subprocess.check_output(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_column_that_no_record_has_is_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "g.jsonl", [{"title": "A", "description": "B.", "genre": "x"}])
    with pytest.raises(CorpusError, match=r"g\.jsonl: no record has a value in column 'studio'"):
        read_corpus(path, tags=["genre", "studio"])
