"""Small makers that tests of the app share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from app import wiring
from app.fakes import HashingEmbedder
from app.main import create_app
from app.services.container import Services
from app.settings import Settings
from app.store.engine import open_engine
from app.types import Item, Write
from model.text import item_text, text_hash

WORDS = "river stone lamp tower engine forest signal harbour mirror clock"


def item(item_id: str, title: str = "", description: str = "", **attributes: Any) -> Item:
    """An item; its title defaults to its id."""
    return Item(item_id, title or item_id, description, attributes)


def write(one: Item) -> Write:
    """The write of an item."""
    return Write(one, text_hash(item_text(one.title, one.description)))


def build_services(settings: Settings, embedder: HashingEmbedder | None = None) -> Services:
    """Real services on a migrated database, with the hashing embedder and no threads."""
    return wiring.build(
        settings, open_engine(settings), lambda _: embedder or HashingEmbedder(), background=False
    )


@contextmanager
def client_of(settings: Settings, embedder: HashingEmbedder | None = None) -> Iterator[TestClient]:
    """A client of a started app; it sends an admin key unless told otherwise."""
    app = create_app(lambda: build_services(settings, embedder), wiring.limits(settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until_ready(client)
        key = app.state.start.services().keys.create(uuid4().hex)
        client.headers["X-API-Key"] = key
        yield client


def wait_until_ready(client: TestClient) -> None:
    """Wait for the services; which answer 503 gives is up to the test."""
    deadline = monotonic() + 20
    while client.get("/v1/info").status_code == 503 and monotonic() < deadline:
        sleep(0.01)


def put(client: TestClient, item_id: str, description: str = "", **fields: Any) -> Any:
    """PUT an item and return the response's body."""
    body = {"title": item_id, "description": description, **fields}
    response = client.put(f"/v1/items/{item_id}", json=body)
    assert response.is_success, response.text
    return response.json()


def similar_ids(client: TestClient, item_id: str, limit: int = 10) -> list[str]:
    """The ids of an item's neighbours, nearest first."""
    response = client.get(f"/v1/items/{item_id}/similar", params={"limit": limit})
    assert response.status_code == 200, response.text
    return [found["item"]["id"] for found in response.json()["neighbours"]]


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
