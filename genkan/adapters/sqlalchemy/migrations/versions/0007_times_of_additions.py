"""When accounts were linked, and when authenticator apps and recovery codes were added."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from genkan.adapters.sqlalchemy.migrations.names import table_name
from genkan.errors import ConfigurationError

revision = "times_of_additions"
down_revision: str | None = "second_factors"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (("accounts", "linked_at"), ("genkan_totp", "created_at"), ("genkan_recovery_codes", "created_at"))


def upgrade() -> None:
    """Add columns that may be null, so that workers of the previous release and Auth.js continue to work."""
    accounts = table_name("accounts")
    if "linked_at" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(accounts)}:
        raise ConfigurationError(
            f"DATABASE_URL: {accounts}.linked_at already exists and belongs to another application. Rename it, or name "
            "another database."
        )
    for table, name in COLUMNS:
        op.add_column(table_name(table), sa.Column(name, sa.BigInteger()))


def downgrade() -> None:
    """Drop the columns. A link that restores an address removes no account and no authenticator app then."""
    for table, name in COLUMNS:
        op.drop_column(table_name(table), name)
