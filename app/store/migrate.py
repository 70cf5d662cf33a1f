"""Applies the migrations that lie in the repository."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

import migrations
from app.errors import StartupError
from app.store.engine import reading, writing

HEAD = "0001"
"""The newest revision; a test compares it with the files in migrations/versions."""


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision; nothing happens when it is there already.

    Raises `StartupError` when the database is newer than this program, `StoreUnavailable` when it
    cannot be reached.
    """
    if revision(engine) != HEAD:
        _upgrade(engine)


def revision(engine: Engine) -> str | None:
    """Return the database's revision, None for an empty database."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    # imported here: a start that has nothing to migrate, which is almost every one, saves the time
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StartupError(
            f"the database cannot be migrated: {error}; it may come from a newer release"
        ) from error
