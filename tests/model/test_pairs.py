import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import CHOICES
from model.corpus import Record
from model.neighbours import Neighbours
from model.pairs import (
    DRAWS,
    Drawing,
    Pair,
    PairSchedule,
    halves,
    identical,
    noised,
    sentences,
    split,
    title_description,
    titled_halves,
    whole_half,
)
from tests.model.tiny import games, same_every_time

SENTENCES = st.lists(
    st.sampled_from("abcdefgh").map("The {} runs.".format), min_size=2, unique=True
)
RED = Record("g", "Red Car", "It is fast. It is old. It can fly.")


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
def test_halves_deal_out_every_sentence_once_and_in_order(parts: list[str], seed: int) -> None:
    pair = halves(Record("g", "Title", " ".join(parts)), random.Random(seed))
    anchor, positive = sentences(pair.anchor), sentences(pair.positive)
    assert set(anchor).isdisjoint(positive)
    assert sorted(anchor + positive) == sorted(parts)
    assert anchor == [part for part in parts if part in anchor]
    assert positive == [part for part in parts if part in positive]


@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_that_is_repeated_is_in_one_passage_only(seed: int) -> None:
    record = Record("g", "Title", "Buy it now! A cat swims. Buy it now! A dog sings. Buy it now!")
    pair = halves(record, random.Random(seed))
    assert set(sentences(pair.anchor)).isdisjoint(sentences(pair.positive))


@pytest.mark.parametrize("draw", [halves, titled_halves])
@pytest.mark.parametrize("description", ["One sentence.", "no mark at the end", "a 1.5 b"])
def test_a_description_of_one_sentence_is_paired_with_the_title(
    description: str, draw: Callable[[Record, random.Random], Pair]
) -> None:
    pair = draw(Record("g", "Pong", description), random.Random(0))
    assert (pair.id, pair.anchor, pair.positive) == ("g", "Pong", description)


def test_a_titled_half_begins_with_the_title() -> None:
    pair, plain = (draw(RED, random.Random(3)) for draw in (titled_halves, halves))
    assert pair.anchor.startswith("Red Car")
    assert pair.anchor.endswith(plain.anchor)
    assert pair.positive == plain.positive


def test_a_whole_text_is_paired_with_a_half_of_its_description() -> None:
    pair = whole_half(RED, random.Random(3))
    assert pair == Pair("g", RED.text, halves(RED, random.Random(3)).positive)
    assert 0 < len(pair.positive) < len(RED.description)


def test_identical_passages_are_the_text_twice() -> None:
    assert identical(RED, random.Random(0)) == Pair("g", RED.text, RED.text)
    assert title_description(RED) == Pair("g", RED.title, RED.description)


@pytest.mark.parametrize("seed", range(5))
def test_a_noised_passage_keeps_some_words_in_order(seed: int) -> None:
    text = " ".join(map(str, range(500)))
    pair = noised(Record("g", "T", text), random.Random(seed))
    kept = [int(word) for word in pair.anchor.split() if word.isdigit()]
    assert kept == sorted(kept)
    assert len(kept) / 500 == pytest.approx(0.4, abs=0.08)
    assert pair.positive.endswith(text)
    assert noised(Record("g", "T", "word"), random.Random(seed)).anchor


def test_every_kind_of_passage_has_its_setting() -> None:
    assert set(DRAWS) == set(CHOICES["passages"])


@same_every_time
@given(st.integers(0, 30), st.floats(0, 1, exclude_max=True), st.integers())
def test_a_split_is_disjoint_and_complete(count: int, heldout: float, seed: int) -> None:
    train, held = split(games(count), heldout=heldout, seed=seed)
    ids = [record.id for record in (*train, *held)]
    assert sorted(ids) == sorted(record.id for record in games(count))
    assert len(held) == round(count * heldout)


