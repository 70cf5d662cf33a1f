"""The OpenAPI document: complete, true, and usable without a network."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.app.builders import put

METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """The document as it is served."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every (method, path, operation)."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_every_operation_explains_itself_and_its_errors(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        errors = {code for code in operation["responses"] if code >= "400"}
        assert errors or path == "/livez", f"{method} {path}"
        for code in errors:
            content = operation["responses"][code]["content"]
            assert list(content) == ["application/problem+json"], f"{method} {path} {code}"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(schemas)
    assert "HTTPValidationError" not in names


def test_changing_operations_ask_for_a_key(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        changes = method in {"put", "delete"} or path == "/v1/imports"
        assert bool(operation.get("security")) == changes, f"{method} {path}"


def test_examples_work_when_tried(client: TestClient, document: dict[str, Any]) -> None:
    put(client, "portal", "first-person puzzles in a laboratory")
    for method, template, operation in operations(document):
        path = template
        if "multipart/form-data" in str(operation.get("requestBody", "")):
            continue  # a file has no example in the standard
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                (example,) = parameter["examples"].values()
                path = path.replace(f"{{{parameter['name']}}}", example["value"])
        schema = str(operation.get("requestBody", {}).get("content", {}))
        reference = re.search(r"schemas/(\w+)", schema)
        body = document["components"]["schemas"][reference[1]]["example"] if reference else None
        response = client.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.text}"
        put(client, "portal", "first-person puzzles in a laboratory")


def test_docs_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    for link in links:
        assert link.startswith("/"), link
        assert client.get(link).status_code == 200


def test_the_root_leads_to_the_docs(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "/docs"
