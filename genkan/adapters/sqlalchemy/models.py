"""The tables: Auth.js's columns and meaning, so that one database can serve both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, MetaData, Text, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, UserDefinedType


class StringId(UserDefinedType[str]):
    """Ids are strings here, whatever the column's real type is: text, uuid, or the integers of an Auth.js database.

    Not a String: with psycopg that writes `::VARCHAR` behind each parameter, and PostgreSQL cannot compare an
    integer with a varchar. A bare parameter is read as the column's own type.
    """

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """What a new database gets: our own ids are UUIDs in text form."""
        return "VARCHAR(255)"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None]:
        """Integers and UUIDs of the driver become their text."""
        return lambda value: None if value is None else str(value)


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; SQLite keeps no zone, so it is put back on the way out.

    Some of Auth.js's adapters keep milliseconds since 1970; those are read as well.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Whatever zone it came in, it is stored in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the store gave without a zone is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Numbers first, which the database's own reading of a time does not know."""
        usual = super().result_processor(dialect, coltype)

        def read(value: Any) -> datetime | None:
            if isinstance(value, int):
                return datetime.fromtimestamp(value / 1000, UTC)
            return usual(value) if usual else self.process_result_value(value, dialect)

        return read


class Base(DeclarativeBase):
    """The common ground of all tables: constraint names that migrations can rely on."""

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
    """Somebody who has signed in at least once. The role is ours; everything else is Auth.js's."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(StringId, primary_key=True)
    name: Mapped[str | None]
    email: Mapped[str | None]
    email_verified: Mapped[datetime | None] = mapped_column("emailVerified")
    image: Mapped[str | None]
    role: Mapped[str] = mapped_column(server_default=text("'user'"))
    disabled_at: Mapped[int | None] = mapped_column("disabledAt")
    """Since when, in seconds since 1970, they may not come in; none may while it is set."""
    name_overridden: Mapped[bool | None] = mapped_column("nameOverridden")
    """They chose it here, so no provider's replaces it."""


# We store addresses in lower case, but rows that others wrote may not be; one mailbox is one user all the same.
Index("uq_users_email", func.lower(User.email), unique=True)


class Account(Base):
    """One way in: (provider, subject), and the provider's tokens, sealed before they get here."""

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
    """Until when, in seconds since 1970, one worker alone may ask the provider for new tokens."""

    # An index, not a constraint: that is what both databases can add to a table that exists already.
    __table_args__ = (Index("uq_accounts_provider_providerAccountId", "provider", "providerAccountId", unique=True),)


class UsedToken(Base):
    """Something that may be used once was used; the row outlives what it stands for, then it is purged."""

    __tablename__ = "used_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    expires: Mapped[int] = mapped_column(index=True)


class SessionRecord(Base):
    """One sign-in, from its beginning to its end; times are seconds since 1970.

    Auth.js has a table `sessions` of its own, which keeps tokens in clear and may stand in the same database.
    """

    __tablename__ = "genkan_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The token's `sid`; not a secret, it opens nothing."""
    user_id: Mapped[str] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    provider_sid: Mapped[str | None]
    """The provider's own name for its session, by which it may end ours."""
    id_token: Mapped[str | None]
    """Sealed; what a sign-out at the provider is vouched for with."""
    created: Mapped[int]
    last_seen: Mapped[int]
    expires: Mapped[int] = mapped_column(index=True)
    absolute_expires: Mapped[int]
    device: Mapped[str]
    ip_address: Mapped[str | None]
    revoked_at: Mapped[int | None]
    revocation_reason: Mapped[str | None]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    """SHA-256 of the cookie's value, where sessions are kept in the database."""
    claims: Mapped[str | None]
    """What the token would carry, as JSON; likewise."""

    __table_args__ = (Index("ix_genkan_sessions_provider_sid", "provider", "provider_sid"),)


class Revocation(Base):
    """News for every worker: a session ended, a user's sessions ended, or what is known of a user changed.

    Append only, read from the last known id on; a row goes when every token it is about has expired.
    """

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    at: Mapped[int]
    until: Mapped[int] = mapped_column(index=True)

    # Without it SQLite would hand out the ids of purged rows again, and workers would not see them as new.
    __table_args__ = ({"sqlite_autoincrement": True},)


class Activity(Base):
    """What happened to somebody's account, for them to see."""

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
