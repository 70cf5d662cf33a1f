import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.corpus import Record
from model.guard import OVERLAP, franchise, lookalikes, overlap, words
from tests.model.tiny import WORDS, same_every_time


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Red Harbour", "red harbour"),
        ("Red Harbour 2", "red harbour"),
        ("RED HARBOUR III", "red harbour"),
        ("Red Harbour: Night Tide", "red harbour"),
        ("Red Harbour IV: Night Tide", "red harbour"),
        ("Red Harbour - Night Tide", "red harbour"),
        ("Red Harbour \u2013 Night Tide", "red harbour"),
        ("Red Harbour (1998)", "red harbour"),
        ("Red-Harbour", "red-harbour"),
        ("1942", "1942"),
        ("X", "x"),
        (": Night", ": night"),
        ("Civil", "civil"),
    ],
)
def test_a_franchise_is_what_sequels_and_editions_share(title: str, expected: str) -> None:
    assert franchise(title) == expected


@pytest.mark.parametrize(
    ("left", "right", "share"),
    [("a b", "a b", 1), ("a b", "c", 0), ("a b c", "B, C! d", 0.5), ("", "", 0), ("a", "", 0)],
)
def test_overlap_is_the_share_of_words_in_common(left: str, right: str, share: float) -> None:
    assert overlap(words(left), words(right)) == share


RECORDS = st.lists(
    st.builds(
        Record,
        id=st.just("g"),
        title=st.sampled_from(["Red", "Red 2", "Red: Blue", "Blue", "blue", "Tower"]),
        description=st.lists(st.sampled_from(WORDS[:6]), min_size=1, max_size=6).map(" ".join),
    ),
    max_size=6,
)


@same_every_time
@given(RECORDS)
def test_lookalikes_match_a_plain_loop(records: list[Record]) -> None:
    found = lookalikes(records)
    assert (found.shape, found.dtype) == ((len(records), len(records)), torch.bool)
    for i, a in enumerate(records):
        for j, b in enumerate(records):
            left, right = set(a.description.split()), set(b.description.split())
            near = len(left & right) / len(left | right) > OVERLAP
            same = a.title.split(":")[0].removesuffix(" 2").lower() == (
                b.title.split(":")[0].removesuffix(" 2").lower()
            )
            assert bool(found[i, j]) == (i != j and (near or same))


def test_the_same_title_franchise_or_text_is_no_negative() -> None:
    rows = [
        Record("a", "Red Harbour", "A ship sails."),
        Record("b", "Red Harbour", "Cook in a small town."),  # the same title
        Record("c", "Red Harbour II", "Swim the river."),  # the same franchise
        Record("d", "Blue Tower", "A ship sails!"),  # the same text
        Record("e", "Old Stone", "Build what no one hides."),
    ]
    assert lookalikes(rows)[0].tolist() == [False, True, True, True, False]
    assert not lookalikes(rows)[4].any()
