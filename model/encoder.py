"""Texts to unit vectors: BERT, masked mean pooling, L2 norm."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import BertModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging

from model.checkpoint import MANIFEST, CheckpointError, Manifest, read_manifest
from model.config import ConfigError, EncoderConfig

Vectors = NDArray[np.float32]
"""(n, dimension) float32, every row of length 1."""


class TokenUse(NamedTuple):
    """How much of a text is read: `used` of `total` tokens, [CLS] and [SEP] not counted."""

    used: int
    total: int


def pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the unit mean of the token vectors that are not padding.

    hidden: (n, length, d), attention_mask: (n, length) of 0 and 1. Result: (n, d).
    """
    mask = attention_mask.unsqueeze(-1).float()  # (n, length, 1)
    mean = (hidden.float() * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)  # (n, d)
    return nn.functional.normalize(mean, dim=-1)


class Encoder:
    """A BERT model and its tokenizer, ready for inference.

    Not thread-safe: one thread owns an encoder. It computes in the precision of the weights.
    """

    def __init__(
        self, bert: BertModel, tokenizer: PreTrainedTokenizerBase, config: EncoderConfig
    ) -> None:
        self._bert = bert
        self._tokenizer = tokenizer
        self._config = config
        self.dimension: int = bert.config.hidden_size

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, [CLS] and [SEP] not counted."""
        return self._config.max_tokens - 2

    def token_use(self, text: str) -> TokenUse:
        """Return how many tokens `text` has and how many of them are read."""
        total = len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        return TokenUse(min(total, self.max_tokens), total)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in the order given: (n, dimension) float32.

        A text gives the same vector alone and in a batch (cosine >= 0.9999). Texts are batched by
        length, so that little is spent on padding. Raises `ValueError` if a vector is not finite.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokens: list[list[int]] = self._tokenizer(
            list(texts), truncation=True, max_length=self._config.max_tokens
        )["input_ids"]
        self._bert.eval()
        for rows in self._batches([len(ids) for ids in tokens]):
            vectors[rows] = self._forward([tokens[row] for row in rows])
        if not np.isfinite(vectors).all():
            raise ValueError(
                "the encoder gave a vector that is not finite; are its weights damaged?"
            )
        return vectors

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield row numbers, similar lengths together, within the budget of padded tokens."""
        rows: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            # rows come longest first: the first one sets the padded length of its batch
            if rows and lengths[rows[0]] * (len(rows) + 1) > self._config.batch_tokens:
                yield rows
                rows = []
            rows.append(row)
        yield rows

    def _forward(self, tokens: list[list[int]]) -> Vectors:
        padded = self._tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        ids, mask = (padded[key].to(self._bert.device) for key in ("input_ids", "attention_mask"))
        hidden = self._bert(input_ids=ids, attention_mask=mask).last_hidden_state  # (n, length, d)
        vectors: Vectors = pool(hidden, mask).cpu().numpy()
        return vectors


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a checkpoint folder, read from its tokenizer.json alone."""
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        pad_token="[PAD]",  # noqa: S106 - BERT's names for its special tokens
        unk_token="[UNK]",  # noqa: S106
        cls_token="[CLS]",  # noqa: S106
        sep_token="[SEP]",  # noqa: S106
        mask_token="[MASK]",  # noqa: S106
        model_input_names=["input_ids", "attention_mask"],
    )


def quiet() -> None:
    """Keep transformers from reporting on weights that are left out or new on purpose."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_encoder(
    folder: Path, *, precision: torch.dtype = torch.float32
) -> tuple[Encoder, Manifest]:
    """Load a checkpoint folder for inference on the CPU.

    precision: float32, or bfloat16 for half the time where the processor has it (cosine to the
    float32 vectors about 0.9999).
    Raises `CheckpointError` when the folder is missing, damaged or not a MetricBERT checkpoint.
    """
    manifest = read_manifest(folder)
    try:
        bert = BertModel.from_pretrained(
            folder, local_files_only=True, dtype=precision, add_pooling_layer=False
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: the weights do not load: {error}") from error
    if bert.config.hidden_size != manifest.dimension:
        raise CheckpointError(
            f"{folder}: the manifest says {manifest.dimension} dimensions, "
            f"the weights have {bert.config.hidden_size}"
        )
    try:
        config = EncoderConfig(max_tokens=manifest.max_tokens)
    except ConfigError as error:
        raise CheckpointError(f"{folder / MANIFEST}: damaged manifest: {error}") from error
    return Encoder(bert, load_tokenizer(folder), config), manifest
