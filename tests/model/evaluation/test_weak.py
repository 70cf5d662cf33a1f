import numpy as np
import pytest

from model.evaluation.weak import agreement, chance_agreement, hits, label_matrix, labelled
from tests.model.evaluation.rankers import coloured

COUNT = 12
RECORDS = coloured(COUNT)


def colours(row: int) -> set[str]:
    return {value for _, value in RECORDS[row].tags}


def test_hits_and_agreement_match_a_plain_loop() -> None:
    labels = label_matrix(RECORDS, "colour")
    queries = [0, 3, 4]
    lists = np.array([[1, 2, 11, 5], [0, 5, 6, 11], [0, 1, 3, 2]])
    plain = [
        [bool(colours(q) & colours(i)) for i in row] for q, row in zip(queries, lists, strict=True)
    ]
    assert hits(labels, queries, lists).tolist() == plain
    assert agreement(labels, queries, lists).tolist() == [sum(row) / 4 for row in plain]


def test_rows_without_a_value_are_no_queries() -> None:
    labels = label_matrix(RECORDS, "colour")
    assert labelled(labels, [0, 5, COUNT - 1]) == [0, 5]
    assert labelled(label_matrix(RECORDS, "size"), [0, 5]) == []


def test_chance_agreement_matches_a_plain_loop() -> None:
    queries = [0, 1, 2, 7]
    shares = [
        sum(bool(colours(q) & colours(i)) for i in range(COUNT) if i != q) / (COUNT - 1)
        for q in queries
    ]
    found = chance_agreement(label_matrix(RECORDS, "colour"), queries)
    assert found == pytest.approx(np.mean(shares))
