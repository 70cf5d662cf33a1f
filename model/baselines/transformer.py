"""Pretrained encoders as they are: any transformers or sentence-transformers model."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from model.baselines.ranker import BaselineError, Dense, WeightsUnavailable
from model.baselines.weights import find_weights, one_line
from model.config import EncoderConfig
from model.encoder import Encoder, Vectors
from model.similarity import normalized

Pooling = Literal["mean", "cls"]
MODULES = "modules.json"
"""The file by which a sentence-transformers folder is known."""


class ClsEncoder(Encoder):
    """An encoder whose vector is the unit output of a text's first token, BERT's [CLS]."""

    def _forward(self, tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
        padded = self._tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        hidden = self._bert(**padded.to(self._bert.device)).last_hidden_state  # (n, length, d)
        return hidden[:, 0].float().cpu(), torch.ones(len(tokens), 1)  # the "sum" of one token


def load_transformer(  # noqa: PLR0913 - what a person may set of an encoder
    name: str,
    *,
    pooling: Pooling = "mean",
    max_tokens: int = 256,
    precision: torch.dtype = torch.float32,
    download: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> Dense:
    """Return the ranker of an encoder such as BERT or RoBERTa, without further training.

    name: a folder or a hub name. pooling: the mean of the token vectors, or the first token's.
    max_tokens: tokens read of a text, special ones included; fewer if the model reads fewer.
    Raises `WeightsUnavailable`.
    """
    folder = find_weights(name, download=download)
    try:
        model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=precision)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsUnavailable(name, f"{folder} does not load: {one_line(error)}") from error
    for kind in ("pad", "cls", "sep"):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise BaselineError(f"{name}: its tokenizer has no {kind} token; is it an encoder?")
    # RoBERTa counts positions from its padding token's number + 1; a token less hurts no other
    positions = getattr(model.config, "max_position_embeddings", 512) - tokenizer.pad_token_id - 1
    config = EncoderConfig(max_tokens=min(max_tokens, positions, tokenizer.model_max_length))
    encoder = (ClsEncoder if pooling == "cls" else Encoder)(model, tokenizer, config)
    return Dense(encoder.encode, report=report)


def load_sentence_transformer(
    name: str,
    *,
    precision: torch.dtype = torch.float32,
    download: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> Dense:
    """Return the ranker of a sentence-transformers model, on the CPU.

    name: a folder or a hub name. The model's own pooling and number of tokens hold; vectors are
    brought to length 1. Raises `WeightsUnavailable`.
    """
    folder = find_weights(name, download=download)
    if not (folder / MODULES).is_file():
        raise WeightsUnavailable(name, f"{folder} has no {MODULES}: not of sentence-transformers")
    try:
        model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsUnavailable(name, f"{folder} does not load: {one_line(error)}") from error

    def encode(texts: Sequence[str]) -> Vectors:
        vectors = model.encode(list(texts), show_progress_bar=False, normalize_embeddings=True)
        return normalized(np.asarray(vectors))  # half precision is not quite at length 1

    return Dense(encode, report=report)
