"""Records of sessions, revocations and the users' activity."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import table_name
from genkan.errors import ConfigurationError

revision = "sessions"
down_revision: str | None = "users_and_accounts"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("activity", "revocations", "genkan_sessions")

AUTOINCREMENT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add tables and nullable columns only, so that workers of the previous release continue to work."""
    _check_no_conflicts()
    users = table_name("users")
    op.add_column(users, sa.Column("disabledAt", sa.BigInteger()))
    op.add_column(users, sa.Column("nameOverridden", sa.Boolean()))
    op.add_column(table_name("accounts"), sa.Column("refresh_locked_until", sa.BigInteger()))
    _create_sessions()
    _create_revocations()
    _create_activity()


def downgrade() -> None:
    """Drop the tables and columns. Tokens that were revoked become valid again, unless the secret is changed, too."""
    for table in TABLES:
        op.drop_table(table_name(table))
    op.drop_column(table_name("accounts"), "refresh_locked_until")
    op.drop_column(table_name("users"), "nameOverridden")
    op.drop_column(table_name("users"), "disabledAt")


def _check_no_conflicts() -> None:
    inspector, users = sa.inspect(op.get_bind()), table_name("users")
    tables = {*map(table_name, TABLES)} & {*inspector.get_table_names()}
    columns = {"disabledAt", "nameOverridden"} & {column["name"] for column in inspector.get_columns(users)}
    if existing := sorted(tables | {f"{users}.{name}" for name in columns}):
        raise ConfigurationError(
            f"DATABASE_URL: {', '.join(existing)} already exists and belongs to another application. Rename it, or name "
            "another database."
        )


def _user_id(table: str) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    users = table_name("users")
    columns = sa.inspect(op.get_bind()).get_columns(users)
    user_id_type = next(column["type"] for column in columns if column["name"] == "id")
    foreign_key = sa.ForeignKeyConstraint(
        ["user_id"], [f"{users}.id"], name=f"fk_{table}_user_id_{users}", ondelete="CASCADE"
    )
    return sa.Column("user_id", user_id_type, nullable=False), foreign_key


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
    revocations = table_name("revocations")
    op.create_table(
        revocations,
        sa.Column("id", AUTOINCREMENT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("at", "until")),
        sa.PrimaryKeyConstraint("id", name=f"pk_{revocations}"),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{revocations}_until", revocations, ["until"])


def _create_activity() -> None:
    activity = table_name("activity")
    op.create_table(
        activity,
        sa.Column("id", AUTOINCREMENT, nullable=False),
        *_user_id(activity),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("provider", "device", "ip_address", "detail")),
        sa.PrimaryKeyConstraint("id", name=f"pk_{activity}"),
    )
    op.create_index(f"ix_{activity}_at", activity, ["at"])
    op.create_index(f"ix_{activity}_user_id_at", activity, ["user_id", "at"])
