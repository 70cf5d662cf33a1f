"""Items, vectors and the change log in SQL: all their queries and transactions."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, delete, func, insert, literal, select, update
from sqlalchemy import exists as sql_exists
from sqlalchemy.engine import RowMapping

from app.store.engine import in_parts, reading, writing
from app.tables import ChangeRow, ItemRow, SequenceRow, VectorRow
from app.types import Change, Item, Outcome, Vector, Write

_ITEM = (ItemRow.id, ItemRow.title, ItemRow.description, ItemRow.attributes)


class SqlItemStore:
    """Items and vectors on SQLite or PostgreSQL; also the change log that indexes follow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, item_id: str) -> Item | None:
        """Return one item."""
        return self.get_many([item_id]).get(item_id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        """Return the items that exist, by id."""
        with reading(self._engine) as connection:
            return {item.id: item for item in _items(connection, ids)}

    def page(self, after: str | None, limit: int) -> list[Item]:
        """Return items in id order, behind `after`."""
        query = select(*_ITEM).order_by(ItemRow.id).limit(limit)
        if after is not None:
            query = query.where(ItemRow.id > after)
        with reading(self._engine) as connection:
            return [_item(row) for row in connection.execute(query).mappings()]

    def count(self) -> int:
        """Return the number of items."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(ItemRow)).scalar_one()

    def embedded(self, encoder_id: str, hashes: Sequence[str]) -> set[str]:
        """Return those hashes that have a vector."""
        with reading(self._engine) as connection:
            return _embedded(connection, encoder_id, hashes)

    def write(
        self, encoder_id: str, writes: Sequence[Write], vectors: Mapping[str, Vector]
    ) -> list[Outcome]:
        """Store items and new vectors (by hash) in one transaction."""
        with writing(self._engine) as connection:
            return write_items(connection, encoder_id, writes, vectors)

    def delete(self, item_id: str) -> bool:
        """Delete an item; False if there was none."""
        with writing(self._engine) as connection:
            number = _next_sequence(connection, 1)
            gone = connection.execute(delete(ItemRow).where(ItemRow.id == item_id)).rowcount > 0
            if gone:
                _record_changes(connection, [Change(number, item_id, None)])
            return gone

    def add_vectors(self, encoder_id: str, vectors: Mapping[str, Vector]) -> None:
        """Store vectors of texts already in the catalogue; their items count as changed."""
        with writing(self._engine) as connection:
            _next_sequence(connection, 0)  # takes the writers' turn
            _add_vectors(connection, encoder_id, vectors)
            items = _ids_of(connection, vectors)
            first = _next_sequence(connection, len(items)) - len(items) + 1
            changes = [Change(first + i, *item) for i, item in enumerate(items)]
            _record_changes(connection, changes)

    def not_embedded(self, encoder_id: str, limit: int) -> list[Item]:
        """Return items whose text the encoder has not embedded."""
        has_vector = sql_exists().where(
            VectorRow.encoder_id == encoder_id, VectorRow.text_hash == ItemRow.text_hash
        )
        query = select(*_ITEM).where(~has_vector).order_by(ItemRow.id).limit(limit)
        with reading(self._engine) as connection:
            return [_item(row) for row in connection.execute(query).mappings()]

    def changes_since(self, sequence: int) -> list[Change]:
        """Return the newest state of each item changed behind `sequence`, in sequence order."""
        query = (
            select(ChangeRow.sequence, ChangeRow.item_id, ChangeRow.text_hash)
            .where(ChangeRow.sequence > sequence)
            .order_by(ChangeRow.sequence)
        )
        with reading(self._engine) as connection:
            return [Change(*row) for row in connection.execute(query)]

    def vectors(self, encoder_id: str, hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that exist, by hash."""
        query = select(VectorRow.text_hash, VectorRow.vector).where(
            VectorRow.encoder_id == encoder_id
        )
        with reading(self._engine) as connection:
            return {
                row.text_hash: np.frombuffer(row.vector, dtype="<f4")
                for part in in_parts(hashes)
                for row in connection.execute(query.where(VectorRow.text_hash.in_(part)))
            }


def write_items(
    connection: Connection,
    encoder_id: str,
    writes: Sequence[Write],
    vectors: Mapping[str, Vector],
) -> list[Outcome]:
    """Store items, their new vectors and the changes within the caller's transaction.

    Ids must differ from one another. Vectors that are stored already are left alone.
    """
    last = _next_sequence(connection, len(writes))
    stored = {item.id: item for item in _items(connection, [w.item.id for w in writes])}
    outcomes = [_outcome(stored.get(write.item.id), write.item) for write in writes]
    _add_vectors(connection, encoder_id, vectors)
    by_outcome: dict[Outcome, list[Write]] = {outcome: [] for outcome in Outcome}
    for write, outcome in zip(writes, outcomes, strict=True):
        by_outcome[outcome].append(write)
    if rows := [_row(write) for write in by_outcome[Outcome.CREATED]]:
        connection.execute(insert(ItemRow), rows)
    for row in (_row(write) for write in by_outcome[Outcome.UPDATED]):
        connection.execute(
            update(ItemRow).where(ItemRow.id == row["id"]).values(**row, updated_at=func.now())
        )
    changed = by_outcome[Outcome.CREATED] + by_outcome[Outcome.UPDATED]
    first = last - len(writes) + 1
    _record_changes(
        connection,
        [Change(first + i, write.item.id, write.text_hash) for i, write in enumerate(changed)],
    )
    return outcomes


def _outcome(stored: Item | None, item: Item) -> Outcome:
    if stored is None:
        return Outcome.CREATED
    # as JSON too: for Python, 1, 1.0 and true are equal
    same = stored == item and json.dumps(stored.attributes) == json.dumps(item.attributes)
    return Outcome.UNCHANGED if same else Outcome.UPDATED


def _row(write: Write) -> dict[str, Any]:
    item = write.item
    return {
        "id": item.id,
        "title": item.title,
        "description": item.description,
        "attributes": dict(item.attributes),
        "text_hash": write.text_hash,
    }


def _item(row: RowMapping) -> Item:
    return Item(row["id"], row["title"], row["description"], row["attributes"])


def _items(connection: Connection, ids: Iterable[str]) -> Iterator[Item]:
    for part in in_parts(ids):
        query = select(*_ITEM).where(ItemRow.id.in_(part))
        yield from (_item(row) for row in connection.execute(query).mappings())


def _ids_of(connection: Connection, hashes: Iterable[str]) -> list[tuple[str, str]]:
    """Return (id, text hash) of the items that have these texts."""
    query = select(ItemRow.id, ItemRow.text_hash)
    return [
        (row.id, row.text_hash)
        for part in in_parts(hashes)
        for row in connection.execute(query.where(ItemRow.text_hash.in_(part)))
    ]


def _embedded(connection: Connection, encoder_id: str, hashes: Iterable[str]) -> set[str]:
    query = select(VectorRow.text_hash).where(VectorRow.encoder_id == encoder_id)
    return {
        found
        for part in in_parts(hashes)
        for found in connection.execute(query.where(VectorRow.text_hash.in_(part))).scalars()
    }


def _add_vectors(connection: Connection, encoder_id: str, vectors: Mapping[str, Vector]) -> None:
    there = _embedded(connection, encoder_id, vectors)
    rows = [
        {"encoder_id": encoder_id, "text_hash": key, "vector": vector.astype("<f4").tobytes()}
        for key, vector in vectors.items()
        if key not in there
    ]
    if rows:
        connection.execute(insert(VectorRow), rows)


def _next_sequence(connection: Connection, count: int) -> int:
    """Reserve `count` sequence numbers, return the last; holds the writers' turn until commit."""
    query = (
        update(SequenceRow)
        .where(SequenceRow.id == literal(1))
        .values(value=SequenceRow.value + count)
        .returning(SequenceRow.value)
    )
    return connection.execute(query).scalar_one()


def _record_changes(connection: Connection, changes: Sequence[Change]) -> None:
    for part in in_parts([change.item_id for change in changes]):
        connection.execute(delete(ChangeRow).where(ChangeRow.item_id.in_(part)))
    if rows := [vars(change) for change in changes]:
        connection.execute(insert(ChangeRow), rows)
