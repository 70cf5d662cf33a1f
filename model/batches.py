"""Pairs to token tensors, with a masked copy of the anchors for the masked-language loss."""

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
    """One step's input; row i of all three belongs to the same item.

    labels: (batch, length) int64, the original token where `masked` hides one, else -100.
    """

    anchors: Tokens
    positives: Tokens
    masked: Tokens
    labels: Tensor


class Batcher:
    """Tokenises pairs and masks the anchors 80/10/10 (Devlin et al. 2019)."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        passage_tokens: int,
        mask_probability: float,
        seed: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._length = passage_tokens
        self._mask = DataCollatorForLanguageModeling(
            tokenizer, mlm_probability=mask_probability, seed=seed
        )

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return padded tokens of `texts`, cut to the passage length."""
        encoded = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._length, return_tensors="pt"
        )
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def batch(self, pairs: Sequence[Pair]) -> Batch:
        """Return the token tensors of one step."""
        anchors = self.tokens([pair.anchor for pair in pairs])
        hidden = self._mask(
            [
                {"input_ids": row[keep.bool()]}
                for row, keep in zip(anchors["input_ids"], anchors["attention_mask"], strict=True)
            ]
        )
        masked = {"input_ids": hidden["input_ids"], "attention_mask": anchors["attention_mask"]}
        labels: Tensor = hidden["labels"]
        return Batch(anchors, self.tokens([pair.positive for pair in pairs]), masked, labels)


def to_device(tokens: Tokens, device: torch.device) -> Tokens:
    """Return the tokens on `device`."""
    return {name: tensor.to(device) for name, tensor in tokens.items()}
