"""Raw catalogue files to records; everything that is dropped is counted and explained."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from model.rows import Row, read_rows
from model.text import clean, item_text, text_hash


class CorpusError(ValueError):
    """The catalogue holds too little to work with; the message says what was dropped and why."""


@dataclass(frozen=True)
class Record:
    """One item of a catalogue."""

    id: str
    title: str
    description: str

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


def read_corpus(path: Path, *, at_least: int = 1) -> Corpus:
    """Read a catalogue file (CSV or JSON Lines, optionally `.gz`).

    Rows need a `title` and a `description`; `id` defaults to the line number. Raises `RowsError`
    for an unreadable file, `CorpusError` when fewer than `at_least` records remain.
    """
    corpus = collect(read_rows(path))
    if len(corpus.records) < at_least:
        raise CorpusError(
            f"{path.name}: {corpus.summary()}; at least {at_least} with a title and a "
            "description are needed"
        )
    return corpus


def collect(rows: Iterable[Row]) -> Corpus:
    """Turn rows into records, dropping what cannot be trained on."""
    corpus = Corpus()
    ids: set[str] = set()
    texts: set[str] = set()
    for row in rows:
        record, reason = _record(row)
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


def _record(row: Row) -> tuple[Record | None, str]:
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
    return Record(name, clean(title), clean(description)), ""


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
