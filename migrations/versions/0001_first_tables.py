"""First tables: items, vectors, the change log, imports and keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ITEM_ID = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
HASH = sa.String(64)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, server_default=sa.text("0"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=sa.func.now(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("id", ITEM_ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("text_hash", HASH, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
    )
    op.create_index("ix_items_text_hash", "items", ["text_hash"])
    op.create_table(
        "vectors",
        sa.Column("encoder_id", sa.String(200), nullable=False),
        sa.Column("text_hash", HASH, nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("encoder_id", "text_hash", name="pk_vectors"),
    )
    op.create_table(
        "changes",
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("text_hash", HASH),
        sa.PrimaryKeyConstraint("item_id", name="pk_changes"),
        sa.UniqueConstraint("sequence", name="uq_changes_sequence"),
    )
    sequence = op.create_table(
        "sequence",
        sa.Column("id", sa.Integer(), nullable=False),
        _number("value"),
        sa.PrimaryKeyConstraint("id", name="pk_sequence"),
    )
    op.bulk_insert(sequence, [{"id": 1, "value": 0}])
    op.create_table(
        "imports",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("digest", HASH, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_line", NUMBER, nullable=False),
        _number("created"),
        _number("updated"),
        _number("unchanged"),
        _number("refused"),
        sa.Column("finished", sa.Boolean(), server_default=sa.false(), nullable=False),
        _moment("started_at"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_digest", "imports", ["digest"])
    op.create_table(
        "import_refusals",
        sa.Column("import_id", NUMBER, nullable=False),
        sa.Column("line", NUMBER, autoincrement=False, nullable=False),
        sa.Column("item_id", sa.Text()),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.id"],
            name="fk_import_refusals_import_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_import_refusals"),
    )
    op.create_table(
        "api_keys",
        sa.Column("digest", HASH, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        _moment("created_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("digest", name="pk_api_keys"),
    )
    op.create_index(
        "uq_api_keys_active_name",
        "api_keys",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    for table in (
        "api_keys",
        "import_refusals",
        "imports",
        "sequence",
        "changes",
        "vectors",
        "items",
    ):
        op.drop_table(table)
