"""Items over HTTP: create, replace, read, list, delete."""

import json

import pytest
from fastapi.testclient import TestClient

from tests.app.builders import put, similar_ids


def test_put_creates_then_updates_then_leaves_alone(both: TestClient) -> None:
    body = {"title": "Lamp", "description": "a lamp", "attributes": {"year": 1999, "tags": ["x"]}}
    answers = [both.put("/v1/items/lamp", json=body) for _ in range(2)]
    answers.append(both.put("/v1/items/lamp", json={**body, "title": "Lantern"}))
    assert [a.status_code for a in answers] == [201, 200, 200]
    assert [a.json()["outcome"] for a in answers] == ["created", "unchanged", "updated"]
    assert both.get("/v1/items/lamp").json() == {"id": "lamp", **body, "title": "Lantern"}


def test_a_changed_text_changes_the_neighbours_at_once(both: TestClient) -> None:
    put(both, "a", "coal and steam")
    put(both, "b", "coal and steam engines")
    put(both, "c", "a quiet garden")
    assert similar_ids(both, "a", 1) == ["b"]
    put(both, "b", "nothing alike whatsoever")
    put(both, "c", "coal and steam gardens")
    assert similar_ids(both, "a", 1) == ["c"]


def test_a_deleted_item_is_never_returned(both: TestClient) -> None:
    for item_id in ("a", "b", "c"):
        put(both, item_id, f"words about {item_id}")
    assert both.delete("/v1/items/b").status_code == 204
    assert both.get("/v1/items/b").status_code == 404
    assert both.delete("/v1/items/b").status_code == 404
    assert similar_ids(both, "a") == ["c"]


def test_pages_hold_every_item_once_in_id_order(both: TestClient) -> None:
    ids = ["B", "a", "ab", "é", "z", "10", "2"]
    for item_id in ids:
        put(both, item_id)
    found: list[str] = []
    after: str | None = None
    while page := both.get("/v1/items", params={"limit": 3, **({"after": after} if after else {})}):
        found += [item["id"] for item in page.json()["items"]]
        after = page.json()["next_after"]
        if after is None:
            break
    assert found == sorted(ids)


@pytest.mark.parametrize("method", ["put", "delete"])
def test_changes_need_a_key(client: TestClient, method: str) -> None:
    del client.headers["X-API-Key"]
    arguments = {"json": {"title": "x"}} if method == "put" else {}
    response = client.request(method, "/v1/items/x", **arguments)  # type: ignore[arg-type]  # kwargs
    assert response.status_code == 401
    assert response.json()["code"] == "unauthorized"
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_and_a_bearer_is_taken(client: TestClient) -> None:
    key = client.headers.pop("X-API-Key")
    bearer = {"Authorization": f"Bearer {key}"}
    assert client.put("/v1/items/x", json={"title": "x"}, headers=bearer).status_code == 201
    keys = client.app.state.start.services().keys  # type: ignore[attr-defined]  # FastAPI
    for name in keys.names():
        keys.revoke(name)
    assert client.put("/v1/items/x", json={"title": "y"}, headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("body", "field", "bound"),
    [
        ({"description": "x"}, "body.title", "required"),
        ({"title": ""}, "body.title", "at least 1"),
        ({"title": "  "}, "body.title", "white space"),
        ({"title": "x" * 501}, "body.title", "at most 500"),
        ({"title": "a\x00b"}, "body.title", "NUL"),
        ({"title": "x", "description": "y" * 100_001}, "body.description", "at most 100000"),
        ({"title": "x", "description": None}, "body.description", "valid string"),
        ({"title": "x", "attributes": {"a": "b" * 20_001}}, "body.attributes", "at most 20000"),
        ({"title": "x", "attributes": {"a": "\x00"}}, "body.attributes", "NUL"),
        ({"title": "x", "attributes": []}, "body.attributes", "valid dictionary"),
        ({"title": "x", "year": 1999}, "body.year", "Extra inputs"),
    ],
)
def test_bad_item_names_field_and_bound(
    client: TestClient, body: object, field: str, bound: str
) -> None:
    response = client.put("/v1/items/x", json=body)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert bound in error["message"]
    assert client.get("/v1/items/x").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        b'{"title": "\xff"}',
        b'{"title": "\\ud800"}',
        b'{"title": NaN}',
        b'{"title": "x", "attributes": {"a": NaN}}',
        b'{"title": "x", "attributes": {"a": "\\ud800"}}',
        b"{",
        b"",
        b"null",
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_bodies_that_are_no_plain_json_are_refused(both: TestClient, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = both.put("/v1/items/x", content=raw, headers=headers)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"].startswith("body")


@pytest.mark.parametrize(
    "path", ["%20x", "x%20", "x%00", "%0A", "y" * 201, "%E2%80%8B", "..%20/x".replace("/", "%09")]
)
def test_ids_that_cannot_be_addressed_are_refused(client: TestClient, path: str) -> None:
    response = client.put(f"/v1/items/{path}", json={"title": "x"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "id"


def test_ids_may_hold_any_script_and_punctuation(both: TestClient) -> None:
    for item_id in ("日本-7", "a b", "50%", "x?y#z", "ünï:(1)"):
        path = "/v1/items/" + "".join(f"%{byte:02X}" for byte in item_id.encode())
        assert both.put(path, json={"title": "x"}).status_code == 201
        assert both.get(path).json()["id"] == item_id


def test_a_text_is_embedded_once_per_model(
    lite_embedder_client: tuple[TestClient, list[str]],
) -> None:
    client, embedded = lite_embedder_client
    put(client, "a", "the same words", title="T")
    put(client, "b", "the same words", title="T")
    client.delete("/v1/items/a")
    put(client, "a", "the same words", title="T", attributes={"n": 1})
    assert embedded.count("T. the same words") == 1


def test_non_json_content_type_is_415(client: TestClient) -> None:
    headers = {"Content-Type": "text/plain"}
    body = json.dumps({"title": "x"})
    response = client.put("/v1/items/x", content=body, headers=headers)
    assert response.status_code == 415
    assert "application/json" in response.json()["detail"]


def test_values_that_python_calls_equal_are_updates(both: TestClient) -> None:
    put(both, "x", attributes={"owned": 1})
    assert put(both, "x", attributes={"owned": True})["outcome"] == "updated"
    assert both.get("/v1/items/x").json()["attributes"]["owned"] is True


def test_attributes_that_no_serialiser_takes_are_refused(both: TestClient) -> None:
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"a": [deep]}
    response = both.put("/v1/items/x", json={"title": "x", "attributes": deep})
    assert response.status_code == 422
    assert "at most 32 deep" in response.json()["errors"][0]["message"]
    assert put(both, "y", attributes={"a": "a backslash: \\u0000"})["outcome"] == "created"
