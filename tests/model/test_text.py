import hashlib
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.text import clean, item_text, text_hash
from tests.model.tiny import same_every_time

AWKWARD = st.one_of(st.characters(), st.sampled_from(" \t\n\r\x00\x07\x1c\x85\u0301\u2028e\ud800"))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  Pong \t\r\n  again ", "Pong again"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u00bd \ufb01ve", "\u00bd \ufb01ve"),  # composed, not simplified
        ("no\u00a0break \u2003 wide", "no break wide"),
        ("bell\x07 and \x00nul", "bell and nul"),
        ("lone \ud800surrogate", "lone surrogate"),
        ("line\x85feed", "line feed"),
        (" \x00 ", ""),
        ("", ""),
    ],
)
def test_clean_settles_white_space_composition_and_control_characters(
    raw: str, cleaned: str
) -> None:
    assert clean(raw) == cleaned


@same_every_time
@given(st.text(AWKWARD))
@example("a \x00 b")
@example("e\x00\u0301")
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)


@same_every_time
@given(st.text(AWKWARD))
@example("e\x00\u0301")
@example("a \x00 b")
def test_cleaned_text_is_composed_printable_and_single_spaced(raw: str) -> None:
    text = clean(raw)
    assert "  " not in text
    assert text == text.strip()
    assert unicodedata.is_normalized("NFC", text)
    assert {unicodedata.category(character) for character in text}.isdisjoint({"Cc", "Cs"})


@pytest.mark.parametrize(
    ("title", "description", "text"),
    [
        ("Pong", "Two paddles and\n a ball.", "Pong. Two paddles and a ball."),
        ("Pong", " \n", "Pong"),
        ("\x00", "Two paddles.", "Two paddles."),
        ("", "", ""),
    ],
)
def test_item_text_joins_the_parts_that_hold_something(
    title: str, description: str, text: str
) -> None:
    assert item_text(title, description) == text


@same_every_time
@given(st.text(AWKWARD), st.text(AWKWARD))
def test_every_item_text_can_be_hashed(title: str, description: str) -> None:
    text = item_text(title, description)
    assert text_hash(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_one_character_more_is_another_hash() -> None:
    assert text_hash("Pong") == text_hash("Pong")
    assert text_hash("Pong") != text_hash("Pong.")
