from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from model.config import EncoderConfig
from model.encoder import Encoder, TokenUse, Vectors, load_encoder, load_tokenizer, pool
from tests.model.tiny import MAX_TOKENS, WORDS, same_every_time, tiny_bert, tiny_tokenizer

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
PIECES = st.sampled_from(
    [
        "red cat ",
        "towering",
        "x" * 150,
        "漢字",
        "e\u0301",
        "[SEP]",
        "!?",
        " " * 9,
        "the river. ",
    ]
)
READINGS = st.builds(
    EncoderConfig,
    max_tokens=st.integers(8, 16),
    max_windows=st.integers(1, 5),
    batch_tokens=st.integers(16, 99),
)


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


def read_plainly(
    model: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast, text: str, config: EncoderConfig
) -> Vectors:
    """The policy in a loop: window by window, then one mean over every token of them all."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    size, hidden = config.max_tokens - 2, []
    for start in range(0, max(len(ids), 1), size)[: config.max_windows]:
        window = [tokenizer.cls_token_id, *ids[start : start + size], tokenizer.sep_token_id]
        with torch.inference_mode():
            hidden.append(model.bert(torch.tensor([window])).last_hidden_state[0])
    vector: Vectors = torch.nn.functional.normalize(torch.cat(hidden).mean(dim=0), dim=0).numpy()
    return vector


@same_every_time
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=4), READINGS)
def test_windows_match_a_plain_loop_alone_and_in_a_batch(
    texts: list[str], config: EncoderConfig
) -> None:
    model, tokenizer = tiny_bert(), tiny_tokenizer()
    encoder = Encoder(model.bert, tokenizer, config)
    wanted = np.stack([read_plainly(model, tokenizer, text, config) for text in texts])
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert cosines(encoder.encode(texts), wanted).min() >= 0.9999
    assert cosines(alone, wanted).min() >= 0.9999


@same_every_time
@given(st.lists(PIECES, min_size=1, max_size=3).map("".join), st.integers(1, 4))
def test_of_a_text_far_too_long_the_same_tokens_are_read_as_of_all_its_tokens(
    piece: str, windows: int
) -> None:
    tokenizer = tiny_tokenizer()
    encoder = Encoder(tiny_bert().bert, tokenizer, EncoderConfig(max_tokens=8, max_windows=windows))
    text = piece * (9000 // len(piece))
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert encoder._read([text, "cat"]) == [ids[: 6 * windows], tokenizer("cat")["input_ids"][1:-1]]


@pytest.mark.parametrize("text", [*TEXTS, "stone " * 5000])
def test_one_window_is_truncation_to_the_bit(
    text: str, bert: BertForMaskedLM, encoder: Encoder, tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens = tokenizer([text], truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    with torch.inference_mode():
        vectors = pool(bert.bert(**tokens).last_hidden_state, tokens["attention_mask"])
    np.testing.assert_array_equal(encoder.encode([text]), vectors.numpy())


def test_windows_are_read_as_far_as_they_go(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = Encoder(bert.bert, tokenizer, EncoderConfig(max_tokens=8, max_windows=3))
    assert encoder.max_tokens == 18
    assert encoder.token_use("cat " * 18) == (18, 18)
    assert encoder.token_use("cat " * 5000) == (18, 5000)
    kept, cut = " ".join(WORDS[:18]), " ".join(WORDS[:17])
    vectors = encoder.encode([kept, f"{kept} and everything behind it", cut])
    assert vectors[0] @ vectors[1] >= 0.9999
    assert vectors[0] @ vectors[2] < 0.9999


def test_only_the_beginning_of_a_very_long_text_is_tokenised(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    given: list[int] = []

    class Watched(Encoder):
        def _ids(self, texts: Sequence[str]) -> list[list[int]]:
            given.extend(len(text) for text in texts)
            return super()._ids(texts)

    encoder = Watched(bert.bert, tokenizer, EncoderConfig(max_tokens=32, max_windows=64))
    vectors = encoder.encode(["fast car race jump " * 25_000, "short"])  # 100,000 words
    assert vectors.shape == (2, 32)
    assert max(given) < 20_000


def test_token_use_is_not_changed_by_encoding(encoder: Encoder) -> None:
    encoder.encode([LONG])
    assert encoder.token_use(LONG) == (30, 81)


def test_no_pass_is_larger_than_its_budget_of_padded_tokens(
    bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    shapes: list[torch.Size] = []

    def look(_module: Any, _args: Any, inputs: dict[str, torch.Tensor]) -> None:
        shapes.append(inputs["input_ids"].shape)

    hook = bert.bert.register_forward_pre_hook(look, with_kwargs=True)
    for windows, expected in ((1, len(TEXTS)), (2, len(TEXTS) + 2)):  # two texts are long
        config = EncoderConfig(max_tokens=MAX_TOKENS, max_windows=windows, batch_tokens=64)
        shapes.clear()
        Encoder(bert.bert, tokenizer, config).encode(TEXTS * 3)
        assert sum(rows for rows, _ in shapes) == 3 * expected
        assert max(rows * length for rows, length in shapes) <= 64
    hook.remove()


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
