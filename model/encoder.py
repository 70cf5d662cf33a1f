"""Texts to unit vectors: BERT, masked mean pooling, L2 norm.

A text longer than one window is read as several, one behind the other, and the token vectors of
all of them are pooled together.
"""

from collections.abc import Callable, Iterator, Sequence
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


_CHARACTERS_A_TOKEN = 8
"""Characters taken for one token at first; an English token has four to five."""

_MARGIN = 128
"""Tokens found behind the last one wanted before a text counts as read far enough.

Where a text is cut, its last word may fall into other pieces than the whole word does: into 100 at
most, since BERT takes a word of more than 100 characters as one unknown token.
"""


_MANY = 1024
"""Texts between two reports of `encode_many`."""


class TokenUse(NamedTuple):
    """How much of a text is read: `used` of `total` tokens, [CLS] and [SEP] not counted."""

    used: int
    total: int


def pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the unit mean of the token vectors that are not padding.

    hidden: (n, length, d), attention_mask: (n, length) of 0 and 1. Result: (n, d).
    """
    return _unit_mean(*_token_sums(hidden, attention_mask))


def _token_sums(hidden: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return sum (n, d) and number (n, 1) of the token vectors that are not padding."""
    mask = attention_mask.unsqueeze(-1).float()  # (n, length, 1)
    return (hidden.float() * mask).sum(dim=1), mask.sum(dim=1)


def _unit_mean(sums: Tensor, counts: Tensor) -> Tensor:
    return nn.functional.normalize(sums / counts.clamp(min=1.0), dim=-1)  # (n, d)


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
        """Tokens of a text that are read, over all windows, [CLS] and [SEP] not counted."""
        return self._config.max_windows * self._window

    @property
    def _window(self) -> int:
        """Tokens of a text in one window."""
        return self._config.max_tokens - 2

    def token_use(self, text: str) -> TokenUse:
        """Return how many tokens `text` has and how many of them are read.

        Goes through the whole text, however little of it is read.
        """
        total = len(self._ids([text])[0])
        return TokenUse(min(total, self.max_tokens), total)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in the order given: (n, dimension) float32.

        A vector is the unit mean over the tokens of all windows of its text. A text gives the same
        vector alone and in a batch (cosine >= 0.9999). Windows are batched by length, those of
        different texts together, so that little is spent on padding. Raises `ValueError` if a
        vector is not finite.
        """
        sums = torch.zeros(len(texts), self.dimension)
        counts = torch.zeros(len(texts), 1)
        tokens = enumerate(self._read(texts))
        windows = [(row, window) for row, ids in tokens for window in self._cut(ids)]
        self._bert.eval()
        for batch in self._batches([len(ids) for _, ids in windows]):
            rows = torch.tensor([windows[i][0] for i in batch])
            for total, part in zip(
                (sums, counts), self._forward([windows[i][1] for i in batch]), strict=True
            ):
                total.index_add_(0, rows, part)  # a text's windows may lie in several batches
        vectors: Vectors = _unit_mean(sums, counts).numpy()
        if not np.isfinite(vectors).all():
            raise ValueError(
                "the encoder gave a vector that is not finite; are its weights damaged?"
            )
        return vectors

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return all tokens of each text, without [CLS] and [SEP]."""
        found: list[list[int]] = self._tokenizer(
            list(texts), add_special_tokens=False, verbose=False
        )["input_ids"]
        return found

    def _read(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the first `max_tokens` tokens of each text, from as much of it as that takes.

        Texts may be a hundred times longer than what is read of them, so only their beginning is
        tokenised. Rare ones have many characters a token: they are tokenised again, further.
        """
        tokens: list[list[int]] = [[] for _ in texts]
        rows = list(range(len(texts)))
        enough = self.max_tokens + _MARGIN
        characters = _CHARACTERS_A_TOKEN * enough
        while rows:
            found = dict(zip(rows, self._ids([texts[i][:characters] for i in rows]), strict=True))
            for row, ids in found.items():
                tokens[row] = ids[: self.max_tokens]
            rows = [i for i in rows if len(texts[i]) > characters and len(found[i]) < enough]
            characters *= 8
        return tokens

    def _cut(self, ids: Sequence[int]) -> list[list[int]]:
        """Return the windows of a text, each between [CLS] and [SEP]; one for an empty text."""
        starts = range(0, max(len(ids), 1), self._window)
        first, last = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        return [[first, *ids[start : start + self._window], last] for start in starts]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield row numbers, similar lengths together, within the budget of padded tokens."""
        rows: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            # rows come longest first: the first one sets the padded length of its batch
            if rows and lengths[rows[0]] * (len(rows) + 1) > self._config.batch_tokens:
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    def _forward(self, tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
        padded = self._tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        ids, mask = (padded[key].to(self._bert.device) for key in ("input_ids", "attention_mask"))
        hidden = self._bert(input_ids=ids, attention_mask=mask).last_hidden_state  # (n, length, d)
        sums, counts = _token_sums(hidden, mask)
        return sums.cpu(), counts.cpu()  # on a GPU, sums over rows would vary from run to run


def encode_many(
    encode: Callable[[Sequence[str]], Vectors],
    texts: Sequence[str],
    *,
    done: Callable[[int], None] = lambda _: None,
) -> Vectors:
    """Return the vectors of many texts, in the order given: (n, d) float32, n >= 1.

    encode: texts to (n, d). done: called with the number of texts read since the last call. The
    longest come first, so that texts of like length share a batch and no call takes longer than
    those before it.
    """
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    parts = []
    for start in range(0, len(order), _MANY):
        parts.append(encode([texts[row] for row in order[start : start + _MANY]]))
        done(len(parts[-1]))
    sorted_vectors = np.concatenate(parts)
    vectors = np.empty_like(sorted_vectors)
    vectors[order] = sorted_vectors
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
        config = EncoderConfig(max_tokens=manifest.max_tokens, max_windows=manifest.max_windows)
    except ConfigError as error:
        raise CheckpointError(f"{folder / MANIFEST}: damaged manifest: {error}") from error
    return Encoder(bert, load_tokenizer(folder), config), manifest
