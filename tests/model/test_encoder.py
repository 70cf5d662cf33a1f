from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.config import EncoderConfig
from model.encoder import Encoder, TokenUse, Vectors, load_encoder, load_tokenizer, pool
from tests.model.tiny import MAX_TOKENS, WORDS, tiny_bert

LONG = " ".join(WORDS * 3)
TEXTS = [
    "red cat",
    LONG,
    "",
    "the old tower, the forest!",
    f"blue {LONG}",
    "stone",
    "red cat sings",
]


def cosines(left: Vectors, right: Vectors) -> Vectors:
    found: Vectors = (left * right).sum(axis=1)
    return found


def test_a_text_gives_the_same_vector_alone_and_beside_long_ones(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert cosines(together, alone).min() >= 0.9999


def test_vectors_come_in_the_order_of_the_texts(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert cosines(vectors, encoder.encode(TEXTS[::-1])[::-1]).min() >= 0.9999
    assert np.triu(vectors @ vectors.T, k=1).max() < 0.999  # texts are told apart at all


def test_vectors_are_float32_and_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    vectors = encoder.encode([])
    assert vectors.shape == (0, 32)
    assert vectors.dtype == np.float32


def test_a_text_is_cut_behind_max_tokens(encoder: Encoder) -> None:
    assert encoder.max_tokens == MAX_TOKENS - 2
    kept, cut = " ".join((WORDS * 2)[:30]), " ".join((WORDS * 2)[:29])
    vectors = encoder.encode([kept, f"{kept} and everything behind it", cut])
    assert vectors[0] @ vectors[1] >= 0.9999
    assert vectors[0] @ vectors[2] < 0.9999


@pytest.mark.parametrize(
    ("text", "use"),
    [("", (0, 0)), ("red cat", (2, 2)), ("cat " * 30, (30, 30)), ("cat " * 31, (30, 31))],
)
def test_token_use_tells_how_much_is_read(
    encoder: Encoder, text: str, use: tuple[int, int]
) -> None:
    assert encoder.token_use(text) == TokenUse(*use)


def test_token_use_is_not_changed_by_encoding(encoder: Encoder) -> None:
    encoder.encode([LONG])
    assert encoder.token_use(LONG) == (30, 81)


def test_no_pass_is_larger_than_its_budget_of_padded_tokens(
    bert: BertForMaskedLM, encoder: Encoder
) -> None:
    shapes: list[torch.Size] = []

    def look(_module: Any, _args: Any, inputs: dict[str, torch.Tensor]) -> None:
        shapes.append(inputs["input_ids"].shape)

    hook = bert.bert.register_forward_pre_hook(look, with_kwargs=True)
    encoder.encode(TEXTS * 3)
    hook.remove()
    assert sum(rows for rows, _ in shapes) == 3 * len(TEXTS)
    assert max(rows * length for rows, length in shapes) <= 64


def test_encoding_has_no_dropout_even_behind_training(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert().train()
    encoder = Encoder(model.bert, tokenizer, EncoderConfig())
    np.testing.assert_array_equal(encoder.encode(["red cat"]), encoder.encode(["red cat"]))


def test_damaged_weights_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    model = tiny_bert()
    torch.nn.init.constant_(model.bert.embeddings.word_embeddings.weight, float("nan"))
    with pytest.raises(ValueError, match="not finite; are its weights damaged"):
        Encoder(model.bert, tokenizer, EncoderConfig()).encode(["red cat"])


def test_pool_matches_a_plain_loop() -> None:
    hidden = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    lengths = [4, 1, 2]
    mask = torch.tensor([[int(i < length) for i in range(4)] for length in lengths])
    means = [hidden[row, :length].mean(dim=0) for row, length in enumerate(lengths)]
    torch.testing.assert_close(
        pool(hidden, mask), torch.stack([mean / mean.norm() for mean in means])
    )


def test_pool_of_an_empty_batch_or_only_padding_is_finite() -> None:
    assert pool(torch.zeros(0, 4, 5), torch.zeros(0, 4)).shape == (0, 5)
    hidden = torch.ones(1, 4, 5, requires_grad=True)
    vectors = pool(hidden, torch.zeros(1, 4, dtype=torch.int64))
    vectors.sum().backward()
    assert not vectors.any()
    assert hidden.grad is not None
    assert hidden.grad.isfinite().all()


def test_a_loaded_tokenizer_cuts_words_like_the_saved_one(
    checkpoint: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    loaded = load_tokenizer(checkpoint)
    assert loaded(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    assert loaded.all_special_ids == tokenizer.all_special_ids


def test_a_loaded_encoder_gives_the_vectors_of_the_saved_one(
    checkpoint: Path, encoder: Encoder
) -> None:
    loaded, manifest = load_encoder(checkpoint)
    assert (manifest.dimension, manifest.max_tokens) == (loaded.dimension, MAX_TOKENS)
    assert loaded.max_tokens == encoder.max_tokens
    assert cosines(loaded.encode(TEXTS), encoder.encode(TEXTS)).min() >= 0.9999  # half precision


@pytest.mark.slow
def test_the_shipped_encoder_knows_what_is_near(shipped: Path) -> None:
    encoder, _ = load_encoder(shipped)
    track, circuit, farm = encoder.encode(
        [
            "Race sports cars around a wet track and overtake on the last lap.",
            "Drivers fight for pole position on a famous motor circuit.",
            "Plant turnips, water them every morning and marry a villager.",
        ]
    )
    assert track @ circuit > max(track @ farm, circuit @ farm) + 0.1


@pytest.mark.slow
def test_the_shipped_encoder_gives_one_vector_for_a_text_in_any_company(shipped: Path) -> None:
    encoder, _ = load_encoder(shipped)
    short = "Two paddles and a ball."
    alone = encoder.encode([short])
    beside = encoder.encode(["A long walk through a dark forest. " * 60, short, "Chess", short * 9])
    assert float(alone[0] @ beside[1]) >= 0.9999
