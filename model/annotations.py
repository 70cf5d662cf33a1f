"""Expert annotations: JSON Lines of `{"query": id, "similar": [id, ...]}`."""

from collections.abc import Collection
from pathlib import Path

from model.evaluation import Annotation
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
    if not isinstance(query, str) or not isinstance(similar, list) or not similar:
        raise AnnotationError(f'{where}: expected {{"query": id, "similar": [id, ...]}}')
    for item in (query, *similar):
        if item not in ids:
            raise AnnotationError(f"{where}: {item!r} is not in the catalogue")
    if query in similar:
        raise AnnotationError(f"{where}: {query!r} is annotated as similar to itself")
    return Annotation(query, tuple(similar))