def test_a_seed_settles_the_split() -> None:
    first, again, other = (split(games(30), heldout=0.3, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def steps(
    count: int,
    records: list[Record],
    *,
    size: int = 4,
    seed: int = 0,
    drawing: Drawing = Drawing(),  # noqa: B008 - frozen
) -> list[list[Pair]]:
    schedule = PairSchedule(records, size=size, seed=seed, drawing=drawing)
    return [schedule.at(step) for step in range(count)]


def test_no_item_is_twice_in_a_batch_and_each_is_once_in_an_epoch() -> None:
    batches = steps(9, games(12))
    assert all(len({pair.id for pair in batch}) == 4 for batch in batches)
    epochs = [batches[i : i + 3] for i in (0, 3, 6)]
    assert all(len({pair.id for batch in epoch for pair in batch}) == 12 for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_the_last_short_batch_of_an_epoch_is_left_out() -> None:
    assert [len(batch) for batch in steps(7, games(5), size=2)] == [2] * 7
    assert PairSchedule(games(5), size=2, seed=0).steps_per_epoch == 2


def test_a_step_is_the_same_whichever_came_before() -> None:
    schedule = PairSchedule(games(12), size=4, seed=0)
    backwards = [schedule.at(step) for step in reversed(range(9))]
    assert backwards[::-1] == steps(9, games(12))


def test_a_seed_settles_the_batches() -> None:
    first, again, other = (steps(5, games(9), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_epoch_draws_new_passages() -> None:
    assert len({batch[0].anchor for batch in steps(20, games(1), size=1)}) == 3


def test_items_of_like_length_share_a_batch() -> None:
    records = [Record(str(n), f"Game {n}", f"A{'a' * n}. B.") for n in range(64)]
    for batch in steps(16, records):
        places = sorted(int(pair.id) for pair in batch)
        assert places[-1] - places[0] == 3


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 35, 65), (1.0, 100, 100)])
def test_a_share_of_the_pairs_are_title_and_description(share: float, low: int, high: int) -> None:
    drawn = [
        pair for batch in steps(25, games(12), drawing=Drawing(title_share=share)) for pair in batch
    ]
    titles = {record.title for record in games(12)}
    assert low <= sum(pair.anchor in titles for pair in drawn) <= high


NEAR = Neighbours(
    mutual=[[i + 6 if i < 6 else i - 6] for i in range(11)] + [[]],  # the last one has none
    rivals=[[(i + 1) % 12, (i + 2) % 12] for i in range(12)],
)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 25, 50), (1.0, 70, 90)])
def test_a_share_of_the_positives_are_of_a_mutual_neighbour(
    share: float, low: int, high: int
) -> None:
    drawing = Drawing(neighbours=NEAR, mutual=share)
    drawn = [pair for batch in steps(25, games(12), drawing=drawing) for pair in batch]
    records = {record.id: record for record in games(12)}
    others = [pair for pair in drawn if pair.positive not in possible(records[pair.id])]
    assert low <= len(others) <= high
    for pair in others:
        (partner,) = NEAR.mutual[int(pair.id[1:])]
        assert pair.positive in possible(records[f"g{partner}"])
        assert pair.anchor in possible(records[pair.id])


def test_a_mutual_neighbour_in_the_batch_is_no_partner() -> None:
    drawing = Drawing(neighbours=NEAR, mutual=1.0)
    for batch in steps(25, games(12), drawing=drawing):
        rows = {int(pair.id[1:]) for pair in batch}
        for pair in batch:
            partners = set(NEAR.mutual[int(pair.id[1:])]) - rows
            own = pair.positive in possible(games(12)[int(pair.id[1:])])
            assert own is not bool(partners)


def possible(record: Record) -> set[str]:
    """All halves of a record of three sentences."""
    return {half for seed in range(40) for half in passages(record, seed)}


def passages(record: Record, seed: int) -> tuple[str, str]:
    pair = halves(record, random.Random(seed))
    return pair.anchor, pair.positive


def test_hard_negatives_share_a_batch() -> None:
    for mined, least in ((0, 0), (1, 4), (2, 6)):
        batches = steps(8, games(12), size=6, drawing=Drawing(neighbours=NEAR, mined=mined))
        rows = [{int(pair.id[1:]) for pair in batch} for batch in batches]
        assert all(len(row) == 6 for row in rows)
        assert all(sorted(rows[i] | rows[i + 1]) == list(range(12)) for i in range(0, 8, 2))
        assert sum(bool({(i + 1) % 12, (i + 2) % 12} & row) for row in rows for i in row) >= (
            least * len(rows) // 2
        )


def test_a_batch_larger_than_the_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="3 records cannot fill a batch of 4"):
        PairSchedule(games(3), size=4, seed=0)
