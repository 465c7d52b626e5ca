"""Tables with Auth.js's columns, so that Auth.js can use the same database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, UserDefinedType


class StringId(UserDefinedType[str]):
    """Id that is a string in Python for every column type: text, uuid, or the integers of an Auth.js database.

    It is not a String, because psycopg then writes `::VARCHAR` after each parameter, and PostgreSQL cannot compare an
    integer with a varchar. A parameter without a cast is read as the column's own type.
    """

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the column type for a new database. Ids that Genkan creates are UUIDs in text form."""
        return "VARCHAR(255)"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None]:
        """Return a function that converts integers and UUIDs to text."""
        return lambda value: None if value is None else str(value)


class UTCDateTime(TypeDecorator[datetime]):
    """Time with a time zone, always in UTC. SQLite stores no zone, so it is added when a value is read.

    Some adapters of Auth.js store milliseconds since 1970, which are read, too.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert the time to UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC. A value without a zone is in UTC already."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return a function that reads milliseconds as well as the database's own type."""
        default = super().result_processor(dialect, coltype)

        def read(value: Any) -> datetime | None:
            if isinstance(value, int):
                return datetime.fromtimestamp(value / 1000, UTC)
            return default(value) if default else self.process_result_value(value, dialect)

        return read


class Base(DeclarativeBase):
    """Base of all tables, with names for constraints that migrations can refer to."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text, datetime: UTCDateTime, int: BigInteger}


class User(Base):
    """User who has signed in at least once. The columns after `image` are Genkan's, the others Auth.js's."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(StringId, primary_key=True)
    name: Mapped[str | None]
    email: Mapped[str | None]
    email_verified: Mapped[datetime | None] = mapped_column("emailVerified")
    image: Mapped[str | None]
    role: Mapped[str] = mapped_column(server_default=text("'user'"))
    disabled_at: Mapped[int | None] = mapped_column("disabledAt")
    """Seconds since 1970. The user may not sign in while it is set."""
    name_overridden: Mapped[bool | None] = mapped_column("nameOverridden")
    """True if the user chose the name in this application. A provider's name does not replace it."""


# Genkan stores email addresses in lower case. Rows that other applications wrote may have upper case.
Index("uq_users_email", func.lower(User.email), unique=True)


class Account(Base):
    """Account at a provider. Its tokens are encrypted before they are stored."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(StringId, primary_key=True)
    user_id: Mapped[str] = mapped_column("userId", StringId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    type: Mapped[str]
    provider: Mapped[str]
    provider_account_id: Mapped[str] = mapped_column("providerAccountId")
    refresh_token: Mapped[str | None]
    access_token: Mapped[str | None]
    expires_at: Mapped[int | None]
    id_token: Mapped[str | None]
    scope: Mapped[str | None]
    session_state: Mapped[str | None]
    token_type: Mapped[str | None]
    refresh_locked_until: Mapped[int | None]
    """Seconds since 1970. Until then only one worker may refresh the tokens at the provider."""
    linked_at: Mapped[int | None]
    """Seconds since 1970. Null if Auth.js or an earlier release has added the account."""

    # An index, not a constraint, because SQLite cannot add a constraint to an existing table.
    __table_args__ = (Index("uq_accounts_provider_providerAccountId", "provider", "providerAccountId", unique=True),)


class UsedToken(Base):
    """Id that may be used once and was used. The row is deleted after the id has expired."""

    __tablename__ = "used_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    expires: Mapped[int] = mapped_column(index=True)


class SessionRecord(Base):
    """Record of one session. Times are in seconds since 1970.

    The table is not called `sessions`, because Auth.js has a table of that name, with tokens that are not encrypted,
    and may use the same database.
    """

    __tablename__ = "genkan_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The token's `sid`. It is not secret."""
    user_id: Mapped[str] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    provider_sid: Mapped[str | None]
    """The provider's `sid`, with which it requests the session's revocation."""
    id_token: Mapped[str | None]
    """Encrypted. Sent as `id_token_hint` when the user signs out at the provider."""
    created: Mapped[int]
    last_seen: Mapped[int]
    expires: Mapped[int] = mapped_column(index=True)
    absolute_expires: Mapped[int]
    device: Mapped[str]
    ip_address: Mapped[str | None]
    revoked_at: Mapped[int | None]
    revocation_reason: Mapped[str | None]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    """SHA-256 of the cookie value. Set if sessions are stored in the database."""
    claims: Mapped[str | None]
    """Claims as JSON. Set if sessions are stored in the database."""

    __table_args__ = (Index("ix_genkan_sessions_provider_sid", "provider", "provider_sid"),)


