"""Rankings by shared words: TF-IDF and BM25."""

from collections.abc import Callable, Sequence

import bm25s
import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from model.baselines.ranker import Scores
from model.corpus import Record


def word_matrix(vectorizer: CountVectorizer, texts: Sequence[str]) -> csr_array:
    """Return the weights of the words in each text: (texts, words).

    One column of zeros when no word is left, as with texts of stop words alone.
    """
    try:
        return csr_array(vectorizer.fit_transform(texts))
    except ValueError:  # with valid settings scikit-learn raises it for an empty vocabulary alone
        return csr_array((len(texts), 1), dtype=vectorizer.dtype)


class TfIdf:
    """Cosine of TF-IDF vectors, with (1 + log tf) * (1 + log((1 + n) / (1 + df))) as weights.

    English stop words are left out, and so are words that only one text has: they match nothing.
    """

    def __init__(self) -> None:
        self._rows = csr_array((0, 1), dtype=np.float32)

    def fit(self, records: Sequence[Record]) -> None:
        """Weigh the words of every text."""
        vectorizer = TfidfVectorizer(
            sublinear_tf=True, stop_words="english", min_df=2, dtype=np.float32
        )
        self._rows = word_matrix(vectorizer, [record.text for record in records])

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return cosines: (queries, records), in [0, 1]; 0 where no word is shared."""
        scores: Scores = (self._rows[list(queries)] @ self._rows.T).toarray()
        return scores


def whole_text(record: Record) -> str:
    """Return title and description, as the encoders read them."""
    return record.text


def title_alone(record: Record) -> str:
    """Return the title."""
    return record.title


class Bm25:
    """Okapi BM25 of an item's words, taken as a query, against the items.

    Lucene's variant, which is never negative (Kamphuis et al. 2020), with k1 = 1.5 and b = 0.75;
    English stop words are left out. A word that the query has twice counts twice.
    """

    def __init__(self, read: Callable[[Record], str] = whole_text) -> None:
        """`read` tells which text of a record counts: `whole_text` or `title_alone`."""
        self._read = read
        self._words: list[list[int]] = []
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)

    def fit(self, records: Sequence[Record]) -> None:
        """Index the words of every record."""
        texts = [self._read(record) for record in records]
        tokens = bm25s.tokenize(texts, stopwords="english", show_progress=False)
        self._words = tokens.ids
        if any(tokens.ids):  # an index needs at least one word
            self._index.index(tokens, show_progress=False)

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return scores: (queries, records), 0 or more; 0 where no word is shared."""
        scores = np.zeros((len(queries), len(self._words)), dtype=np.float32)
        for row, query in zip(scores, queries, strict=True):
            if self._words[query]:
                row[:] = self._index.get_scores_from_ids(self._words[query])
        return scores
