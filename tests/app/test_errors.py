"""One shape for every error."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.errors import ImportConflict, Overloaded, ServiceError, StoreUnavailable
from app.services.container import Services
from app.settings import Settings
from tests.app.builders import client_of

SHAPE = {"type", "title", "status", "detail", "instance", "code", "errors", "request_id"}


def assert_problem(response: Any, status: int, code: str) -> None:
    """Check that a response is a complete problem."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == SHAPE
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-ID"]


def test_framework_errors_have_the_shape(client: TestClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "route_not_found")
    assert_problem(client.post("/v1/info"), 405, "method_not_allowed")
    assert_problem(client.get("/v1/items?limit=x"), 422, "invalid_input")
    assert_problem(client.post("/v1/imports", content=b"x"), 422, "invalid_input")


@pytest.mark.parametrize(
    ("error", "status"),
    [(Overloaded(), 429), (ImportConflict("two"), 409), (StoreUnavailable("disk full"), 503)],
)
def test_service_errors_have_the_shape(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: ServiceError, status: int
) -> None:
    services: Services = client.app.state.start.services()  # type: ignore[attr-defined]  # FastAPI

    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(services.catalogue, "get", fail)
    response = client.get("/v1/items/x")
    assert_problem(response, status, error.code)
    assert ("Retry-After" in response.headers) == isinstance(error, Overloaded)


def test_a_fault_of_ours_is_500_without_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services: Services = client.app.state.start.services()  # type: ignore[attr-defined]  # FastAPI

    def fail(_: str) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(services.catalogue, "get", fail)
    response = client.get("/v1/items/x")
    assert_problem(response, 500, "internal_error")
    assert "secret" not in response.text


def test_a_declared_body_beyond_the_limit_is_413(client: TestClient) -> None:
    response = client.post("/v1/similar", json={"text": "x" * 10_000_000})
    assert_problem(response, 413, "too_large")
    assert "1000000 bytes" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/similar", "/v1/imports"])
def test_a_streamed_body_beyond_the_limit_is_413(lite: Settings, path: str) -> None:
    small = lite.model_copy(update={"max_body_bytes": 2_000, "max_upload_bytes": 2_000})

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(10):
            yield b"x" * 1_000

    kind = "application/json" if path == "/v1/similar" else "multipart/form-data; boundary=x"
    with client_of(small) as client:
        response = client.post(path, content=body(), headers={"Content-Type": kind})
        assert_problem(response, 413, "too_large")


def test_the_callers_request_id_is_kept_if_it_is_a_sane_one(client: TestClient) -> None:
    sane = client.get("/livez", headers={"X-Request-ID": "abc-1.2_3"})
    assert sane.headers["X-Request-ID"] == "abc-1.2_3"
    odd = client.get("/livez", headers={"X-Request-ID": 'a"b c'})
    assert odd.headers["X-Request-ID"] != 'a"b c'


def test_sixteen_threads_of_reads_and_writes_make_no_5xx(both: TestClient) -> None:
    codes: list[int] = []

    def work(worker: int) -> None:
        for n in range(6):
            path = f"/v1/items/w{worker}-{n}"
            codes.append(both.put(path, json={"title": f"t {worker} {n}"}).status_code)
            codes.append(both.get(f"{path}/similar").status_code)
            codes.append(both.delete(path).status_code)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(codes) == 16 * 18
    assert set(codes) == {201, 200, 204}


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status"),
    [
        ("GET", "/v1/items/a%00b", {}, 404),
        ("GET", "/v1/items/%FF%FE", {}, 404),
        ("GET", "/v1/items/a%00b/similar", {}, 404),
        ("DELETE", "/v1/items/%00", {}, 404),
        ("GET", "/v1/items?after=%00", {}, 422),
        ("GET", "/v1/items?after=%FF", {}, 200),
        ("GET", "/v1/items?limit=99999999999999999999", {}, 422),
        ("GET", "/v1/items?%00=1", {}, 422),
        ("POST", "/v1/similar", {"content": b'{"text": "x", "\\ud800": 1}'}, 422),
        ("POST", "/v1/similar", {"content": b'{"text": "x\\u0000"}'}, 422),
        ("POST", "/v1/similar", {"content": b'{"text": "\\u200b\\u0001"}'}, 200),
        ("POST", "/v1/imports", {"files": {"file": ("a\x00.csv", b"id,title\n1,x")}}, 200),
        ("POST", "/v1/imports", {"files": {"file": ("a.csv", b"\xff,id,title\n1,2,3")}}, 422),
        ("POST", "/v1/imports", {"files": {"file": ("a.csv", b"\x00\x01\x02")}}, 200),
    ],
)
def test_hostile_input_makes_no_5xx(
    both: TestClient, method: str, path: str, arguments: dict[str, Any], status: int
) -> None:
    headers = {"Content-Type": "application/json"} if "content" in arguments else None
    response = both.request(method, path, headers=headers, **arguments)
    assert response.status_code == status, response.text