class Revocation(Base):
    """Revocation of sessions, or change of a user, for all workers to read. See `genkan.adapters.sessions.Revocation`.

    Rows are not updated. A row is deleted when a newer one replaces it, or when every token that it affects has expired.
    """

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    at: Mapped[int]
    until: Mapped[int] = mapped_column(index=True)
    except_sid: Mapped[str | None]
    transaction_id: Mapped[int] = mapped_column(server_default=text("0"))
    """PostgreSQL: the id of the transaction that added the row, which is the default there. SQLite: 0."""

    __table_args__ = (
        Index("ix_revocations_kind_subject", "kind", "subject"),
        Index("ix_revocations_transaction_id_id", "transaction_id", "id"),
        # Otherwise SQLite would reuse the ids of deleted rows, and workers would not read the new rows.
        {"sqlite_autoincrement": True},
    )


class Activity(Base):
    """Entry of a user's activity, shown to the user."""

    __tablename__ = "activity"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    user_id: Mapped[str] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str]
    provider: Mapped[str | None]
    device: Mapped[str | None]
    ip_address: Mapped[str | None]
    detail: Mapped[str | None]

    __table_args__ = (Index("ix_activity_user_id_at", "user_id", "at"),)


class VerificationToken(Base):
    """Auth.js's table of links that were sent by mail. A row decides that a link is used once, for all purposes."""

    __tablename__ = "verification_token"

    identifier: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the token in the link and the secret."""
    expires: Mapped[datetime] = mapped_column(index=True)


class Verification(Base):
    """Columns of a link that Auth.js's table does not have. See `genkan.adapters.addresses.Verification`."""

    __tablename__ = "genkan_verifications"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    identifier: Mapped[str]
    purpose: Mapped[str]
    email: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str | None] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    browser: Mapped[str | None]
    code_hash: Mapped[str | None]
    data: Mapped[str | None]
    """Encrypted."""
    expires: Mapped[int] = mapped_column(index=True)


class Password(Base):
    """User who has proven the address here, with the hash of the password, if there is one."""

    __tablename__ = "genkan_passwords"

    user_id: Mapped[str] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str | None]


class OutgoingMail(Base):
    """Mail that waits to be delivered. Times are in seconds since 1970."""

    __tablename__ = "genkan_outbox"

    id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    """Encrypted."""
    identifier: Mapped[str | None]
    token_hash: Mapped[str | None]
    attempts: Mapped[int]
    due: Mapped[int] = mapped_column(index=True)
    """A worker may take the mail from then on. While one delivers it, the end of its lease."""
    expires: Mapped[int] = mapped_column(index=True)


class Limit(Base):
    """Counter of attempts. Times are in seconds since 1970."""

    __tablename__ = "genkan_limits"

    key: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of what is counted."""
    count: Mapped[int]
    next_at: Mapped[int]
    """When the next attempt is allowed."""
    expires: Mapped[int] = mapped_column(index=True)


class PurgeState(Base):
    """Time up to which expired rows have been deleted. Times are in seconds since 1970. See
    `genkan.adapters.sqlalchemy.purge`."""

    __tablename__ = "genkan_purges"

    name: Mapped[str] = mapped_column(primary_key=True)
    purged_until: Mapped[int]
    stepped_at: Mapped[int]
