"""RecoBERT (Malkiel et al. 2020, arXiv 2009.13292), written anew from its description.

The method, by the names its authors give the parts (training is in `title_description`). Equation
numbers are left out: we had the abstract and an independent open implementation to go by.

- Title-description model (TDM): half of the training pairs join a description with its own title,
  the others with the title of another item. F_t and F_d are the mean token vectors of title and
  description; C_TDM = (1 + cos(F_t, F_d)) / 2 is trained by binary cross entropy on "own title".
- Masked-language model (MLM): both texts are masked first, 15 % of their tokens, and the same pass
  through BERT serves both losses. L = L_MLM + L_TDM, both with weight 1.
- Inference by four scores between a seed s and a candidate c: title with title, description with
  description, and the TDM crosswise, (t_s, d_c) and (t_c, d_s). The total is their sum.

Where this is not, or may not be, the original:

- Title and description pass through BERT apart, in training as in inference. The paper joins each
  pair in one sequence, so that every seed costs two passes for every item of the catalogue: days
  for tens of thousands of items on a CPU. Apart, every text is read once.
- The means take in [CLS] and [SEP], as those of `model.encoder` do.
- All four scores are on the scale of C_TDM, (1 + cos) / 2, so that they weigh alike.
- The budget is small and stated (`RecoBertConfig`); the paper's is not known to us, and neither is
  how it draws the wrong titles. Here they are drawn evenly from items with another title.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from model.base import load_base
from model.baselines.ranker import BaselineError, Scores, cosines
from model.baselines.title_description import RecoBertConfig, train
from model.baselines.weights import find_weights
from model.checkpoint import publish
from model.config import EncoderConfig
from model.corpus import Record
from model.encoder import Encoder, Vectors, encode_many

SETTINGS = "recobert.json"
"""The file by which a folder with a trained RecoBERT is known."""
FORMAT_VERSION = 1


class RecoBert:
    """The sum of four similarities of titles and descriptions, in [0, 4]."""

    def __init__(  # noqa: PLR0913 - what a person may set of it
        self,
        model: BertForMaskedLM,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int = 256,
        precision: torch.dtype = torch.float32,
        training: RecoBertConfig | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`training` is what the first `fit` does to the model; None if it is trained already.

        precision: in which the catalogue is encoded; training has its own.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._training = training
        self._report = report
        self._reading = EncoderConfig(max_tokens=max_tokens)
        self._precision = precision
        self._sums: Vectors = np.zeros((0, model.config.hidden_size), dtype=np.float32)

    def fit(self, records: Sequence[Record]) -> None:
        """Train on the records if the model is not trained yet, then encode them."""
        if self._training is not None:
            train(self._model, self._tokenizer, records, self._training, report=self._report)
            if self._training.folder is not None:
                save(self._training.folder, self._model, self._tokenizer, self._training)
            self._training = None
        bert = copy.deepcopy(self._model.bert)
        nn.Module.to(bert, dtype=self._precision)
        encode = Encoder(bert, self._tokenizer, self._reading).encode
        titles = encode_many(encode, [record.title for record in records])  # (n, d)
        self._sums = titles + encode_many(encode, [record.description for record in records])

    def scores(self, queries: Sequence[int]) -> Scores:
        """Return the sums of four scores in [0, 1]: (queries, records)."""
        # (t_s + d_s) . (t_c + d_c) is the sum of the four cosines
        scores = cosines(self._sums, queries)
        scores /= 2
        scores += 2
        return scores


def save(
    folder: Path,
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    training: RecoBertConfig,
) -> None:
    """Write a trained model to a new folder, which transformers reads as well.

    Raises `CheckpointError` when the folder holds something already.
    """

    def fill(target: Path) -> None:
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        facts = {"format_version": FORMAT_VERSION, "training": asdict(training)}
        text = json.dumps(facts, indent=2, default=str)  # a path and a dtype are among the settings
        (target / SETTINGS).write_text(text + "\n", encoding="utf-8")

    publish(folder, fill)


def load_recobert(
    folder: Path, *, max_tokens: int = 256, precision: torch.dtype = torch.float32
) -> RecoBert:
    """Return the trained ranker that `save` wrote.

    max_tokens: tokens read of a title and of a description. Raises `BaselineError` for a folder of
    another kind, `BaseModelError` when the weights do not load.
    """
    version = _facts(folder).get("format_version")
    if version != FORMAT_VERSION:
        raise BaselineError(
            f"{folder}: format version {version}, this program reads {FORMAT_VERSION}; train again"
        )
    model, tokenizer = load_base(str(folder))
    return RecoBert(model, tokenizer, max_tokens=max_tokens, precision=precision)


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BaselineError(
            f"{folder}: no readable {SETTINGS}; `recobert` without a folder trains one"
        ) from error
    return facts if isinstance(facts, dict) else {}


def untrained(
    training: RecoBertConfig,
    *,
    max_tokens: int = 256,
    precision: torch.dtype = torch.float32,
    download: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> RecoBert:
    """Return a ranker that trains in its first `fit`.

    Raises `WeightsUnavailable` or `BaseModelError` when the base cannot be had.
    """
    model, tokenizer = load_base(str(find_weights(training.base, download=download)))
    return RecoBert(
        model,
        tokenizer,
        max_tokens=max_tokens,
        precision=precision,
        training=training,
        report=report,
    )
