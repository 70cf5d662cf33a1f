"""The database engine: SQLite in the data folder, or PostgreSQL by URL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from app.errors import StartupError, StoreUnavailable
from app.settings import Settings

BUSY_MS = 30_000
"""How long a SQLite writer waits for another one."""


def open_engine(settings: Settings) -> Engine:
    """Return an engine; nothing is connected yet. Raises `StartupError` for a URL of no use."""
    try:
        url = make_url(settings.resolved_database_url())
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise ArgumentError(f"{url.get_backend_name()!r} is not supported")
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError) as error:
        raise StartupError(
            f"DATABASE_URL is not usable: {error}; give postgresql://..., or leave it empty"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late; see below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: an acknowledged write survives a power cut, not only a killed process
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that starts reading and writes later can fail at once instead of waiting;
    # writers therefore take the write lock first
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection for reading, in one transaction."""
    with _translated(), engine.connect().execution_options(reads=True) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection for writing; commits at the end, rolls back on any error."""
    with _translated(), engine.begin() as connection:
        yield connection


def in_parts(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Cut values into lists that fit an IN clause; both databases take more, planners like less."""
    rest = iter(values)
    while part := list(islice(rest, 500)):
        yield part


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())  # drivers like several lines
        raise StoreUnavailable(f"the database is not available: {reason}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable("the connection to the database was lost") from error
        raise
