import contextlib
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.rows import MAX_LINE_BYTES, Row, RowsError, file_format, read_rows, stream_rows
from tests.model.tiny import same_every_time

BOM = b"\xef\xbb\xbf"
PIECES = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"{", b"}", b'"a":', b"1e999", b"NaN", b"\\ud800", BOM, b"\xff"]
)
MESS = st.one_of(st.binary(), st.lists(st.one_of(PIECES, st.binary(max_size=3))).map(b"".join))


def rows_of(data: bytes, name: str) -> list[Row]:
    return list(stream_rows(io.BytesIO(data), name))


def problem_of(row: Row) -> str:
    assert row.fields is None
    assert row.problem is not None
    return row.problem


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", ".csv"), ("A.CSV.GZ", ".csv"), ("b.jsonl.gz", ".jsonl"), ("c.d.ndjson", ".ndjson")],
)
def test_the_ending_tells_the_format(name: str, kind: str) -> None:
    assert file_format(name) == kind


@pytest.mark.parametrize("name", ["games.xlsx", "games", "games.gz", "csv", "games.csv.zip"])
def test_an_unknown_ending_is_refused_by_name(name: str) -> None:
    with pytest.raises(RowsError, match=f"^{name}: unknown file type"):
        file_format(name)


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.jsonl", "x.ndjson", "x.jsonl.gz"])
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    csv = b"id,title\nq1,Pong\nq2,\xc3\x89t\xc3\xa9\n"
    jsonl = b'{"id": "q1", "title": "Pong"}\n{"id": "q2", "title": "\xc3\x89t\xc3\xa9"}\n'
    data = csv if ".csv" in name else jsonl
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    rows = list(read_rows(tmp_path / name))
    assert [row.fields for row in rows] == [
        {"id": "q1", "title": "Pong"},
        {"id": "q2", "title": "Été"},
    ]
    assert [row.line for row in rows] == ([2, 3] if ".csv" in name else [1, 2])


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [("x.csv", b"title\r\nPong\r\n", 2), ("x.jsonl", b'{"title": "Pong"}\r\n', 1)],
)
def test_a_byte_order_mark_and_windows_line_ends_are_no_content(
    name: str, data: bytes, line: int
) -> None:
    assert rows_of(BOM + data, name) == [Row(line, {"title": "Pong"})]
    assert rows_of(data, name) == [Row(line, {"title": "Pong"})]


def test_csv_rows_carry_the_line_they_start_on() -> None:
    rows = rows_of(b'id,text\n1,"two\nlines, ""quoted"""\n\n2,"three\r\n\r\nlines"\n3,x', "x.csv")
    assert [row.line for row in rows] == [2, 5, 8]
    assert [row.fields and row.fields["text"] for row in rows] == [
        'two\nlines, "quoted"',
        "three\r\n\r\nlines",
        "x",
    ]


@pytest.mark.parametrize("cells", [b"1", b"1,2,3"])
def test_a_wrong_number_of_cells_is_a_problem_of_that_row_alone(cells: bytes) -> None:
    bad, good = rows_of(b"id,title\n" + cells + b"\n2,Pong\n", "x.csv")
    assert problem_of(bad) == f"{len(cells.split(b','))} cells where the header has 2 columns"
    assert good == Row(3, {"id": "2", "title": "Pong"})


def test_an_empty_csv_cell_is_an_absent_field() -> None:
    assert rows_of(b"id,title,year\n1,Pong,\n", "x.csv") == [Row(2, {"id": "1", "title": "Pong"})]


def test_a_repeated_column_ends_the_file_with_its_name() -> None:
    with pytest.raises(RowsError, match=r"^x\.csv, line 1: column 'title' appears more than once"):
        rows_of(b"id,title,title\n1,2,3\n", "x.csv")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b"t\nok\nbad \xff\xfe\nok\n"),
        ("x.jsonl", b'{"t": "ok"}\n{"t": "bad \xff"}\n{"t": "ok"}\n'),
    ],
)
def test_invalid_utf8_is_a_problem_of_that_line_alone(name: str, data: bytes) -> None:
    before, bad, after = rows_of(data, name)
    assert before.fields == after.fields == {"t": "ok"}
    assert problem_of(bad).startswith("not valid UTF-8")


