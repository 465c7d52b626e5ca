"""Sign-in by providers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "genkan_limits",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("genkan_limits", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_limits_expires", ["expires"], unique=False)

    op.create_table(
        "genkan_outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_outbox", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_outbox_due", ["due"], unique=False)
        batch_op.create_index("ix_genkan_outbox_expires", ["expires"], unique=False)

    op.create_table(
        "genkan_purges",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purged_until", sa.BigInteger(), nullable=False),
        sa.Column("stepped_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "genkan_revocations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("except_sid", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("genkan_revocations", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_revocations_kind_subject", ["kind", "subject"], unique=False)
        batch_op.create_index("ix_genkan_revocations_transaction_id_id", ["transaction_id", "id"], unique=False)
        batch_op.create_index("ix_genkan_revocations_until", ["until"], unique=False)

    op.create_table(
        "genkan_used_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_used_tokens", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_used_tokens_expires", ["expires"], unique=False)

    op.create_table(
        "genkan_verification_tokens",
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identifier", "token"),
    )
    with op.batch_alter_table("genkan_verification_tokens", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_verification_tokens_expires", ["expires"], unique=False)

    op.create_table(
        "genkan_users",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("emailVerified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), server_default=sa.text("'user'"), nullable=False),
        sa.Column("disabledAt", sa.BigInteger(), nullable=True),
        sa.Column("nameOverridden", sa.Boolean(), nullable=True),
        sa.Column("application_user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["application_user_id"], ["user.id"], onupdate="CASCADE", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_users", schema=None) as batch_op:
        batch_op.create_index("uq_genkan_users_application_user_id", ["application_user_id"], unique=True)
        batch_op.create_index("uq_genkan_users_email", ["email"], unique=True)

    op.create_table(
        "genkan_accounts",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("userId", sa.String(length=255), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("providerAccountId", sa.Text(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=True),
        sa.Column("access_token", sa.Text(), nullable=True),
        sa.Column("id_token", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("session_state", sa.Text(), nullable=True),
        sa.Column("token_type", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("refresh_locked_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["userId"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_accounts", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_accounts_userId", ["userId"], unique=False)
        batch_op.create_index(
            "uq_genkan_accounts_provider_providerAccountId", ["provider", "providerAccountId"], unique=True
        )

    op.create_table(
        "genkan_activity",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_activity", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_activity_at", ["at"], unique=False)
        batch_op.create_index("ix_genkan_activity_user_id_at", ["user_id", "at"], unique=False)

    op.create_table(
        "genkan_passwords",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "genkan_pending_sign_ins",
        sa.Column("id_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    with op.batch_alter_table("genkan_pending_sign_ins", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_pending_sign_ins_expires", ["expires"], unique=False)
        batch_op.create_index("ix_genkan_pending_sign_ins_user_id", ["user_id"], unique=False)

    op.create_table(
        "genkan_recovery_codes",
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    with op.batch_alter_table("genkan_recovery_codes", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_recovery_codes_user_id", ["user_id"], unique=False)

    op.create_table(
        "genkan_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_sid", sa.Text(), nullable=True),
        sa.Column("id_token", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("absolute_expires", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revocation_reason", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("claims", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash", name="uq_genkan_sessions_token_hash"),
    )
    with op.batch_alter_table("genkan_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_sessions_expires", ["expires"], unique=False)
        batch_op.create_index("ix_genkan_sessions_provider_sid", ["provider", "provider_sid"], unique=False)
        batch_op.create_index("ix_genkan_sessions_user_id", ["user_id"], unique=False)

    op.create_table(
        "genkan_totp",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("pending_secret", sa.Text(), nullable=True),
        sa.Column("pending_owner", sa.Text(), nullable=True),
        sa.Column("pending_expires", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "genkan_trusted_devices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("genkan_trusted_devices", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_trusted_devices_expires", ["expires"], unique=False)
        batch_op.create_index("ix_genkan_trusted_devices_user_id", ["user_id"], unique=False)
        batch_op.create_index("uq_genkan_trusted_devices_token_hash", ["token_hash"], unique=True)

    op.create_table(
        "genkan_verifications",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("browser", sa.Text(), nullable=True),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["genkan_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("genkan_verifications", schema=None) as batch_op:
        batch_op.create_index("ix_genkan_verifications_email", ["email"], unique=False)
        batch_op.create_index("ix_genkan_verifications_expires", ["expires"], unique=False)
        batch_op.create_index("ix_genkan_verifications_user_id", ["user_id"], unique=False)


def downgrade():
    with op.batch_alter_table("genkan_verifications", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_verifications_user_id")
        batch_op.drop_index("ix_genkan_verifications_expires")
        batch_op.drop_index("ix_genkan_verifications_email")

    op.drop_table("genkan_verifications")
    with op.batch_alter_table("genkan_trusted_devices", schema=None) as batch_op:
        batch_op.drop_index("uq_genkan_trusted_devices_token_hash")
        batch_op.drop_index("ix_genkan_trusted_devices_user_id")
        batch_op.drop_index("ix_genkan_trusted_devices_expires")

    op.drop_table("genkan_trusted_devices")
    op.drop_table("genkan_totp")
    with op.batch_alter_table("genkan_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_sessions_user_id")
        batch_op.drop_index("ix_genkan_sessions_provider_sid")
        batch_op.drop_index("ix_genkan_sessions_expires")

    op.drop_table("genkan_sessions")
    with op.batch_alter_table("genkan_recovery_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_recovery_codes_user_id")

    op.drop_table("genkan_recovery_codes")
    with op.batch_alter_table("genkan_pending_sign_ins", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_pending_sign_ins_user_id")
        batch_op.drop_index("ix_genkan_pending_sign_ins_expires")

    op.drop_table("genkan_pending_sign_ins")
    op.drop_table("genkan_passwords")
    with op.batch_alter_table("genkan_activity", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_activity_user_id_at")
        batch_op.drop_index("ix_genkan_activity_at")

    op.drop_table("genkan_activity")
    with op.batch_alter_table("genkan_accounts", schema=None) as batch_op:
        batch_op.drop_index("uq_genkan_accounts_provider_providerAccountId")
        batch_op.drop_index("ix_genkan_accounts_userId")

    op.drop_table("genkan_accounts")
    with op.batch_alter_table("genkan_users", schema=None) as batch_op:
        batch_op.drop_index("uq_genkan_users_email")
        batch_op.drop_index("uq_genkan_users_application_user_id")

    op.drop_table("genkan_users")
    with op.batch_alter_table("genkan_verification_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_verification_tokens_expires")

    op.drop_table("genkan_verification_tokens")
    with op.batch_alter_table("genkan_used_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_used_tokens_expires")

    op.drop_table("genkan_used_tokens")
    with op.batch_alter_table("genkan_revocations", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_revocations_until")
        batch_op.drop_index("ix_genkan_revocations_transaction_id_id")
        batch_op.drop_index("ix_genkan_revocations_kind_subject")

    op.drop_table("genkan_revocations")
    op.drop_table("genkan_purges")
    with op.batch_alter_table("genkan_outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_outbox_expires")
        batch_op.drop_index("ix_genkan_outbox_due")

    op.drop_table("genkan_outbox")
    with op.batch_alter_table("genkan_limits", schema=None) as batch_op:
        batch_op.drop_index("ix_genkan_limits_expires")

    op.drop_table("genkan_limits")
