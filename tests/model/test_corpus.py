import hashlib
from pathlib import Path
from typing import Any

import pytest

from model.corpus import CorpusError, Record, collect, file_digest, read_corpus
from model.rows import Row
from model.text import item_text, text_hash
from tests.model.tiny import games, write_games, write_jsonl


def row(line: int = 1, **fields: Any) -> Row:
    return Row(
        line, {"id": f"g{line}", "title": "Pong", "description": f"Number {line}.", **fields}
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Row(2, problem="not valid JSON"), "unreadable line"),
        (row(2, title=" \n"), "empty title"),
        (row(2, description="\x00"), "empty description"),
        (row(2, title=7), "title or description is not a text"),
        (row(2, description=None), "title or description is not a text"),
        (row(2, id="g1"), "repeated id"),
        (row(2, title=" Pong", description="Number\t1."), "repeated text"),
        (Row(2, {"id": "g2", "description": "No title."}), "empty title"),
        (Row(2, {"id": "g2", "title": "Pong"}), "empty description"),
    ],
)
def test_what_cannot_be_trained_on_is_dropped_and_counted(bad: Row, reason: str) -> None:
    corpus = collect([row(1), bad, row(3)])
    assert [record.id for record in corpus.records] == ["g1", "g3"]
    assert corpus.dropped == {reason: 1}


def test_the_summary_counts_reasons_most_frequent_first() -> None:
    corpus = collect([row(1), row(2, title=""), row(3, description=""), row(4, description="")])
    assert corpus.summary() == "1 records kept, 3 dropped (empty description 2, empty title 1)"
    assert collect([]).summary() == "0 records kept, 0 dropped"


def test_a_dropped_row_does_not_use_up_its_id_or_text() -> None:
    corpus = collect([row(1, description=""), row(2, id="g1"), row(3, description="Number 2.")])
    assert [record.id for record in corpus.records] == ["g1"]
    assert corpus.dropped == {"empty description": 1, "repeated text": 1}


@pytest.mark.parametrize(("given", "kept"), [("g7", "g7"), (7, "7"), (None, "4")])
def test_an_id_is_a_text_and_stands_for_the_line_where_there_is_none(given: Any, kept: str) -> None:
    assert [record.id for record in collect([row(4, id=given)]).records] == [kept]


def test_rows_without_an_id_are_named_by_their_line() -> None:
    rows = [Row(n, {"title": "Pong", "description": f"Number {n}."}) for n in (2, 5)]
    assert [record.id for record in collect(rows).records] == ["2", "5"]


def test_records_hold_cleaned_text() -> None:
    (record,) = collect([row(1, title=" Po\x00ng ", description="Two\n\npaddles \ud800.")]).records
    assert record == Record("g1", "Pong", "Two paddles .")
    assert record.text == item_text(record.title, record.description)
    assert text_hash(record.text)


def test_a_catalogue_file_is_read_in_order(tmp_path: Path) -> None:
    corpus = read_corpus(write_games(tmp_path / "games.jsonl", 5))
    assert corpus.records == games(5)
    assert corpus.dropped.total() == 0


def test_a_catalogue_of_one_item_is_read_and_too_small_for_more(tmp_path: Path) -> None:
    path = write_games(tmp_path / "one.jsonl", 1)
    assert read_corpus(path).records == games(1)
    with pytest.raises(CorpusError, match=r"^one\.jsonl: 1 records kept.*at least 3 with a title"):
        read_corpus(path, at_least=3)


def test_a_catalogue_without_a_usable_row_says_why(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "bad.jsonl", [{"name": "Pong"}, {"name": "Chess"}])
    with pytest.raises(CorpusError, match=r"0 records kept, 2 dropped \(empty title 2\)"):
        read_corpus(path)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = write_games(tmp_path / "games.jsonl", 2)
    assert file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_tags_come_from_named_columns_only() -> None:
    fields = {"title": "Pong", "description": "Paddles.", "genres": ["Sport", " ", "Arcade"]}
    row = Row(1, {**fields, "year": 1972, "secret": "x"})
    [record] = collect([row], tags=("year", "genres")).records
    assert record.tags == (("year", "1972"), ("genres", "Sport"), ("genres", "Arcade"))
    assert collect([row]).records[0].tags == ()


def test_an_absent_tag_column_is_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "c.jsonl", [{"title": "a", "description": "b", "genre": None}])
    with pytest.raises(CorpusError, match="'genre'"):
        read_corpus(path, tags=("genre",))
