"""Applies the migrations that lie in the repository."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

import migrations
from app.errors import StartupError
from app.store.engine import reading, writing


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision; nothing happens when it is there already.

    Raises `StartupError` when the database is newer than this program, `StoreUnavailable` when it
    cannot be reached.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    if revision(engine) == ScriptDirectory.from_config(config).get_current_head():
        return
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StartupError(
            f"the database cannot be migrated: {error}; it may come from a newer release"
        ) from error


def revision(engine: Engine) -> str | None:
    """Return the database's revision, None for an empty database."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
