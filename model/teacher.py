"""A teacher for the encoder: the base model's similarity plus that of an item's words and tags.

Two items that share rare words are alike, whatever a pretrained model makes of them; where a
catalogue has further columns (a genre, a year), two items that share those are alike. The teacher
puts base vector, words and tags into one space; the encoder learns to reach the same vector from
the text alone, so that an item is served by its title and description only.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

from model.corpus import Record
from model.similarity import normalized

Matrix = NDArray[np.float32]

_GRID = 20
"""Points along the range of a numeric column; the similarity of two values fades over two steps."""
_COMMON = 0.1
"""Share of the texts beyond which a word is left out, whatever the language's stop words are."""
_DIRECTIONS = 300
"""Main directions kept of the texts' words."""
_KEPT = 256
"""Most frequent values of a column that are told apart."""


def teacher_vectors(
    base: Matrix,
    records: Sequence[Record],
    tags: Sequence[tuple[str, float]],
    *,
    words: float = 0.0,
    titles: float = 0.0,
) -> Matrix:
    """Return unit vectors whose cosines are the teacher's similarities.

    base: (n, d) unit rows, the base model's vectors of `records`. tags: (column, weight) pairs; a
    column adds weight times the cosine of its values to the base's cosine, `words` and `titles` as
    much of the `word_vectors` of texts and of titles. Result: (n, d) float32, turned so that it
    lies as near the base vectors as a rotation can bring it (Schoenemann 1966): the encoder then
    starts near its goal.
    """
    parts = [base] + [
        np.sqrt(np.float32(weight)) * column_vectors(records, column) for column, weight in tags
    ]
    for weight, texts in (
        (words, [record.text for record in records]),
        (titles, [record.title for record in records]),
    ):
        if weight:
            parts.append(np.sqrt(np.float32(weight)) * word_vectors(texts))
    joined = normalized(np.concatenate(parts, axis=1))  # (n, d + tags)
    dimension = base.shape[1]
    _, _, axes = np.linalg.svd(joined.T @ joined)  # rows by the share of the similarity they hold
    kept = normalized(joined @ axes[:dimension].T)  # (n, d)
    left, _, right = np.linalg.svd(kept.T @ base)
    turned: Matrix = (kept @ (left @ right)).astype(np.float32)
    return turned


def word_vectors(texts: Sequence[str]) -> Matrix:
    """Return texts by their words: TF-IDF in its main directions, (n, width) float32 unit rows.

    Latent semantic analysis (Deerwester et al. 1990). Words in one text alone, or in more than a
    tenth of them, tell nothing of likeness; a text of such words only is a zero row.
    """
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=_COMMON)
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError:  # no word is left
        return np.zeros((len(texts), 1), dtype=np.float32)
    width = min(_DIRECTIONS, min(weights.shape) - 1)
    if width < 1:
        return normalized(weights.toarray().astype(np.float32))
    return normalized(TruncatedSVD(width, random_state=0).fit_transform(weights).astype(np.float32))


def column_vectors(records: Sequence[Record], column: str) -> Matrix:
    """Return one unit row a record for a column's values, a zero row where there are none.

    A column of numbers becomes a bump on a grid over its range, so that near values are alike; any
    other column becomes TF-IDF weights of its values. Result: (n, width) float32.
    """
    values = [[value for name, value in record.tags if name == column] for record in records]
    numbers = [_number(row) for row in values]
    if None in numbers or not np.isfinite(np.array(numbers, dtype=float)).any():
        return _weights(values)
    return _bumps(np.array(numbers, dtype=float))


def _number(values: Sequence[str]) -> float | None:
    """Return the number that the values are, NaN where there is none, None where it is a word."""
    if not values:
        return math.nan
    try:
        number = float(values[0]) if len(values) == 1 else None
    except ValueError:
        return None
    return math.nan if number is not None and math.isinf(number) else number


def _bumps(given: NDArray[np.float64]) -> Matrix:
    low, high = np.nanquantile(given, (0.01, 0.99))  # a slip of the keyboard must not set the scale
    grid = np.linspace(low, high, _GRID)
    width = max(2 * (high - low) / _GRID, 1e-9)
    bumps = np.exp(-0.5 * ((given.clip(low, high)[:, None] - grid) / width) ** 2)  # (n, grid)
    return normalized(np.nan_to_num(bumps).astype(np.float32))


def _weights(values: Sequence[Sequence[str]]) -> Matrix:
    # not set(row): its order changes from process to process, and ties would go with it
    counts = Counter(value for row in values for value in dict.fromkeys(row))
    place = {value: i for i, (value, _) in enumerate(counts.most_common(_KEPT))}
    table = np.zeros((len(values), len(place)), dtype=np.float32)
    for row, given in enumerate(values):
        for value in given:
            if value in place:
                table[row, place[value]] = 1.0
    return np.asarray(TfidfTransformer().fit_transform(table).toarray(), dtype=np.float32)
