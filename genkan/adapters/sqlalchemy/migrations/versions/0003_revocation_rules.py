"""Rules that revoke all sessions of a user or of all users, the transaction of each revocation, and the state of purges."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import table_name
from genkan.errors import ConfigurationError

revision = "revocation_rules"
down_revision: str | None = "sessions"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "genkan_purges"


def upgrade() -> None:
    """Add columns that may be null, indexes and a table, so that workers of the previous release continue to work."""
    if TABLE in sa.inspect(op.get_bind()).get_table_names():
        raise ConfigurationError(
            f"DATABASE_URL: {TABLE} already exists and belongs to another application. Rename it, or name another database."
        )
    revocations = table_name("revocations")
    op.add_column(revocations, sa.Column("except_sid", sa.Text()))
    op.add_column(
        revocations, sa.Column("transaction_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    if op.get_bind().dialect.name == "postgresql":
        # Rows from before this migration keep 0: they are committed, so no reader can miss them.
        op.execute(
            f"ALTER TABLE {revocations} ALTER COLUMN transaction_id SET DEFAULT (pg_current_xact_id()::text::bigint)"
        )
    op.create_index(f"ix_{revocations}_kind_subject", revocations, ["kind", "subject"])
    op.create_index(f"ix_{revocations}_transaction_id_id", revocations, ["transaction_id", "id"])
    purges = op.create_table(
        TABLE,
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("purged_until", "stepped_at")),
        sa.PrimaryKeyConstraint("name", name=f"pk_{TABLE}"),
    )
    now = int(time.time())
    rows = [{"name": name, "purged_until": now, "stepped_at": now} for name in ("sessions", "used_tokens")]
    op.bulk_insert(purges, rows)


def downgrade() -> None:
    """Drop the table and the columns. Sessions that a rule revoked become valid again, unless the secret is changed,
    too."""
    op.drop_table(TABLE)
    revocations = table_name("revocations")
    op.drop_index(f"ix_{revocations}_transaction_id_id", revocations)
    op.drop_index(f"ix_{revocations}_kind_subject", revocations)
    op.drop_column(revocations, "transaction_id")
    op.drop_column(revocations, "except_sid")
