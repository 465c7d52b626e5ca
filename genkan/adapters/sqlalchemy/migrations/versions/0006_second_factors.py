"""Second factors: secrets of authenticator apps, recovery codes, trusted devices and sign-ins that wait."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import table_name
from genkan.errors import ConfigurationError

revision = "second_factors"
down_revision: str | None = "passkeys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("genkan_pending_sign_ins", "genkan_recovery_codes", "genkan_totp", "genkan_trusted_devices")


def upgrade() -> None:
    """Add tables only, so that workers of the previous release continue to work."""
    if found := sorted(set(sa.inspect(op.get_bind()).get_table_names()) & set(TABLES)):
        raise ConfigurationError(
            f"DATABASE_URL: {', '.join(found)} already exists and belongs to another application. Rename it, or name "
            "another database."
        )
    _create_totp()
    _create_codes()
    _create_devices()
    _create_pending()


def downgrade() -> None:
    """Drop the tables. Users have no second factor then."""
    for table in TABLES:
        op.drop_table(table)


def _user_id(table: str) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    users = table_name("users")
    columns = sa.inspect(op.get_bind()).get_columns(users)
    user_id_type = next(column["type"] for column in columns if column["name"] == "id")
    foreign_key = sa.ForeignKeyConstraint(
        ["user_id"], [f"{users}.id"], name=f"fk_{table}_user_id_{users}", ondelete="CASCADE"
    )
    return sa.Column("user_id", user_id_type, nullable=False), foreign_key


def _create_totp() -> None:
    table = "genkan_totp"
    user_id, foreign_key = _user_id(table)
    op.create_table(
        table,
        user_id,
        sa.Column("secret", sa.Text()),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("pending_secret", "pending_owner")),
        sa.Column("pending_expires", sa.BigInteger()),
        sa.PrimaryKeyConstraint("user_id", name=f"pk_{table}"),
        foreign_key,
    )


def _create_codes() -> None:
    table = "genkan_recovery_codes"
    user_id, foreign_key = _user_id(table)
    op.create_table(
        table,
        sa.Column("code_hash", sa.Text(), nullable=False),
        user_id,
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("code_hash", name=f"pk_{table}"),
        foreign_key,
    )
    op.create_index(f"ix_{table}_user_id", table, ["user_id"])


def _create_devices() -> None:
    table = "genkan_trusted_devices"
    user_id, foreign_key = _user_id(table)
    op.create_table(
        table,
        sa.Column("id", sa.Text(), nullable=False),
        user_id,
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("token_hash", "device")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created", "last_used", "expires")),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        foreign_key,
    )
    op.create_index(f"uq_{table}_token_hash", table, ["token_hash"], unique=True)
    for name in ("user_id", "expires"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def _create_pending() -> None:
    table = "genkan_pending_sign_ins"
    user_id, foreign_key = _user_id(table)
    op.create_table(
        table,
        sa.Column("id_hash", sa.Text(), nullable=False),
        user_id,
        sa.Column("data", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "created", "expires")),
        sa.PrimaryKeyConstraint("id_hash", name=f"pk_{table}"),
        foreign_key,
    )
    for name in ("user_id", "expires"):
        op.create_index(f"ix_{table}_{name}", table, [name])
