"""API keys in SQL; only digests are kept."""

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.errors import InvalidInput
from app.store.engine import reading, writing
from app.tables import KeyRow
from app.types import FieldError


class SqlKeyStore:
    """The `KeyStore` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, name: str, digest: str) -> None:
        """Store a key's digest. Raises `InvalidInput` when an active key has the name."""
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(KeyRow).values(name=name, digest=digest))
        except IntegrityError as error:
            raise InvalidInput([FieldError("name", f"an active key is named {name!r}")]) from error

    def active(self, digest: str) -> bool:
        """Tell whether a key with this digest exists and is not revoked."""
        query = select(KeyRow.digest).where(KeyRow.digest == digest, KeyRow.revoked_at.is_(None))
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def names(self) -> list[str]:
        """Return the names of the active keys, in order."""
        query = select(KeyRow.name).where(KeyRow.revoked_at.is_(None)).order_by(KeyRow.name)
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def revoke(self, name: str) -> bool:
        """Revoke a key by name; False if no active key has it."""
        query = (
            update(KeyRow)
            .where(KeyRow.name == name, KeyRow.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )
        with writing(self._engine) as connection:
            return connection.execute(query).rowcount > 0
