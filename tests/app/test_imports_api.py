"""Uploads of files: every line accounted for."""

import gzip
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.app.builders import client_of, put, similar_ids

CSV = """\
id,title,description,year
lamp,Lamp,a lamp in a tower by the harbour,1999
,No id,words,2000
tower,Tower,"a tower by
the harbour",
lamp,Lamp again,another lamp in a tower,2001
bad,,no title,
short,Short
"""


def upload(client: TestClient, name: str, content: str | bytes) -> Any:
    """POST a file and return the response."""
    return client.post("/v1/imports", files={"file": (name, content)})


def test_csv_answers_line_by_line(both: TestClient) -> None:
    answer = upload(both, "new.csv", CSV).json()
    assert [(row["line"], row["id"], row["outcome"]) for row in answer["lines"]] == [
        (2, "lamp", "created"),
        (3, None, "refused"),
        (4, "tower", "created"),
        (6, "lamp", "updated"),
        (7, "bad", "refused"),
        (8, None, "refused"),
    ]
    assert (answer["created"], answer["updated"], answer["refused"]) == (2, 1, 3)
    assert both.get("/v1/items/lamp").json()["attributes"] == {"year": "2001"}
    assert similar_ids(both, "lamp") == ["tower"]


def test_refused_lines_name_the_field_and_the_bound(client: TestClient) -> None:
    lines = upload(client, "new.csv", CSV).json()["lines"]
    reasons = {row["line"]: row["errors"][0] for row in lines if row["errors"]}
    assert reasons[3] == {"field": "id", "message": "Field required"}
    assert reasons[7]["field"] == "title"
    assert reasons[8] == {"field": "line", "message": "2 cells where the header has 4 columns"}


def test_jsonl_keeps_other_fields_as_attributes(both: TestClient) -> None:
    rows = [{"id": 7, "title": "T", "description": "d", "tags": ["a"], "attributes": {"n": 1}}]
    answer = upload(both, "new.jsonl", "\n".join(json.dumps(row) for row in rows)).json()
    assert answer["created"] == 1
    assert both.get("/v1/items/7").json()["attributes"] == {"tags": ["a"], "n": 1}


def test_gzip_is_unpacked(client: TestClient) -> None:
    assert upload(client, "new.csv.gz", gzip.compress(CSV.encode())).json()["created"] == 2


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b"{", "line", "not valid JSON"),
        (b'{"id": "a", "title": "\xff"}', "line", "not valid UTF-8"),
        (b"[1]", "line", "expected a JSON object"),
        (b'{"id": "a", "title": NaN}', "line", "NaN is not a JSON value"),
        (b'{"id": "a/b", "title": "t"}', "id", "without '/'"),
        (b'{"id": true, "title": "t"}', "id", "valid string"),
        (b'{"id": "a", "title": 5}', "title", "valid string"),
        (b'{"id": "a", "title": "\\ud800"}', "title", "valid string"),
        (b'{"id": "a\\u0000", "title": "t"}', "id", "printable"),
        (b'{"id": "\\ud800", "title": "t"}', "id", "valid string"),
        (b'{"id": "a", "title": "t", "description": "\\u0000"}', "description", "NUL"),
        (b'{"id": "a", "title": "t", "x": "\\u0000"}', "attributes", "NUL"),
    ],
)
def test_a_bad_line_is_refused_and_stops_nothing(
    both: TestClient, line: bytes, field: str, message: str
) -> None:
    good = b'{"id": "good", "title": "Good"}'
    answer = upload(both, "new.jsonl", line + b"\n" + good).json()
    assert [row["outcome"] for row in answer["lines"]] == ["refused", "created"]
    error = answer["lines"][0]["errors"][0]
    assert error["field"] == field
    assert message in error["message"]


def test_uploading_again_changes_nothing(both: TestClient) -> None:
    upload(both, "new.jsonl", '{"id": "a", "title": "A"}')
    answer = upload(both, "new.jsonl", '{"id": "a", "title": "A"}').json()
    assert (answer["created"], answer["unchanged"]) == (0, 1)


def test_many_rows_cross_chunks(both: TestClient) -> None:
    rows = [{"id": f"i{n}", "title": f"item {n}"} for n in range(1100)]
    answer = upload(both, "new.jsonl", "\n".join(json.dumps(row) for row in rows)).json()
    assert [row["line"] for row in answer["lines"]] == list(range(1, 1101))
    assert both.get("/v1/info").json()["items"] == 1100


def test_without_a_key_it_is_401_and_nothing_is_stored(client: TestClient) -> None:
    del client.headers["X-API-Key"]
    assert upload(client, "new.csv", CSV).status_code == 401
    assert client.get("/v1/items").json()["items"] == []


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("new.xlsx", b"PK", 415, "unsupported_type"),
        ("new", b"x", 415, "unsupported_type"),
        ("new.csv.gz", b"not gzip", 422, "invalid_input"),
        ("new.csv.gz", gzip.compress(CSV.encode() * 50)[:-20], 422, "invalid_input"),
        ("new.csv", b"id,id\n1,2", 422, "invalid_input"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(
    client: TestClient, name: str, content: bytes, status: int, code: str
) -> None:
    put(client, "before")
    response = upload(client, name, content)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert client.get("/v1/info").json()["items"] == 1


def test_too_many_rows_are_refused_before_anything_is_stored(lite: Settings) -> None:
    with client_of(lite.model_copy(update={"max_upload_rows": 2})) as client:
        response = upload(client, "new.csv", CSV)
        assert response.status_code == 413
        assert "2 rows" in response.json()["detail"]
        assert client.get("/v1/info").json()["items"] == 0


def test_a_form_without_a_file_names_the_field(client: TestClient) -> None:
    response = client.post("/v1/imports", data={"other": "x"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body.file"
