"""What neighbour lists say without anybody's judgement: coverage, hubs, sameness, agreement.

k-occurrence and its skewness as hubness: Radovanović, Nanopoulos and Ivanović 2010. Intra-list
similarity: Ziegler et al. 2005.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from model.evaluation.lists import Lists
from model.evaluation.ranking import Values

_WORD = re.compile(r"\w+")

Occurrences = NDArray[np.int64]
"""(items,) int64: in how many lists each item stands."""


def occurrences(lists: Lists, items: int) -> Occurrences:
    """Return in how many of the lists each of the `items` rows stands: (items,)."""
    return np.bincount(lists.ravel(), minlength=items).astype(np.int64)


def coverage(counts: Occurrences) -> float:
    """Return the share of items that stand in some list, in [0, 1]."""
    return float((counts > 0).mean())


def hubness(counts: Occurrences) -> float:
    """Return the skewness of the occurrences; 0 where all items occur equally often.

    A few items that stand in very many lists (hubs) make it large.
    """
    return float(stats.skew(counts)) if np.ptp(counts) else 0.0


def reference_vectors(texts: Sequence[str]) -> csr_array:
    """Return TF-IDF rows of length 1, (texts, words) sparse: one measure for every ranker's lists.

    A ranker's own vectors would not do: some have none, and scales of cosine differ among models.
    Texts of nothing but marks have no word: all rows are zero then.
    """
    if not any(_WORD.search(text) for text in texts):
        return csr_array((len(texts), 1))
    weigh = TfidfVectorizer(sublinear_tf=True, token_pattern=_WORD.pattern)
    return csr_array(weigh.fit_transform(texts))


def intra_list_similarity(lists: Lists, vectors: csr_array) -> Values:
    """Return the mean cosine over all pairs within each list: (queries,).

    lists: (queries, k), k of 2 or more. vectors: (items, d) sparse unit rows. The pairs are not
    gone through: the squared length of a sum holds every pair twice, and the rows' own squares.
    """
    k = lists.shape[1]
    columns = [vectors[rows] for rows in lists.T]  # k of (queries, d): all first neighbours, ...
    own = sum(_squares(column) for column in columns)  # (queries,)
    return np.asarray((_squares(sum(columns)) - own) / (k * (k - 1)))


def overlap(lists: Lists, others: Lists) -> Values:
    """Return the share of each query's list that the other ranker lists too: (queries,)."""
    same = lists[:, :, None] == others[:, None, :]  # (queries, k, k)
    return np.asarray(same.any(axis=2).mean(axis=1))


def chance_levels(items: int, queries: int, k: int, vectors: csr_array) -> dict[str, float]:
    """Return what lists drawn at random from all other items are expected to give.

    Hubness is the skewness of the binomial distribution: about right, and better for more items.
    """
    p = k / (items - 1)
    missed = (1 - p) ** (queries - 1)  # by the lists of all queries but one
    total = np.square(vectors.sum(axis=0)).sum()
    return {
        "coverage@10": 1 - missed * (queries + (items - queries) * (1 - p)) / items,
        "hubness": (1 - 2 * p) / np.sqrt(queries * p * (1 - p)) if p < 1 else 0.0,
        "similarity in list": float((total - _squares(vectors).sum()) / (items * (items - 1))),
        "overlap@10": p,
    }


def _squares(rows: csr_array) -> Values:
    """Return the squared length of each row: (n,)."""
    return np.asarray(rows.multiply(rows).sum(axis=1))
