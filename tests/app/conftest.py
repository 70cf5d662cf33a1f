"""Clients and services on fresh databases."""

import logging
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.fakes import HashingEmbedder
from app.logs import configure_logging
from app.services.container import Services
from app.settings import Settings
from tests.app.builders import build_services, client_of


@pytest.fixture
def client(lite: Settings) -> Iterator[TestClient]:
    """A client with an admin key, on SQLite."""
    with client_of(lite) as client:
        yield client


@pytest.fixture
def both(settings: Settings) -> Iterator[TestClient]:
    """A client with an admin key, once on each database."""
    with client_of(settings) as client:
        yield client


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Services without HTTP, once on each database."""
    services = build_services(settings)
    yield services
    services.close()


@pytest.fixture
def lite_embedder_client(lite: Settings) -> Iterator[tuple[TestClient, list[str]]]:
    """A client, and the list of texts its embedder was given."""
    embedder = HashingEmbedder()
    with client_of(lite, embedder) as client:
        yield client, embedder.embedded


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> Iterator[None]:
    """Log as a server does: the default of the library draws every frame of an error."""
    configure_logging(Settings(log_format="json"))
    yield
    logging.getLogger().handlers.clear()