def test_invalid_utf8_in_a_csv_header_is_refused() -> None:
    with pytest.raises(RowsError, match=r"^x\.csv, line 1: .*UTF-8"):
        rows_of(b"id,t\xfftle\n1,Pong\n", "x.csv")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_json_cannot_hold_is_a_problem(number: str) -> None:
    bad, good = rows_of(f'{{"year": {number}}}\n{{"year": 1972}}\n'.encode(), "x.jsonl")
    assert "JSON" in problem_of(bad)
    assert good.fields == {"year": 1972}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"[1, 2]", "expected a JSON object, found list"),
        (b'"Pong"', "expected a JSON object, found str"),
        (b"null", "expected a JSON object, found NoneType"),
        (b'{"title": "Pong"', "not valid JSON"),
        (b'{"a": "\x00"}', "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "JSON nested too deeply"),
    ],
    ids=["list", "text", "null", "cut", "nul", "huge number", "deep"],
)
def test_a_line_that_is_no_json_object_is_a_problem(line: bytes, problem: str) -> None:
    bad, good = rows_of(line + b'\n{"title": "Pong"}\n', "x.jsonl")
    assert problem_of(bad).startswith(problem)
    assert good == Row(2, {"title": "Pong"})


def test_an_escaped_lone_surrogate_is_read() -> None:
    assert rows_of(b'{"title": "a \\ud800 b"}\n', "x.jsonl") == [Row(1, {"title": "a \ud800 b"})]


def test_a_nul_in_a_csv_cell_is_read() -> None:
    assert rows_of(b"id,title\n1,Po\x00ng\n", "x.csv") == [Row(2, {"id": "1", "title": "Po\0ng"})]


def test_blank_lines_are_counted_and_skipped() -> None:
    assert rows_of(b'\n  \n{"a": 1}\n\n', "x.jsonl") == [Row(3, {"a": 1})]
    assert [row.line for row in rows_of(b"a\n\n\n1\n", "x.csv")] == [4]


@pytest.mark.parametrize("size", [MAX_LINE_BYTES + 1, MAX_LINE_BYTES + 2, 5 * 2**20])
def test_a_json_line_that_is_too_long_costs_that_line_alone(size: int) -> None:
    line = b'{"a": "' + b"x" * (size - 9) + b'"}'
    bad, *rest = rows_of(line + b'\n{"a": 2}\n{"a": 3}\n', "x.jsonl")
    assert problem_of(bad) == f"line longer than {MAX_LINE_BYTES} bytes"
    assert rest == [Row(2, {"a": 2}), Row(3, {"a": 3})]


def test_a_json_line_of_the_greatest_length_is_read() -> None:
    line = b'{"a": "' + b"x" * (MAX_LINE_BYTES - 9) + b'"}'
    rows = rows_of(line + b'\n{"a": 2}\n', "x.jsonl")
    assert [row.line for row in rows] == [1, 2]
    assert rows[0].fields is not None


def test_a_csv_field_that_is_too_long_costs_that_row_alone() -> None:
    bad, good = rows_of(b"a,b\n1," + b"x" * (5 * 2**20) + b"\n3,4\n", "x.csv")
    assert str(MAX_LINE_BYTES) in problem_of(bad)
    assert good == Row(3, {"a": "3", "b": "4"})


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.csv.gz"])
def test_an_empty_file_has_no_rows(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    assert list(read_rows(tmp_path / name)) == []


@pytest.mark.parametrize("data", [b"id,title", b"id,title\n", BOM + b"id,title\r\n\r\n"])
def test_a_header_alone_has_no_rows(data: bytes) -> None:
    assert rows_of(data, "x.csv") == []


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.gz"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "not gzip", "rubbish behind"])
def test_broken_gzip_data_names_the_file(damage: str, name: str) -> None:
    good = gzip.compress(b'title\n{"a": 1}\n' * 400)
    data = {
        "truncated": good[:-12],
        "flipped": good[:20] + bytes([good[20] ^ 255]) + good[21:],
        "not gzip": b'{"a": 1}\n',
        "rubbish behind": good + b"rubbish",
    }[damage]
    with pytest.raises(RowsError, match=f"^{name}: broken gzip data"):
        rows_of(data, name)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RowsError, match=r"^none\.csv: No such file"):
        list(read_rows(tmp_path / "none.csv"))
    with pytest.raises(RowsError, match=r"^folder\.csv: Is a directory"):
        list(read_rows(tmp_path / "folder.csv"))


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_the_stream_stays_open_for_its_owner(name: str) -> None:
    stream = io.BytesIO(b'a\n{"a": 1}\n{"a": 2}\n')
    rows = stream_rows(stream, name)
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # an Iterator by its type, a generator in fact
    assert not stream.closed


@same_every_time
@given(MESS, st.sampled_from(["x.csv", "x.jsonl", "x.csv.gz", "x.jsonl.gz"]), st.booleans())
def test_any_bytes_give_rows_in_order_or_a_rows_error(data: bytes, name: str, zipped: bool) -> None:
    rows = []
    with contextlib.suppress(RowsError):
        rows = rows_of(gzip.compress(data) if zipped else data, name)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert all((row.fields is None) != (row.problem is None) for row in rows)
