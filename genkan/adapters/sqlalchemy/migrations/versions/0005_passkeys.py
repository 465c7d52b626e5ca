"""Passkeys, and the user handles in them.

A table `authenticators` of an Auth.js database is adopted: columns of ours are added, which may be null.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import is_authjs, table_name
from genkan.errors import ConfigurationError

revision = "passkeys"
down_revision: str | None = "addresses"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

HANDLES = "genkan_passkey_handles"

AUTHJS_COLUMNS = (
    "credentialID",
    "userId",
    "providerAccountId",
    "credentialPublicKey",
    "counter",
    "credentialDeviceType",
    "credentialBackedUp",
    "transports",
)

OWN_COLUMNS = {
    "handle": sa.Text,
    "name": sa.Text,
    "aaguid": sa.Text,
    "created_at": sa.BigInteger,
    "last_used_at": sa.BigInteger,
}


def upgrade() -> None:
    """Add tables and columns only, so that workers of the previous release continue to work."""
    inspector = sa.inspect(op.get_bind())
    existing, table = set(inspector.get_table_names()), table_name("authenticators")
    if HANDLES in existing:
        raise ConfigurationError(
            f"DATABASE_URL: {HANDLES} already exists and belongs to another application. Rename it, or name another database."
        )
    if is_authjs() and table in existing:
        _adopt({column["name"] for column in inspector.get_columns(table)})
    else:
        _create(table)
    op.create_index(f"uq_{table}_credentialID", table, ["credentialID"], unique=True, if_not_exists=True)
    op.create_index(f"ix_{table}_userId", table, ["userId"], if_not_exists=True)
    op.create_table(
        HANDLES,
        _user_id("user_id"),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=f"pk_{HANDLES}"),
        _foreign_key(HANDLES, "user_id"),
    )


def downgrade() -> None:
    """Drop the tables. Auth.js's table of passkeys stays with its columns, because it may have been there before."""
    op.drop_table(HANDLES)
    if is_authjs():
        for name in OWN_COLUMNS:
            op.drop_column("authenticators", name)
    else:
        op.drop_table(table_name("authenticators"))


def _adopt(columns: set[str]) -> None:
    if missing := [name for name in AUTHJS_COLUMNS if name not in columns]:
        raise ConfigurationError(
            "DATABASE_URL: the table authenticators exists, but is not Auth.js's, because it has no column "
            f"{', '.join(missing)}. Add the missing columns, or name another database."
        )
    for name, type_ in OWN_COLUMNS.items():
        if name not in columns:
            op.add_column("authenticators", sa.Column(name, type_()))


def _create(table: str) -> None:
    text, number = sa.Text(), sa.BigInteger()
    op.create_table(
        table,
        sa.Column("credentialID", text, nullable=False),
        _user_id("userId"),
        *(sa.Column(name, text, nullable=False) for name in ("providerAccountId", "credentialPublicKey")),
        sa.Column("counter", number, nullable=False),
        sa.Column("credentialDeviceType", text, nullable=False),
        sa.Column("credentialBackedUp", sa.Boolean(), nullable=False),
        sa.Column("transports", text),
        *(sa.Column(name, type_()) for name, type_ in OWN_COLUMNS.items()),
        sa.PrimaryKeyConstraint("credentialID", "userId", name=f"pk_{table}"),
        _foreign_key(table, "userId"),
    )


def _user_id(name: str) -> sa.Column[object]:
    columns = sa.inspect(op.get_bind()).get_columns(table_name("users"))
    return sa.Column(name, next(column["type"] for column in columns if column["name"] == "id"), nullable=False)


def _foreign_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    users = table_name("users")
    return sa.ForeignKeyConstraint([column], [f"{users}.id"], name=f"fk_{table}_{column}_{users}", ondelete="CASCADE")
