import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.corpus import Record
from model.pairs import draw_pair, pair_batches, sentences, split
from tests.model.tiny import games, same_every_time

SENTENCES = st.lists(
    st.sampled_from("abcdefgh").map("The {} runs.".format), min_size=2, unique=True
)


def test_sentences_end_behind_their_marks() -> None:
    assert sentences("Run! Version 1.5 is out. Why? Because") == [
        "Run!",
        "Version 1.5 is out.",
        "Why?",
        "Because",
    ]
    assert sentences("") == []


@same_every_time
@given(SENTENCES, st.integers())
def test_a_pair_deals_out_every_sentence_once_and_in_order(parts: list[str], seed: int) -> None:
    pair = draw_pair(Record("g", "Title", " ".join(parts)), random.Random(seed))
    anchor, positive = sentences(pair.anchor), sentences(pair.positive)
    assert set(anchor).isdisjoint(positive)
    assert sorted(anchor + positive) == sorted(parts)
    assert anchor == [part for part in parts if part in anchor]
    assert positive == [part for part in parts if part in positive]


@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_that_is_repeated_is_in_one_passage_only(seed: int) -> None:
    record = Record("g", "Title", "Buy it now! A cat swims. Buy it now! A dog sings. Buy it now!")
    pair = draw_pair(record, random.Random(seed))
    assert set(sentences(pair.anchor)).isdisjoint(sentences(pair.positive))


@pytest.mark.parametrize("description", ["One sentence.", "no mark at the end", "a 1.5 b"])
def test_a_description_of_one_sentence_is_paired_with_the_title(description: str) -> None:
    pair = draw_pair(Record("g", "Pong", description), random.Random(0))
    assert (pair.id, pair.anchor, pair.positive) == ("g", "Pong", description)


@same_every_time
@given(
    st.integers(0, 30),
    st.floats(0, 1, exclude_max=True),
    st.integers(),
)
def test_a_split_is_disjoint_and_complete(count: int, heldout: float, seed: int) -> None:
    train, held = split(games(count), heldout=heldout, seed=seed)
    ids = [record.id for record in (*train, *held)]
    assert sorted(ids) == sorted(record.id for record in games(count))
    assert len(held) == round(count * heldout)


def test_a_seed_settles_the_split() -> None:
    first, again, other = (split(games(30), heldout=0.3, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_item_is_twice_in_a_batch_and_each_is_once_in_an_epoch() -> None:
    batches = list(islice(pair_batches(games(12), size=4, seed=0), 9))
    assert all(len({pair.id for pair in batch}) == 4 for batch in batches)
    epochs = [batches[i : i + 3] for i in (0, 3, 6)]
    assert all(len({pair.id for batch in epoch for pair in batch}) == 12 for epoch in epochs)


def test_the_last_short_batch_of_an_epoch_is_left_out() -> None:
    batches = islice(pair_batches(games(5), size=2, seed=0), 7)
    assert [len(batch) for batch in batches] == [2] * 7


def test_a_seed_settles_the_batches() -> None:
    first, again, other = (
        list(islice(pair_batches(games(9), size=3, seed=s), 5)) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_an_epoch_draws_new_passages() -> None:
    drawn = {batch[0].anchor for batch in islice(pair_batches(games(1), size=1, seed=0), 20)}
    assert len(drawn) == 3


def test_a_batch_larger_than_the_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="3 records cannot fill a batch of 4"):
        next(pair_batches(games(3), size=4, seed=0))
