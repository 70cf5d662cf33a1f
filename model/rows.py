"""Catalogue files read row by row: CSV or JSON Lines, plain or gzipped.

Standard library only. Training and serving both import it, so a file that trains also imports.
A bad line is a row with a problem, never the end of the file; a file that cannot be read on is
a `RowsError` that names the file and the line.
"""

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

FORMATS = (".csv", ".jsonl", ".ndjson")
MAX_LINE_BYTES = 4 * 2**20
"""Longest line (JSON Lines) or field (CSV) that is read; a longer one is a row with a problem."""


class RowsError(ValueError):
    """The file as a whole cannot be read (any further)."""


@dataclass(frozen=True)
class Row:
    """One record of a file: the line it starts on (from 1) and its fields or its problem."""

    line: int
    fields: Mapping[str, Any] | None = None
    problem: str | None = None


def file_format(name: str) -> str:
    """Return ".csv", ".jsonl" or ".ndjson" for a file name; `.gz` behind it is looked through.

    Raises `RowsError` for any other ending.
    """
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    if suffix not in FORMATS:
        raise RowsError(f"{name}: unknown file type; use {', '.join(FORMATS)} or .gz of it")
    return suffix


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of the file at `path`. Raises `RowsError` when it cannot be read."""
    file_format(path.name)
    try:
        with path.open("rb") as stream:
            yield from stream_rows(stream, path.name)
    except OSError as error:
        raise RowsError(f"{path.name}: {error.strerror or error}") from error


def stream_rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    """Yield the rows of an open binary stream; the ending of `name` tells what it holds."""
    read = _csv_rows if file_format(name) == ".csv" else _jsonl_rows
    source = _unpacked(stream) if name.lower().endswith(".gz") else stream
    try:
        yield from read(source, name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RowsError(f"{name}: broken gzip data ({error}); compress the file again") from error


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))


def _jsonl_rows(source: IO[bytes], _: str) -> Iterator[Row]:
    number = 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_line(source)
            yield Row(number, problem=f"line longer than {MAX_LINE_BYTES} bytes")
        elif text := line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip():
            yield _json_row(number, text)


def _skip_line(source: IO[bytes]) -> None:
    while (part := source.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
        pass


def _json_row(number: int, line: bytes) -> Row:
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        return Row(number, problem=f"not valid UTF-8 at byte {error.start + 1} of the line")
    except RecursionError:
        return Row(number, problem="JSON nested too deeply")
    except ValueError as error:
        return Row(number, problem=f"not valid JSON: {error}")
    if not isinstance(fields, dict):
        return Row(number, problem=f"expected a JSON object, found {type(fields).__name__}")
    return Row(number, fields)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is out of range")
    return number


def _csv_rows(source: IO[bytes], name: str) -> Iterator[Row]:
    # surrogateescape keeps one badly encoded cell from ending the file; its row is refused below
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(_bounded_lines(text, name))
    try:
        header = _header(reader, name)
        start = reader.line_num + 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:  # a field over the limit; the reader goes on behind it
                yield Row(start, problem=str(error))
            else:
                if cells:
                    yield _csv_row(start, header, cells)
            start = reader.line_num + 1
    finally:
        text.detach()  # the stream belongs to the caller


def _bounded_lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    # a packed file of a few kilobytes can unpack to one line of gigabytes
    while line := text.readline(2 * MAX_LINE_BYTES):
        if len(line) == 2 * MAX_LINE_BYTES:
            raise RowsError(f"{name}: a line is longer than {2 * MAX_LINE_BYTES} characters")
        yield line


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise RowsError(f"{name}, line 1: {error}") from error
    if not _is_utf8(header):
        raise RowsError(f"{name}, line 1: the header is not valid UTF-8")
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise RowsError(f"{name}, line 1: column {repeated[0]!r} appears more than once")
    return header


def _is_utf8(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        return Row(line, problem=f"{len(cells)} cells where the header has {len(header)} columns")
    if not _is_utf8(cells):
        return Row(line, problem="not valid UTF-8")
    return Row(line, {k: v for k, v in zip(header, cells, strict=True) if v != ""})
