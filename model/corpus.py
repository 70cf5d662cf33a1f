"""Raw catalogue files to records; everything that is dropped is counted and explained."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from model.rows import Row, read_rows
from model.text import clean, item_text, text_hash


class CorpusError(ValueError):
    """The catalogue holds too little to work with; the message says what was dropped and why."""


Tag = tuple[str, str]
"""A field's name and one of its values: ("genre", "Puzzle"). A list has a tag for each entry."""


@dataclass(frozen=True)
class Record:
    """One item of a catalogue.

    tags: values of further columns, where they were asked for. They are never part of the text.
    """

    id: str
    title: str
    description: str
    tags: tuple[Tag, ...] = ()

    @property
    def text(self) -> str:
        """The string that is embedded."""
        return item_text(self.title, self.description)


@dataclass
class Corpus:
    """The records of a file, in file order, and how many rows were dropped for which reason."""

    records: list[Record] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """Return one line for a person: `3 records kept, 2 dropped (empty description 2)`."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.dropped.most_common())
        detail = f" ({reasons})" if reasons else ""
        return f"{len(self.records)} records kept, {self.dropped.total()} dropped{detail}"


def read_corpus(path: Path, *, at_least: int = 1, tags: Collection[str] = ()) -> Corpus:
    """Read a catalogue file (CSV or JSON Lines, optionally `.gz`).

    Rows need a `title` and a `description`; `id` defaults to the line number. tags: further
    columns to keep. Raises `RowsError` for an unreadable file, `CorpusError` when fewer than
    `at_least` records remain or no record has one of the columns.
    """
    corpus = collect(read_rows(path), tags=tags)
    if len(corpus.records) < at_least:
        raise CorpusError(
            f"{path.name}: {corpus.summary()}; at least {at_least} with a title and a "
            "description are needed"
        )
    present = {name for record in corpus.records for name, _ in record.tags}
    if missing := sorted(set(tags) - present):
        raise CorpusError(f"{path.name}: no record has a value in column {missing[0]!r}")
    return corpus


def collect(rows: Iterable[Row], *, tags: Collection[str] = ()) -> Corpus:
    """Turn rows into records, dropping what cannot be trained on."""
    corpus = Corpus()
    ids: set[str] = set()
    texts: set[str] = set()
    for row in rows:
        record, reason = _record(row, tags)
        if record is None:
            corpus.dropped[reason] += 1
        elif record.id in ids:
            corpus.dropped["repeated id"] += 1
        elif text_hash(record.text) in texts:
            corpus.dropped["repeated text"] += 1
        else:
            ids.add(record.id)
            texts.add(text_hash(record.text))
            corpus.records.append(record)
    return corpus


def _record(row: Row, tags: Collection[str]) -> tuple[Record | None, str]:
    if row.fields is None:
        return None, "unreadable line"
    title, description = row.fields.get("title", ""), row.fields.get("description", "")
    if not isinstance(title, str) or not isinstance(description, str):
        return None, "title or description is not a text"
    if not clean(title):
        return None, "empty title"
    if not clean(description):
        return None, "empty description"
    given = row.fields.get("id")
    name = str(row.line if given is None else given)
    kept = tuple((tag, value) for tag in tags for value in _values(row.fields.get(tag)))
    return Record(name, clean(title), clean(description), kept), ""


def _values(field: object) -> list[str]:
    """Return the values of a column as texts; none for an empty one."""
    entries = field if isinstance(field, list) else [field]
    return [text for entry in entries if entry is not None and (text := clean(str(entry)))]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
