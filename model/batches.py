"""Pairs to token tensors, with a masked copy of the anchors for the masked-language loss."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

from model.pairs import Pair

Tokens = Mapping[str, Tensor]
"""`input_ids` and `attention_mask`, both (batch, length) int64."""


@dataclass(frozen=True)
class Batch:
    """The input of one forward pass; row i of each belongs to the item ids[i].

    masked: a copy of the first anchors with some tokens hidden. labels: (masked, length) int64, the
    original token where one is hidden, else -100.
    """

    ids: tuple[str, ...]
    anchors: Tokens
    positives: Tokens
    masked: Tokens
    labels: Tensor

    @property
    def hidden(self) -> int:
        """How many tokens are hidden."""
        return int((self.labels != -100).sum())

    def split(self, size: int) -> list["Batch"]:
        """Return parts of `size` rows; those behind the last masked anchor hide nothing."""
        parts = (slice(start, start + size) for start in range(0, len(self.ids), size))
        return [
            Batch(
                ids=self.ids[rows],
                anchors=_rows(self.anchors, rows),
                positives=_rows(self.positives, rows),
                masked=_rows(self.masked, rows),
                labels=self.labels[rows],
            )
            for rows in parts
        ]


class Batcher:
    """Tokenises pairs and masks the anchors 80/10/10 (Devlin et al. 2019)."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        passage_tokens: int,
        mask_probability: float,
        whole_words: bool = False,
        mlm_share: float = 1.0,
    ) -> None:
        self._tokenizer = tokenizer
        self._length = passage_tokens
        self._share = mlm_share
        # hidden whole words are always replaced by [MASK]: the collator cannot draw random ones
        self._mask = DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=mask_probability,
            whole_word_mask=whole_words,
            mask_replace_prob=1.0 if whole_words else 0.8,
            random_replace_prob=0.0 if whole_words else 0.1,
        )

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return padded tokens of `texts`, cut to the passage length."""
        return _inputs(self._encode(texts))

    def batch(self, pairs: Sequence[Pair], *, seed: int) -> Batch:
        """Return the tensors of `pairs`; the seed alone decides which tokens are hidden."""
        encoded = self._encode([pair.anchor for pair in pairs])
        anchors = _inputs(encoded)
        # seeded a batch, not once: a resumed run hides what an unbroken one hides
        self._mask.generator = torch.Generator().manual_seed(seed)
        first = slice(math.ceil(self._share * len(pairs)))
        hidden, labels = self._mask.torch_mask_tokens(
            anchors["input_ids"][first].clone(),
            special_tokens_mask=encoded["special_tokens_mask"][first],
            offset_mapping=encoded["offset_mapping"][first],
        )
        return Batch(
            ids=tuple(pair.id for pair in pairs),
            anchors=anchors,
            positives=self.tokens([pair.positive for pair in pairs]),
            masked={"input_ids": hidden, "attention_mask": anchors["attention_mask"][first]},
            labels=labels,
        )

    def _encode(self, texts: Sequence[str]) -> Mapping[str, Tensor]:
        encoded: Mapping[str, Tensor] = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._length,
            return_special_tokens_mask=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        return encoded


def _inputs(encoded: Mapping[str, Tensor]) -> Tokens:
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def _rows(tokens: Tokens, rows: slice) -> Tokens:
    return {name: tensor[rows] for name, tensor in tokens.items()}


def to_device(tokens: Tokens, device: torch.device) -> Tokens:
    """Return the tokens on `device`."""
    return {name: tensor.to(device) for name, tensor in tokens.items()}
