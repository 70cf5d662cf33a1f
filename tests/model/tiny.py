"""Builders of small inputs: a tokenizer, a BERT of a few thousand weights, records, unit rows."""

import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hypothesis import settings
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from model.corpus import Record

same_every_time = settings(deadline=None, derandomize=True, max_examples=80)
"""For property tests: no time limit on a busy machine, the same examples in every run."""

MAX_TOKENS = 32
"""Tokens of a text that the tiny encoder reads, [CLS] and [SEP] included."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    *("the", "red", "blue", "old", "new", "fast", "slow", "small", "big"),
    *("car", "cat", "dog", "ship", "tower", "forest", "river", "stone", "sword", "ring"),
    *("race", "jump", "hide", "build", "cook", "fly", "swim", "sing"),
)
VOCABULARY = (
    *SPECIAL,
    *".,!?",
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *string.digits,
    *WORDS,
)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    pieces = {piece: i for i, piece in enumerate(VOCABULARY)}
    backend = Tokenizer(WordPiece(pieces, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])],
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in names.items()},
    )


def tiny_bert(seed: int = 0, *, spread: float = 0.3, dimension: int = 32) -> BertForMaskedLM:
    """Weights are drawn with deviation `spread`; 0.3 sets different texts clearly apart."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=dimension,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=512,
        initializer_range=spread,
    )
    model: BertForMaskedLM = BertForMaskedLM(config).eval()
    return model


def games(count: int) -> list[Record]:
    """`count` different records whose two sentences share their words, so that there is a trend."""
    rows = []
    for i in range(count):
        a, b, c = WORDS[1 + i % 8], WORDS[9 + i % 10], WORDS[19 + i % 8]
        text = f"The {a} {b} can {c} {i}. Then {c} the {a} {b} again. Do not hide {i}!"
        rows.append(Record(f"g{i}", f"{a} {b} {i}", text))
    return rows


def unit_rows(count: int, dimension: int, *, seed: int) -> Tensor:
    rows = torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_games(path: Path, count: int) -> Path:
    rows = [{"id": r.id, "title": r.title, "description": r.description} for r in games(count)]
    return write_jsonl(path, rows)
