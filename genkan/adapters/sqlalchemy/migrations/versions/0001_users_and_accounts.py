"""Users, accounts and used ids. The tables of an existing Auth.js database are adopted.

Adopting a table adds what is missing and changes no existing column. Foreign keys are not added to existing tables,
because rows that violate them may exist, and another application may not expect them.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from genkan.adapters.sqlalchemy.migrations.names import is_authjs, table_name
from genkan.errors import ConfigurationError

revision = "users_and_accounts"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

USERS = ("id", "name", "email", "emailVerified", "image")
TOKENS = ("refresh_token", "access_token", "expires_at", "id_token", "scope", "session_state", "token_type")
ACCOUNTS = ("id", "userId", "type", "provider", "providerAccountId", *TOKENS)


def upgrade() -> None:
    """Create or adopt each table, then add the unique indexes."""
    existing = set(sa.inspect(op.get_bind()).get_table_names())
    if is_authjs() and "users" in existing:
        _adopt_users()
    else:
        _create_users()
    if is_authjs() and "accounts" in existing:
        _require_columns("accounts", ACCOUNTS)
    else:
        _create_accounts()
    _add_keys()
    _create_used_tokens()


def downgrade() -> None:
    """Raise ConfigurationError, because the rows of an adopted database belong to another application, too."""
    raise ConfigurationError("the first migration cannot be undone. Restore a backup instead")


def _create_users() -> None:
    users = table_name("users")
    op.create_table(
        users,
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("emailVerified", sa.DateTime(timezone=True)),
        sa.Column("image", sa.Text()),
        sa.Column("role", sa.Text(), server_default=sa.text("'user'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{users}"),
    )


def _adopt_users() -> None:
    columns = _require_columns("users", USERS)
    if "role" not in columns:
        op.add_column("users", sa.Column("role", sa.Text(), server_default=sa.text("'user'"), nullable=False))


def _create_accounts() -> None:
    users, accounts = table_name("users"), table_name("accounts")
    user_id: TypeEngine[object] = _columns(users)["id"]
    op.create_table(
        accounts,
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("userId", user_id, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("providerAccountId", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger() if name == "expires_at" else sa.Text()) for name in TOKENS),
        sa.PrimaryKeyConstraint("id", name=f"pk_{accounts}"),
        sa.ForeignKeyConstraint(["userId"], [f"{users}.id"], name=f"fk_{accounts}_userId_{users}", ondelete="CASCADE"),
    )


def _create_used_tokens() -> None:
    used_tokens = table_name("used_tokens")
    op.create_table(
        used_tokens,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{used_tokens}"),
    )
    op.create_index(f"ix_{used_tokens}_expires", used_tokens, ["expires"])


def _add_keys() -> None:
    users, accounts = table_name("users"), table_name("accounts")
    if is_authjs():
        _check_unique("users", "lower(email)")
        _check_unique("accounts", 'provider, "providerAccountId"')
    # Rows that other applications wrote may have addresses in upper case.
    email = sa.text("lower(email)") if is_authjs() else "email"
    op.create_index(f"uq_{users}_email", users, [email], unique=True, if_not_exists=True)
    op.create_index(
        f"uq_{accounts}_provider_providerAccountId",
        accounts,
        ["provider", "providerAccountId"],
        unique=True,
        if_not_exists=True,
    )
    op.create_index(f"ix_{accounts}_userId", accounts, ["userId"], if_not_exists=True)


def _columns(table: str) -> dict[str, TypeEngine[object]]:
    return {column["name"]: column["type"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _require_columns(table: str, expected: Sequence[str]) -> set[str]:
    columns = set(_columns(table))
    missing = [name for name in expected if name not in columns]
    if missing:
        raise ConfigurationError(
            f"DATABASE_URL: the table {table} exists, but is not Auth.js's, because it has no column "
            f"{', '.join(missing)}. Add the missing columns, or name another database."
        )
    return columns


def _check_unique(table: str, key: str) -> None:
    # The message has the query but not its rows, because email addresses do not belong in a log.
    where = "email IS NOT NULL" if table == "users" else "TRUE"
    query = f"SELECT {key}, count(*) FROM {table} WHERE {where} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608 (constants of this module)
    duplicates = len(op.get_bind().execute(sa.text(query)).fetchall())
    if duplicates:
        raise ConfigurationError(
            f"DATABASE_URL: the table {table} has more than one row for {duplicates} value(s) of ({key}), which must be "
            f"unique. Find them with: {query}. Keep one row of each, delete the others, and start again."
        )
