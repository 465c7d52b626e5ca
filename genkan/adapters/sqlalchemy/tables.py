"""The tables, either with Genkan's own names or with those of Auth.js."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from genkan.adapters.sqlalchemy import models
from genkan.adapters.sqlalchemy.database import table_of
from genkan.adapters.sqlalchemy.passkeys.models import Authenticator, PasskeyHandle, create_passkey_tables
from genkan.adapters.sqlalchemy.second_factors.tables import second_factor_tables

Naming = Literal["genkan", "authjs"]
"""`genkan`: every name begins with `genkan_`. `authjs`: users and accounts are those of Auth.js, whose database is
shared."""

APPLICATION_USER = "application_user_id"
"""Column of users with the primary key of the application's own user. It exists if the application has users of its own."""

ID_LENGTH = 255

TOKENS = ("refresh_token", "access_token", "id_token", "scope", "session_state", "token_type")


class Tables(NamedTuple):
    """The tables of one application."""

    users: Table
    accounts: Table
    used_tokens: Table
    sessions: Table
    revocations: Table
    activity: Table
    verification_tokens: Table
    verifications: Table
    passwords: Table
    outbox: Table
    limits: Table
    authenticators: Table
    passkey_handles: Table
    purges: Table
    totp: Table
    recovery_codes: Table
    trusted_devices: Table
    pending_sign_ins: Table


def _authjs_user_id(primary_key: bool) -> Column[str]:
    reference = ForeignKey("users.id", ondelete="CASCADE")
    return Column("user_id", models.StringId(), reference, nullable=False, primary_key=primary_key)


_MODELS = (
    models.User,
    models.Account,
    models.UsedToken,
    models.SessionRecord,
    models.Revocation,
    models.Activity,
    models.VerificationToken,
    models.Verification,
    models.Password,
    models.OutgoingMail,
    models.Limit,
    Authenticator,
    PasskeyHandle,
    models.PurgeState,
)

AUTHJS_TABLES = Tables(*(*map(table_of, _MODELS), *second_factor_tables(models.Base.metadata, _authjs_user_id)))
"""Tables that Auth.js can use, too."""


def create_tables(metadata: MetaData, application_user: Column[object] | None = None) -> Tables:
    """Add the tables to `metadata` and return them. All types are SQLAlchemy's own, so that Alembic can write them.

    With `application_user`, the primary key of the application's users, each user refers to one of them. A user whose
    reference is null has lost the one of the application, and is deleted.
    """
    users = Table(
        "genkan_users",
        metadata,
        Column("id", String(ID_LENGTH), primary_key=True),
        Column("name", Text),
        Column("email", Text),
        Column("emailVerified", DateTime(timezone=True)),
        Column("image", Text),
        Column("role", Text, nullable=False, server_default=text("'user'")),
        Column("disabledAt", BigInteger),
        Column("nameOverridden", Boolean),
        Index("uq_genkan_users_email", "email", unique=True),
        *_application_user(application_user),
    )
    accounts = Table(
        "genkan_accounts",
        metadata,
        Column("id", String(ID_LENGTH), primary_key=True),
        _user_id("userId"),
        *(Column(name, Text, nullable=False) for name in ("type", "provider", "providerAccountId")),
        *(Column(name, Text) for name in TOKENS),
        *(Column(name, BigInteger) for name in ("expires_at", "refresh_locked_until", "linked_at")),
        Index("uq_genkan_accounts_provider_providerAccountId", "provider", "providerAccountId", unique=True),
        Index("ix_genkan_accounts_userId", "userId"),
    )
    sessions, addresses = _sessions(metadata), _addresses(metadata)
    passkeys = create_passkey_tables(metadata, ID_LENGTH)
    factors = second_factor_tables(metadata, lambda is_key: _user_id("user_id", primary_key=is_key))
    return Tables(
        users, accounts, _used_tokens(metadata), *sessions, *addresses, *passkeys, _purges(metadata), *factors
    )


def application_key(tables: Tables) -> Column[Any] | None:
    """Return the primary key that users are linked to. None if the application has no users of its own."""
    column = tables.users.c.get(APPLICATION_USER)
    return None if column is None else next(iter(column.foreign_keys)).column


def _application_user(key: Column[object] | None) -> tuple[Column[object] | Index, ...]:
    if key is None:
        return ()
    # Not ON DELETE CASCADE: the row that is left tells the workers that the sessions of this user end.
    column = Column(APPLICATION_USER, key.type, ForeignKey(key, ondelete="SET NULL", onupdate="CASCADE"))
    return column, Index("uq_genkan_users_application_user_id", APPLICATION_USER, unique=True)


