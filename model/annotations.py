"""Expert annotations: JSON Lines of `{"query": id, "similar": [id, ...]}`.

Where experts graded, an entry is `{"id": id, "grade": 1 or more}` instead; a line may say to which
`split` (dev, test) its query belongs. Other fields, such as a reason, are left alone.
"""

from collections.abc import Collection
from pathlib import Path

from model.evaluation.ranking import Annotation
from model.rows import Row, read_rows


class AnnotationError(ValueError):
    """The annotations do not fit their form or the catalogue; the message names the line."""


def read_annotations(
    path: Path, ids: Collection[str], *, split: str | None = None
) -> list[Annotation]:
    """Read annotations, those of one split or all; every id must be in `ids`.

    Raises `AnnotationError`, `RowsError`.
    """
    found = [(_split(row), _annotation(row, path.name, ids)) for row in read_rows(path)]
    if not found:
        raise AnnotationError(f"{path.name}: no annotations in it")
    kept = [annotation for of, annotation in found if split in (None, of)]
    if not kept:
        there = sorted({str(of) for of, _ in found if of is not None})
        raise AnnotationError(
            f"{path.name}: no query of the split {split!r}; there are {', '.join(there) or 'none'}"
        )
    return kept


def _split(row: Row) -> object:
    return None if row.fields is None else row.fields.get("split")


def _annotation(row: Row, name: str, ids: Collection[str]) -> Annotation:
    where = f"{name}, line {row.line}"
    if row.fields is None:
        raise AnnotationError(f"{where}: {row.problem}")
    query, entries = row.fields.get("query"), row.fields.get("similar")
    if not isinstance(entries, list) or not entries:
        raise AnnotationError(f'{where}: expected {{"query": id, "similar": [id, ...]}}')
    pairs = [_graded(entry, where) for entry in entries]
    similar = [item for item, _ in pairs if isinstance(item, str)]
    if not isinstance(query, str) or len(similar) < len(pairs):
        raise AnnotationError(f'{where}: expected {{"query": id, "similar": [id, ...]}}')
    for item in (query, *similar):
        if item not in ids:
            raise AnnotationError(f"{where}: {item!r} is not in the catalogue")
    if query in similar:
        raise AnnotationError(f"{where}: {query!r} is annotated as similar to itself")
    if len(set(similar)) < len(similar):
        raise AnnotationError(f"{where}: {_repeated(similar)!r} is listed twice")
    grades = tuple(grade for _, grade in pairs)
    plain = all(grade == 1 for grade in grades)
    return Annotation(query, tuple(similar), () if plain else grades)


def _graded(entry: object, where: str) -> tuple[object, int]:
    """Return an entry's id and its grade, 1 if it has none."""
    if not isinstance(entry, dict):
        return entry, 1
    grade = entry.get("grade", 1)
    if not isinstance(grade, int) or isinstance(grade, bool) or grade < 1:
        raise AnnotationError(f"{where}: the grade is {grade!r}; it must be a whole number from 1")
    return entry.get("id"), grade


def _repeated(ids: list[str]) -> str:
    return next(item for item in ids if ids.count(item) > 1)
