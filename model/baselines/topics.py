"""Ranking by topics: latent Dirichlet allocation (Blei et al. 2003)."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer

from model.baselines.lexical import word_matrix
from model.baselines.ranker import Dense
from model.corpus import Record
from model.encoder import Vectors
from model.similarity import normalized

TOPICS = 100
WORDS = 20_000
"""The most frequent words that are read; rarer ones add time rather than topics."""
PASSES = 5
TEXTS_A_STEP = 1024


class Lda(Dense):
    """Cosine of topic mixtures, learnt online from word counts (Hoffman et al. 2010).

    English stop words are left out, and so are words that only one text has. A text without any
    other word has no mixture: its vector is zero.
    """

    def __init__(
        self, *, seed: int, topics: int = TOPICS, report: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__(self._mixtures, report=report)
        self._seed = seed
        self._topics = topics

    def fit(self, records: Sequence[Record]) -> None:
        """Learn the topics of all texts at once; an encoder would read them slice by slice."""
        self.vectors = self._mixtures([record.text for record in records])

    def _mixtures(self, texts: Sequence[str]) -> Vectors:
        counts = word_matrix(
            CountVectorizer(stop_words="english", min_df=2, max_features=WORDS), texts
        )
        if counts.nnz == 0:
            return np.zeros((len(texts), self._topics), dtype=np.float32)
        lda = LatentDirichletAllocation(
            self._topics,
            learning_method="online",
            batch_size=TEXTS_A_STEP,
            max_iter=PASSES,
            random_state=self._seed,
        )
        mixtures = lda.fit_transform(counts)  # (texts, topics); every row sums to 1
        self._report(f"LDA: {self._topics} topics from {counts.shape[1]} words")
        mixtures[np.asarray(counts.sum(axis=1)) == 0] = 0.0  # the prior alone tells nothing
        return normalized(mixtures)
