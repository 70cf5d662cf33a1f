from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.lists import Lists
from model.evaluation.unlabelled import (
    chance_levels,
    coverage,
    hubness,
    intra_list_similarity,
    occurrences,
    overlap,
    reference_vectors,
)
from tests.model.tiny import games, same_every_time

ITEMS = 9
TEXTS = [record.text for record in games(ITEMS)]


def drawn(seed: int, *, queries: int = 6, k: int = 4) -> Lists:
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(ITEMS, k, replace=False) for _ in range(queries)])


SEEDS = st.integers(0, 10_000)


@same_every_time
@given(SEEDS)
def test_occurrences_coverage_and_overlap_match_plain_loops(seed: int) -> None:
    lists, others = drawn(seed), drawn(seed + 1)
    counts = [sum(item in row for row in lists.tolist()) for item in range(ITEMS)]
    assert occurrences(lists, ITEMS).tolist() == counts
    assert coverage(occurrences(lists, ITEMS)) == sum(c > 0 for c in counts) / ITEMS
    shared = [len({*a} & {*b}) / 4 for a, b in zip(lists.tolist(), others.tolist(), strict=True)]
    assert overlap(lists, others).tolist() == shared


@same_every_time
@given(SEEDS)
def test_similarity_in_a_list_matches_a_plain_loop(seed: int) -> None:
    lists, vectors = drawn(seed), reference_vectors(TEXTS)
    rows = vectors.toarray()
    plain = [np.mean([rows[a] @ rows[b] for a, b in combinations(row, 2)]) for row in lists]
    np.testing.assert_allclose(intra_list_similarity(lists, vectors), plain, atol=1e-12)


def test_hubness_is_the_third_moment_and_zero_without_spread() -> None:
    counts = np.array([0, 0, 0, 0, 8])
    deviations = counts - counts.mean()
    plain = (deviations**3).mean() / (deviations**2).mean() ** 1.5
    assert hubness(counts) == pytest.approx(plain)
    assert hubness(np.array([2, 2, 2])) == 0.0


def test_the_same_items_in_other_order_overlap_fully() -> None:
    assert overlap(np.array([[1, 2, 3]]), np.array([[3, 1, 2]])).tolist() == [1.0]


def test_chance_levels_are_what_random_lists_give() -> None:
    rng = np.random.default_rng(0)
    items, k, vectors = 200, 10, reference_vectors([r.text for r in games(200)])
    queries = rng.choice(items, 50, replace=False)

    def one() -> Lists:
        return np.stack([rng.choice(np.delete(np.arange(items), q), k, False) for q in queries])

    rounds = [(one(), one()) for _ in range(40)]
    found = {
        "coverage@10": np.mean([coverage(occurrences(a, items)) for a, _ in rounds]),
        "hubness": np.mean([hubness(occurrences(a, items)) for a, _ in rounds]),
        "similarity in list": np.mean([intra_list_similarity(a, vectors) for a, _ in rounds]),
        "overlap@10": np.mean([overlap(a, b) for a, b in rounds]),
    }
    expected = chance_levels(items, 50, k, vectors)
    assert found.pop("hubness") == pytest.approx(expected.pop("hubness"), rel=0.1)  # "about"
    assert found == pytest.approx(expected, rel=0.05)


def test_chance_levels_of_lists_that_hold_everything() -> None:
    found = chance_levels(3, 3, 2, reference_vectors(TEXTS[:3]))
    assert (found["coverage@10"], found["hubness"], found["overlap@10"]) == (1.0, 0.0, 1.0)


def test_texts_in_any_script_have_reference_vectors() -> None:
    rows = reference_vectors(["赤い 猫", "赤い 犬", "x"]).toarray()
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)
    assert rows[0] @ rows[1] > 0 == rows[0] @ rows[2]
