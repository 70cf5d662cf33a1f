"""Alive, ready, info: also while the service is starting or cannot start."""

import threading

import pytest
from fastapi.testclient import TestClient

from app import wiring
from app.errors import StartupError
from app.fakes import HashingEmbedder
from app.main import create_app
from app.services.container import Services
from app.settings import Settings
from tests.app.builders import build_services, client_of, put, wait_until_ready


def test_info_tells_model_counts_and_limits(client: TestClient) -> None:
    put(client, "a")
    info = client.get("/v1/info").json()
    assert (info["model"], info["dimension"], info["items"]) == ("hashing-1", 64, 1)
    assert info["index"] == {
        "generation": None,
        "generation_items": 0,
        "generation_recall_at_10": None,
        "delta_items": 1,
        "sequence": 1,
    }
    assert info["limits"]["similar"] == 100


def test_not_ready_until_the_services_are_built(lite: Settings) -> None:
    go = threading.Event()

    def build() -> Services:
        go.wait(20)
        return build_services(lite)

    with TestClient(create_app(build, wiring.limits(lite))) as client:
        before = [client.get(path) for path in ("/readyz", "/v1/items", "/v1/info")]
        alive = client.get("/livez")
        go.set()
        wait_until_ready(client)
        after = client.get("/readyz")
    assert [r.status_code for r in before] == [503] * 3
    assert "model is being loaded" in before[0].json()["detail"]
    assert (alive.status_code, after.status_code) == (200, 200)


def test_a_start_that_fails_says_why_and_calls_back(lite: Settings) -> None:
    failed = threading.Event()

    def build() -> Services:
        raise StartupError("the checkpoint is damaged")

    app = create_app(build, wiring.limits(lite), on_failure=failed.set)
    with TestClient(app) as client:
        assert failed.wait(20)
        response = client.get("/readyz")
    assert response.status_code == 503
    assert "the checkpoint is damaged" in response.json()["detail"]


def test_not_ready_when_a_real_query_finds_nothing(lite: Settings) -> None:
    with client_of(lite) as client:
        put(client, "a", "words")
    with client_of(lite, HashingEmbedder(encoder_id="hashing-2")) as client:
        response = client.get("/readyz")
    assert response.status_code == 503
    assert "found nothing" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_needs_no_key(client: TestClient, path: str) -> None:
    del client.headers["X-API-Key"]
    assert client.get(path).status_code == 200


def test_the_factory_for_a_web_server_prepares_and_serves(
    lite: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICBERT_DATA_DIR", str(lite.data_dir))
    monkeypatch.setenv("METRICBERT_CHECKPOINT", "/nowhere")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with TestClient(wiring.serve()) as client:
        assert client.get("/livez").status_code == 200
        wait = client.get("/readyz")
    assert wait.status_code == 503
