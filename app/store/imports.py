"""Progress of imports in SQL, committed together with the items of each chunk."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from sqlalchemy import Engine, insert, select, update

from app.errors import ImportConflict
from app.store.engine import reading, writing
from app.store.items import write_items
from app.tables import ImportRow, RefusalRow
from app.types import FieldError, ImportState, ImportStep, Outcome, Refusal, Vector, Write

FIRST_LINE = 1


class SqlImportLog:
    """The `ImportLog` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, digest: str, name: str) -> ImportState:
        """Return the last import of this content if it is unfinished, else a new one."""
        last = (
            select(ImportRow.__table__)
            .where(ImportRow.digest == digest)
            .order_by(ImportRow.id.desc())
            .limit(1)
        )
        with writing(self._engine) as connection:
            row = connection.execute(last).mappings().first()
            if row is not None and not row["finished"]:
                return ImportState(**{key: row[key] for key in ImportState.__annotations__})
            new = insert(ImportRow).values(digest=digest, name=name, next_line=FIRST_LINE)
            number = connection.execute(new.returning(ImportRow.id)).scalar_one()
            return ImportState(number, FIRST_LINE)

    def commit(
        self,
        step: ImportStep,
        encoder_id: str,
        writes: Sequence[Write],
        vectors: Mapping[str, Vector],
    ) -> tuple[ImportState, list[Outcome]]:
        """Store a chunk and the progress it makes in one transaction.

        Raises `ImportConflict` when another process has moved this import on meanwhile.
        """
        before = step.state
        with writing(self._engine) as connection:
            outcomes = write_items(connection, encoder_id, writes, vectors)
            counts = Counter(outcomes)
            after = replace(
                before,
                next_line=step.next_line,
                created=before.created + counts[Outcome.CREATED],
                updated=before.updated + counts[Outcome.UPDATED],
                unchanged=before.unchanged + counts[Outcome.UNCHANGED],
                refused=before.refused + len(step.refusals),
            )
            moved = connection.execute(
                update(ImportRow)
                .where(ImportRow.id == before.id, ImportRow.next_line == before.next_line)
                .values(**{k: v for k, v in asdict(after).items() if k != "id"})
            )
            if moved.rowcount != 1:
                raise ImportConflict(
                    "another process is importing the same file; let it finish, or stop it and "
                    "start again"
                )
            if rows := [_refusal_row(before.id, refusal) for refusal in step.refusals]:
                connection.execute(insert(RefusalRow), rows)
        return after, outcomes

    def finished(self, digest: str) -> bool:
        """Tell whether this content was imported to the end before."""
        query = select(ImportRow.id).where(ImportRow.digest == digest, ImportRow.finished)
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def finish(self, state: ImportState) -> ImportState:
        """Mark an import as done."""
        with writing(self._engine) as connection:
            connection.execute(
                update(ImportRow).where(ImportRow.id == state.id).values(finished=True)
            )
        return replace(state, finished=True)

    def refusals(self, import_id: int) -> list[Refusal]:
        """Return the refused lines of an import, in line order."""
        query = (
            select(RefusalRow.line, RefusalRow.item_id, RefusalRow.errors)
            .where(RefusalRow.import_id == import_id)
            .order_by(RefusalRow.line)
        )
        with reading(self._engine) as connection:
            return [
                Refusal(line, item_id, tuple(FieldError(**error) for error in errors))
                for line, item_id, errors in connection.execute(query)
            ]


def _refusal_row(import_id: int, refusal: Refusal) -> dict[str, object]:
    return {
        "import_id": import_id,
        "line": refusal.line,
        "item_id": refusal.item_id,
        "errors": [asdict(error) for error in refusal.errors],
    }
