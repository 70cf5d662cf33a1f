"""Expert annotations: JSON Lines of `{"query": id, "similar": [id, ...]}`."""

from collections.abc import Collection
from pathlib import Path

from model.evaluation.ranking import Annotation
from model.rows import Row, read_rows


class AnnotationError(ValueError):
    """The annotations do not fit their form or the catalogue; the message names the line."""


def read_annotations(path: Path, ids: Collection[str]) -> list[Annotation]:
    """Read annotations; every id must be in `ids`. Raises `AnnotationError`, `RowsError`."""
    found = [_annotation(row, path.name, ids) for row in read_rows(path)]
    if not found:
        raise AnnotationError(f"{path.name}: no annotations in it")
    return found


def _annotation(row: Row, name: str, ids: Collection[str]) -> Annotation:
    where = f"{name}, line {row.line}"
    if row.fields is None:
        raise AnnotationError(f"{where}: {row.problem}")
    query, similar = row.fields.get("query"), row.fields.get("similar")
    if not isinstance(similar, list) or not similar or not _texts(query, *similar):
        raise AnnotationError(f'{where}: expected {{"query": id, "similar": [id, ...]}}')
    for item in (query, *similar):
        if item not in ids:
            raise AnnotationError(f"{where}: {item!r} is not in the catalogue")
    if query in similar:
        raise AnnotationError(f"{where}: {query!r} is annotated as similar to itself")
    if len(set(similar)) < len(similar):
        raise AnnotationError(f"{where}: {_repeated(similar)!r} is listed twice")
    return Annotation(str(query), tuple(similar))


def _texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _repeated(ids: list[str]) -> str:
    return next(item for item in ids if ids.count(item) > 1)
