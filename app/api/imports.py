"""Uploads of catalogue files by admins."""

from collections.abc import Iterator
from itertools import islice
from typing import IO, Annotated

from fastapi import APIRouter, File, UploadFile

from app.api.deps import Admin, ServicesDep
from app.api.errors import answers
from app.api.schemas import FieldErrorOut, ImportOut, LineOut
from app.errors import (
    InvalidInput,
    NotReady,
    Overloaded,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
    UnsupportedType,
)
from app.services.imports import Progress
from app.types import FieldError, Refusal
from model.rows import FORMATS, Row, RowsError, file_format, stream_rows
from model.text import clean

router = APIRouter(prefix="/v1", tags=["imports"])


@router.post(
    "/imports",
    summary="Upload new descriptions",
    dependencies=[Admin],
    responses=answers(
        Unauthorized,
        TooLarge,
        UnsupportedType,
        InvalidInput,
        Overloaded,
        NotReady,
        StoreUnavailable,
    ),
)
def import_file(
    services: ServicesDep,
    file: Annotated[
        UploadFile, File(description=f"a file ending in {', '.join(FORMATS)}, or .gz of it")
    ],
) -> ImportOut:
    """Create or replace items from a CSV or JSON Lines file.

    Each row needs `id` and `title`; `description` is what makes it comparable; all other columns
    are kept as attributes. The answer tells what became of every line: a bad line is refused with
    its reasons and stops nothing. Needs an admin API key. Large catalogues: `metricbert import`.
    """
    name = clean(file.filename or "")
    try:
        file_format(name)
    except RowsError as error:
        raise UnsupportedType(str(error)) from error
    _check_rows(file.file, name, services.limits.max_upload_rows)
    state = services.imports.begin_once(name)
    lines: list[LineOut] = []
    for progress in services.imports.run(_rows(file.file, name), state):
        lines += _lines(progress)
        state = progress.state
    return ImportOut(
        created=state.created,
        updated=state.updated,
        unchanged=state.unchanged,
        refused=state.refused,
        lines=lines,
    )


def _rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    try:
        yield from stream_rows(stream, name)
    except RowsError as error:
        raise InvalidInput([FieldError("file", str(error))]) from error


def _check_rows(stream: IO[bytes], name: str, bound: int) -> None:
    """Read the file once before anything is stored: too long or broken, it changes nothing."""
    if next(islice(_rows(stream, name), bound, None), None) is not None:
        raise TooLarge(
            f"the file has more than {bound} rows; split it, or load it with `metricbert import`"
        )
    stream.seek(0)


def _lines(progress: Progress) -> list[LineOut]:
    taken = [LineOut(line=row.line, id=row.item_id, outcome=row.outcome) for row in progress.taken]
    refused = [_refused(refusal) for refusal in progress.refused]
    return sorted(taken + refused, key=lambda line: line.line)


def _refused(refusal: Refusal) -> LineOut:
    errors = [FieldErrorOut(field=e.field, message=e.message) for e in refusal.errors]
    return LineOut(line=refusal.line, id=refusal.item_id, outcome="refused", errors=errors)