def _user_id(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    reference = ForeignKey("genkan_users.id", ondelete="CASCADE")
    return Column(name, String(ID_LENGTH), reference, nullable=nullable, primary_key=primary_key)


def _used_tokens(metadata: MetaData) -> Table:
    return Table(
        "genkan_used_tokens",
        metadata,
        Column("id", Text, primary_key=True),
        Column("expires", BigInteger, nullable=False),
        Index("ix_genkan_used_tokens_expires", "expires"),
    )


def _sessions(metadata: MetaData) -> tuple[Table, Table, Table]:
    return _session_records(metadata), _revocations(metadata), _activity(metadata)


def _session_records(metadata: MetaData) -> Table:
    return Table(
        "genkan_sessions",
        metadata,
        Column("id", Text, primary_key=True),
        _user_id("user_id"),
        Column("provider", Text, nullable=False),
        *(Column(name, Text) for name in ("provider_sid", "id_token")),
        *(Column(name, BigInteger, nullable=False) for name in ("created", "last_seen", "expires", "absolute_expires")),
        Column("device", Text, nullable=False),
        Column("ip_address", Text),
        Column("revoked_at", BigInteger),
        *(Column(name, Text) for name in ("revocation_reason", "token_hash", "claims")),
        UniqueConstraint("token_hash", name="uq_genkan_sessions_token_hash"),
        Index("ix_genkan_sessions_user_id", "user_id"),
        Index("ix_genkan_sessions_expires", "expires"),
        Index("ix_genkan_sessions_provider_sid", "provider", "provider_sid"),
    )


def _revocations(metadata: MetaData) -> Table:
    return Table(
        "genkan_revocations",
        metadata,
        _number(),
        *(Column(name, Text, nullable=False) for name in ("kind", "subject")),
        *(Column(name, BigInteger, nullable=False) for name in ("at", "until")),
        Column("except_sid", Text),
        Column("transaction_id", BigInteger, nullable=False, server_default=text("0")),
        Index("ix_genkan_revocations_until", "until"),
        Index("ix_genkan_revocations_kind_subject", "kind", "subject"),
        Index("ix_genkan_revocations_transaction_id_id", "transaction_id", "id"),
        # Otherwise SQLite would reuse the ids of deleted rows, and workers would not read the new rows.
        sqlite_autoincrement=True,
    )


def _activity(metadata: MetaData) -> Table:
    return Table(
        "genkan_activity",
        metadata,
        _number(),
        _user_id("user_id"),
        Column("at", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        *(Column(name, Text) for name in ("provider", "device", "ip_address", "detail")),
        Index("ix_genkan_activity_at", "at"),
        Index("ix_genkan_activity_user_id_at", "user_id", "at"),
    )


def _addresses(metadata: MetaData) -> tuple[Table, Table, Table, Table, Table]:
    tokens = Table(
        "genkan_verification_tokens",
        metadata,
        *(Column(name, Text, primary_key=True) for name in ("identifier", "token")),
        Column("expires", DateTime(timezone=True), nullable=False),
        Index("ix_genkan_verification_tokens_expires", "expires"),
    )
    verifications = Table(
        "genkan_verifications",
        metadata,
        Column("token_hash", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("identifier", "purpose", "email")),
        _user_id("user_id", nullable=True),
        *(Column(name, Text) for name in ("browser", "code_hash", "data")),
        Column("expires", BigInteger, nullable=False),
        *(Index(f"ix_genkan_verifications_{name}", name) for name in ("email", "user_id", "expires")),
    )
    passwords = Table(
        "genkan_passwords",
        metadata,
        _user_id("user_id", primary_key=True),
        Column("hash", Text),
    )
    return tokens, verifications, passwords, *_outbox_and_limits(metadata)


def _outbox_and_limits(metadata: MetaData) -> tuple[Table, Table]:
    outbox = Table(
        "genkan_outbox",
        metadata,
        Column("id", Text, primary_key=True),
        Column("body", Text, nullable=False),
        *(Column(name, Text) for name in ("identifier", "token_hash")),
        *(Column(name, BigInteger, nullable=False) for name in ("attempts", "due", "expires")),
        Index("ix_genkan_outbox_due", "due"),
        Index("ix_genkan_outbox_expires", "expires"),
    )
    limits = Table(
        "genkan_limits",
        metadata,
        Column("key", Text, primary_key=True),
        *(Column(name, BigInteger, nullable=False) for name in ("count", "next_at", "expires")),
        Index("ix_genkan_limits_expires", "expires"),
    )
    return outbox, limits


def _purges(metadata: MetaData) -> Table:
    return Table(
        "genkan_purges",
        metadata,
        Column("name", Text, primary_key=True),
        *(Column(name, BigInteger, nullable=False) for name in ("purged_until", "stepped_at")),
    )


def _number() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
