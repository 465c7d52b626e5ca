"""Links and codes by mail, passwords, mails to deliver and shared limits.

A table `verification_token` of an Auth.js database is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import is_authjs, table_name, verification_tokens
from genkan.errors import ConfigurationError

revision = "addresses"
down_revision: str | None = "revocation_rules"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("genkan_limits", "genkan_outbox", "genkan_passwords", "genkan_verifications")

TOKEN_COLUMNS = ("identifier", "token", "expires")


def upgrade() -> None:
    """Add tables only, so that workers of the previous release continue to work."""
    inspector = sa.inspect(op.get_bind())
    existing = set(inspector.get_table_names())
    if found := sorted(existing & set(TABLES)):
        raise ConfigurationError(
            f"DATABASE_URL: {', '.join(found)} already exists and belongs to another application. Rename it, or name "
            "another database."
        )
    tokens = verification_tokens()
    if is_authjs() and tokens in existing:
        _check_columns({column["name"] for column in inspector.get_columns(tokens)})
    else:
        _create_tokens(tokens)
    op.create_index(f"ix_{tokens}_expires", tokens, ["expires"], if_not_exists=True)
    _create_verifications()
    _create_passwords()
    _create_outbox()
    _create_limits()


def downgrade() -> None:
    """Drop the tables. Passwords are lost. Auth.js's table of links stays, because it may have been there before."""
    for table in TABLES:
        op.drop_table(table)
    if is_authjs():
        op.drop_index(f"ix_{verification_tokens()}_expires", verification_tokens())
    else:
        op.drop_table(verification_tokens())


def _check_columns(columns: set[str]) -> None:
    if missing := [name for name in TOKEN_COLUMNS if name not in columns]:
        raise ConfigurationError(
            f"DATABASE_URL: the table {verification_tokens()} exists, but is not Auth.js's, because it has no column "
            f"{', '.join(missing)}. Add the missing columns, or name another database."
        )


def _create_tokens(tokens: str) -> None:
    op.create_table(
        tokens,
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("identifier", "token")),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identifier", "token", name=f"pk_{tokens}"),
    )


def _user_id(table: str, *, nullable: bool = False) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    users = table_name("users")
    columns = sa.inspect(op.get_bind()).get_columns(users)
    user_id_type = next(column["type"] for column in columns if column["name"] == "id")
    foreign_key = sa.ForeignKeyConstraint(
        ["user_id"], [f"{users}.id"], name=f"fk_{table}_user_id_{users}", ondelete="CASCADE"
    )
    return sa.Column("user_id", user_id_type, nullable=nullable), foreign_key


def _create_verifications() -> None:
    table = "genkan_verifications"
    user_id, foreign_key = _user_id(table, nullable=True)
    op.create_table(
        table,
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("token_hash", "identifier", "purpose", "email")),
        user_id,
        *(sa.Column(name, sa.Text()) for name in ("browser", "code_hash", "data")),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=f"pk_{table}"),
        foreign_key,
    )
    for name in ("email", "user_id", "expires"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def _create_passwords() -> None:
    table = "genkan_passwords"
    user_id, foreign_key = _user_id(table)
    op.create_table(
        table,
        user_id,
        sa.Column("hash", sa.Text()),
        sa.PrimaryKeyConstraint("user_id", name=f"pk_{table}"),
        foreign_key,
    )


def _create_outbox() -> None:
    table = "genkan_outbox"
    op.create_table(
        table,
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "body")),
        *(sa.Column(name, sa.Text()) for name in ("identifier", "token_hash")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "due", "expires")),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_due", table, ["due"])
    op.create_index(f"ix_{table}_expires", table, ["expires"])


def _create_limits() -> None:
    table = "genkan_limits"
    op.create_table(
        table,
        sa.Column("key", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("count", "next_at", "expires")),
        sa.PrimaryKeyConstraint("key", name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_expires", table, ["expires"])
