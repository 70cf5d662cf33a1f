"""Runs migrations on a connection that the app passes in, or on the settings' database."""

from alembic import context
from sqlalchemy import Connection, text

from app.settings import Settings
from app.store.engine import open_engine
from app.tables import Base

_LOCK = 7_301_001
"""Number of the advisory lock under which migrations run: two starting servers take turns."""


def run(connection: Connection) -> None:
    """Bring the database behind `connection` to the wanted revision."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    with open_engine(Settings()).begin() as own:
        run(own)
