"""Records of sessions, the news of their endings, and what happened to an account."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.errors import ConfigurationError

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("activity", "revocations", "genkan_sessions")

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Only adds, and what it adds to existing tables may be null: workers of the release before this one go on working."""
    _refuse_what_is_somebody_elses()
    op.add_column("users", sa.Column("disabledAt", sa.BigInteger()))
    op.add_column("users", sa.Column("nameOverridden", sa.Boolean()))
    op.add_column("accounts", sa.Column("refresh_locked_until", sa.BigInteger()))
    _create_sessions()
    _create_revocations()
    _create_activity()


def downgrade() -> None:
    """Everybody is signed out by it: tokens stay, but the word that some of them have ended goes."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("accounts", "refresh_locked_until")
    op.drop_column("users", "nameOverridden")
    op.drop_column("users", "disabledAt")


def _refuse_what_is_somebody_elses() -> None:
    known = sa.inspect(op.get_bind())
    tables = {*TABLES} & {*known.get_table_names()}
    columns = {"disabledAt", "nameOverridden"} & {column["name"] for column in known.get_columns("users")}
    if taken := sorted(tables | {f"users.{name}" for name in columns}):
        raise ConfigurationError(
            f"DATABASE_URL: {', '.join(taken)} is there already and another application's. Rename it, or name another "
            "database."
        )


def _user_id(table: str) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    columns = sa.inspect(op.get_bind()).get_columns("users")
    kind = next(column["type"] for column in columns if column["name"] == "id")
    owner = sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id_users", ondelete="CASCADE")
    return sa.Column("user_id", kind, nullable=False), owner


def _create_sessions() -> None:
    op.create_table(
        "genkan_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        *_user_id("genkan_sessions"),
        sa.Column("provider", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("provider_sid", "id_token")),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("created", "last_seen", "expires", "absolute_expires")
        ),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.Text()),
        sa.Column("revoked_at", sa.BigInteger()),
        *(sa.Column(name, sa.Text()) for name in ("revocation_reason", "token_hash", "claims")),
        sa.PrimaryKeyConstraint("id", name="pk_genkan_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_genkan_sessions_token_hash"),
    )
    op.create_index("ix_genkan_sessions_user_id", "genkan_sessions", ["user_id"])
    op.create_index("ix_genkan_sessions_expires", "genkan_sessions", ["expires"])
    op.create_index("ix_genkan_sessions_provider_sid", "genkan_sessions", ["provider", "provider_sid"])


def _create_revocations() -> None:
    op.create_table(
        "revocations",
        sa.Column("id", COUNTED, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("at", "until")),
        sa.PrimaryKeyConstraint("id", name="pk_revocations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revocations_until", "revocations", ["until"])


def _create_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", COUNTED, nullable=False),
        *_user_id("activity"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("provider", "device", "ip_address", "detail")),
        sa.PrimaryKeyConstraint("id", name="pk_activity"),
    )
    op.create_index("ix_activity_at", "activity", ["at"])
    op.create_index("ix_activity_user_id_at", "activity", ["user_id", "at"])
