"""The database engine: SQLite in the data folder, or PostgreSQL by URL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from app.errors import StartupError, StoreUnavailable
from app.settings import Settings

SQLITE_FILE = "catalogue.sqlite3"

BUSY_MS = 30_000
"""How long a SQLite writer waits for another one."""


def open_engine(settings: Settings) -> Engine:
    """Return an engine; nothing is connected yet. Raises `StartupError` for a URL of no use."""
    try:
        url = database_url(settings)
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url)
        elif url.get_backend_name() == "postgresql":
            engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
        else:
            raise exc.ArgumentError(f"{url.get_backend_name()!r} is not supported")
    except (exc.ArgumentError, ImportError, exc.NoSuchModuleError) as error:
        raise StartupError(
            f"DATABASE_URL is not usable: {error}; give postgresql://..., or leave it empty"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def database_url(settings: Settings) -> URL:
    """Return the URL of the database, its driver named. Raises `ArgumentError`."""
    if not settings.database_url:
        return URL.create("sqlite", database=str((settings.data_dir / SQLITE_FILE).absolute()))
    url = make_url(settings.database_url)
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    return url


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
    except exc.OperationalError as error:
        reason = " ".join(str(error.orig).split())  # drivers like several lines
        raise StoreUnavailable(f"the database is not available: {reason}") from error
    except exc.TimeoutError as error:
        raise StoreUnavailable("all connections to the database are busy") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable("the connection to the database was lost") from error
        if type(error) is exc.DatabaseError:  # no subclass of it: SQLite's word for a damaged file
            raise StoreUnavailable(f"the database is damaged: {error.orig}") from error
        raise
