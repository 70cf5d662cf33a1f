"""Tables and constraint names: what the migrations lead to."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# ids sort by code point on every database: pages must not depend on a locale
ItemId = String(200).with_variant(String(200, collation="C"), "postgresql")
Hash = String(64)
Number = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class ItemRow(Base):
    """An item as the caller gave it, and the hash of the text that is embedded for it."""

    __tablename__ = "items"

    id: Mapped[str] = mapped_column(ItemId, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    attributes: Mapped[dict[str, Any]]
    text_hash: Mapped[str] = mapped_column(Hash, index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class VectorRow(Base):
    """The vector of one text under one encoder: little-endian float32. Never changed.

    Kept when no item has the text any more: taking the item in again costs no encoding.
    """

    __tablename__ = "vectors"

    encoder_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    text_hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class ChangeRow(Base):
    """The newest state of an item, for indexes to follow; no hash: deleted."""

    __tablename__ = "changes"

    item_id: Mapped[str] = mapped_column(ItemId, primary_key=True)
    sequence: Mapped[int] = mapped_column(Number, unique=True)
    text_hash: Mapped[str | None] = mapped_column(Hash)


class SequenceRow(Base):
    """One row: the highest sequence number given out.

    A writer updates it first and so holds its lock until it commits: sequence numbers become
    visible in order, and a reader that has seen number n has seen everything before it.
    """

    __tablename__ = "sequence"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(Number, server_default=text("0"))


class ImportRow(Base):
    """How far the import of a file is; `digest` is the SHA-256 of its content."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    digest: Mapped[str] = mapped_column(Hash, index=True)
    name: Mapped[str] = mapped_column(Text)
    next_line: Mapped[int] = mapped_column(Number)
    created: Mapped[int] = mapped_column(Number, server_default=text("0"))
    updated: Mapped[int] = mapped_column(Number, server_default=text("0"))
    unchanged: Mapped[int] = mapped_column(Number, server_default=text("0"))
    refused: Mapped[int] = mapped_column(Number, server_default=text("0"))
    finished: Mapped[bool] = mapped_column(server_default=false())
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class RefusalRow(Base):
    """A line of an import that was not taken; errors: list of {field, message}."""

    __tablename__ = "import_refusals"

    import_id: Mapped[int] = mapped_column(
        ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    item_id: Mapped[str | None] = mapped_column(Text)
    errors: Mapped[list[Any]]


class KeyRow(Base):
    """An API key: the SHA-256 of 32 random bytes, which needs no slow hash."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(
            "uq_api_keys_active_name",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    digest: Mapped[str] = mapped_column(Hash, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
