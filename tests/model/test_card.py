from dataclasses import replace

import pytest

from model.card import card
from model.checkpoint import Manifest

MANIFEST = Manifest(
    encoder_id="games-0123456789ab",
    dimension=32,
    max_tokens=64,
    text_recipe="title-description-v1",
    base_model="some/base",
    files={},
    data={"catalogue": "games.jsonl", "trained on": 95},
    config={"steps": 600},
    metrics={"held out": {"before": {"MRR": 1.5}, "after": {"MRR": 2.5, "HR@1": 3.5}}, "note": "x"},
)


def test_a_card_says_what_the_manifest_says() -> None:
    text = card(MANIFEST)
    assert text.startswith("# games-0123456789ab\n")
    for fact in ("32 dimensions", "64 tokens", "some/base", "- trained on: 95", "- steps: 600"):
        assert fact in text


def test_measurements_of_several_models_are_one_table() -> None:
    lines = card(MANIFEST).splitlines()
    start = lines.index("| | MRR | HR@1 |")
    assert lines[start + 1 : start + 4] == [
        "|---|---|---|",
        "| before | 1.5 |  |",
        "| after | 2.5 | 3.5 |",
    ]
    assert "- note: x" in lines


def test_a_card_without_figures_has_no_empty_section() -> None:
    bare = Manifest("id", 32, 64, "recipe", "base", files={})
    assert [line for line in card(bare).splitlines() if line.startswith("## ")] == [
        "## Intended use and limits",
        "## Loading",
        "## Long texts",
    ]


@pytest.mark.parametrize(
    ("windows", "facts"),
    [
        (1, ["reads 64 tokens,", "Reads 64 tokens of a text", "the rest is cut."]),
        (3, ["reads up to 3 windows of 64 tokens,", "over the tokens of all windows", "the first"]),
    ],
)
def test_a_card_states_what_is_read_of_a_long_text(windows: int, facts: list[str]) -> None:
    text = card(replace(MANIFEST, max_windows=windows))
    assert [fact for fact in facts if fact not in text] == []
    assert ("Other libraries" in text) == (windows > 1)
