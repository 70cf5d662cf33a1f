"""A weak label: neighbours that share a value of some column with the query, such as a variety."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.preprocessing import MultiLabelBinarizer

from model.corpus import Record
from model.evaluation.lists import BLOCK, Lists
from model.evaluation.ranking import Values


def label_matrix(records: Sequence[Record], column: str) -> csr_array:
    """Return which item has which value of `column`: (items, values) sparse, 0 and 1."""
    values = [[value for name, value in record.tags if name == column] for record in records]
    return csr_array(MultiLabelBinarizer(sparse_output=True).fit_transform(values))


def labelled(labels: csr_array, rows: Sequence[int]) -> list[int]:
    """Return those of the rows that have a value."""
    held = labels[list(rows)].sum(axis=1)  # (rows,)
    return [row for row, values in zip(rows, held, strict=True) if values]


def hits(labels: csr_array, queries: Sequence[int], lists: Lists) -> NDArray[np.bool_]:
    """Return which neighbours share a value with their query: (queries, k).

    labels: (items, values) sparse. A neighbour without a value shares none.
    """
    own = labels[np.repeat(list(queries), lists.shape[1])]  # (queries * k, values)
    shared = own.multiply(labels[lists.ravel()]).sum(axis=1)  # (queries * k,)
    return np.asarray(shared > 0).reshape(lists.shape)


def agreement(labels: csr_array, queries: Sequence[int], lists: Lists) -> Values:
    """Return the share of each query's list that shares a value with it: (queries,), in [0, 1]."""
    return np.asarray(hits(labels, queries, lists).mean(axis=1))


def chance_agreement(labels: csr_array, queries: Sequence[int]) -> float:
    """Return the mean over queries of the share of all other items that share a value with it.

    queries: rows that have a value, at least one.
    """
    sharing = 0
    for start in range(0, len(queries), BLOCK):
        block = labels[list(queries[start : start + BLOCK])] @ labels.T  # (block, items) sparse
        sharing += int(block.nnz) - block.shape[0]  # every query shares its values with itself
    return float(sharing / (len(queries) * (labels.shape[0] - 1)))
