"""Session store for SQL databases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, bindparam, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Session

from genkan import strict_json
from genkan.adapters.sessions import (
    ACTIVITY_RETENTION_SECONDS,
    RETENTION_SECONDS,
    Activity,
    Revocation,
    RevocationKind,
    RevocationReason,
    SessionRecord,
)
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, table_of
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.errors import AdapterError, TokenError

COLUMNS = (
    "id", "user_id", "provider", "created", "last_seen", "expires", "absolute_expires", "device", "ip_address",
    "provider_sid", "revoked_at", "revocation_reason",
)  # fmt: skip

log = logging.getLogger(__name__)


class SQLAlchemySessionStore:
    """Implementation of `genkan.adapters.sessions.SessionStore` with declarative classes like those of `models.py`.

    `seal` encrypts an ID token before it is written, and `open` decrypts it. `lifetime` is the maximum lifetime of a
    token in seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        users: type[DeclarativeBase],
        sessions: type[DeclarativeBase],
        revocations: type[DeclarativeBase],
        activity: type[DeclarativeBase],
        lifetime: int,
        seal: Callable[[str], str],
        open: Callable[[str], str],
    ) -> None:
        self._database = database
        self._users, self._sessions = table_of(users), table_of(sessions)
        self._revocations, self._activity = table_of(revocations), table_of(activity)
        self._lifetime = lifetime
        self._seal, self._open = seal, open
        # Built once: one of them runs on every request, the other once a second.
        session, revocation, entry = self._sessions.c, self._revocations.c, self._activity.c
        is_active = session.revoked_at.is_(None) & (session.expires > bindparam("now"))
        self._claims_by_hash = select(session.claims).where((session.token_hash == bindparam("hash")) & is_active)
        columns = (revocation.id, revocation.kind, revocation.subject, revocation.at, revocation.until)
        newer = select(*columns).where(revocation.id > bindparam("after_id")).order_by(revocation.id)
        self._revocations_query = newer.limit(bindparam("limit", type_=Integer))
        self._purger = Purger(
            database,
            {
                self._sessions: lambda now: session.expires <= now - RETENTION_SECONDS,
                self._revocations: lambda now: revocation.until <= now - RETENTION_SECONDS,
                self._activity: lambda now: entry.at <= now - ACTIVITY_RETENTION_SECONDS,
            },
        )

    def create(
        self, record: SessionRecord, *, claims: Mapping[str, Any] | None = None, token_hash: str | None = None
    ) -> bool:
        """Store a new record and return True. False if the user is disabled or does not exist."""
        values = {name: getattr(record, name) for name in COLUMNS}
        values["id_token"] = self._seal(record.id_token) if record.id_token else None
        values["claims"] = None if claims is None else _to_json(claims)
        values["token_hash"] = token_hash
        is_created = self._database.run(lambda session: self._insert(session, values))
        self._purger.run_if_due(record.created)
        return is_created

    def get(self, id: str) -> SessionRecord | None:
        """Return the record with that id, also if it is revoked. None if there is none."""
        with ignore_invalid_id():
            records = self._records(self._sessions.c.id == id, limit=1)
            return records[0] if records else None
        return None

    def list_active(self, user_id: str, now: int) -> list[SessionRecord]:
        """Return the user's sessions that are neither revoked nor expired, the last seen first."""
        with ignore_invalid_id():
            return self._records((self._sessions.c.user_id == user_id) & self._is_active(now), limit=1000)
        return []

    def list_all_active(self, now: int, limit: int) -> list[SessionRecord]:
        """Return at most `limit` active sessions of all users, the last seen first."""
        return self._records(self._is_active(now), limit=limit)

    def get_claims(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """Return the claims stored for an active session, found by the SHA-256 of its token."""
        with self._database.read() as session:
            claims = session.execute(self._claims_by_hash, {"hash": token_hash, "now": now}).scalar()
        return strict_json.loads_object(claims) if claims else None

    def update(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, min_interval: int = 0) -> None:
        """Store new claims for a session that is not revoked, if that extends it by `min_interval` or more."""
        sessions = self._sessions.c
        condition = (sessions.id == id) & sessions.revoked_at.is_(None)
        if min_interval:
            condition &= sessions.expires <= expires - min_interval
        values = {"claims": _to_json(claims), "expires": expires, "last_seen": now}
        self._database.run(lambda session: session.execute(update(self._sessions).where(condition).values(values)))

    def touch(self, id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        """Set `last_seen`, and `expires` if it is given, and return True if this call wrote them."""
        sessions = self._sessions.c
        due = (
            sessions.last_seen <= now - min_interval if expires is None else sessions.expires <= expires - min_interval
        )
        condition = (sessions.id == id) & sessions.revoked_at.is_(None) & due
        values = {"last_seen": now, **({} if expires is None else {"expires": expires})}
        # The query runs first, because a reader never waits for a writer, and nearly all calls have nothing to write.
        with self._database.read() as session:
            if session.execute(select(sessions.id).where(condition)).first() is None:
                return False
        statement = update(self._sessions).where(condition).values(values).returning(sessions.id)
        return self._database.run(lambda session: session.execute(statement).first()) is not None

    def revoke(self, ids: Collection[str], reason: RevocationReason, now: int) -> list[SessionRecord]:
        """Revoke the sessions and return the records that this call has revoked."""
        if not ids:
            return []
        return self._database.run(
            lambda session: self._revoke(session, self._sessions.c.id.in_(list(ids)), reason, now)
        )

    def revoke_others(
        self, user_id: str, except_sid: str | None, reason: RevocationReason, now: int
    ) -> list[SessionRecord]:
        """Revoke all sessions of the user except `except_sid`, including sessions without a record."""
        sessions = self._sessions.c
        others = (sessions.user_id == user_id) & (sessions.id != (except_sid or ""))

        def callback(session: Session) -> list[SessionRecord]:
            revoked = self._revoke(session, others, reason, now)
            self._add_revocation(session, "user", user_id, now, now + self._lifetime)
            return revoked

        with ignore_invalid_id():
            return self._database.run(callback)
        self._database.run(lambda session: self._add_revocation(session, "user", user_id, now, now + self._lifetime))
        return []

    def revoke_by_provider(
        self,
        provider: str,
        reason: RevocationReason,
        now: int,
        *,
        provider_sid: str | None = None,
        user_id: str | None = None,
    ) -> list[SessionRecord]:
        """Revoke the sessions that were started with the provider and return their records."""
        if provider_sid is None and user_id is None:
            raise ValueError("provider_sid, user_id or both are required")
        sessions = self._sessions.c
        condition: ColumnElement[bool] = sessions.provider == provider
        if provider_sid is not None:
            condition &= sessions.provider_sid == provider_sid
        if user_id is not None:
            condition &= sessions.user_id == user_id
        return self._database.run(lambda session: self._revoke(session, condition, reason, now))

    def revoke_unrecorded(self, name: str, now: int) -> None:
        """Revoke a session that has no record."""
        until = now + self._lifetime
        self._database.run(lambda session: self._add_revocation(session, "session", name, now, until))

    def mark_user_changed(self, user_id: str, now: int) -> None:
        """Tell all workers that the claims about this user in tokens are out of date."""
        until = now + self._lifetime
        self._database.run(lambda session: self._add_revocation(session, "changed", user_id, now, until))

    def revocations_since(self, after_id: int, limit: int) -> list[Revocation]:
        """Return at most `limit` revocations with an id greater than `after_id`, ordered by id."""
        with self._database.read() as session:
            return [
                Revocation(*row)
                for row in session.execute(self._revocations_query, {"after_id": after_id, "limit": limit})
            ]

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Add an entry to the activity of a stored user. Nothing is written for any other user."""
        values = {name: getattr(activity, name) for name in Activity.__slots__} | {"user_id": user_id}
        try:
            with ignore_invalid_id():
                self._database.run(lambda session: session.execute(insert(self._activity).values(values)))
        except UniqueViolation:
            # The foreign key failed: the user has a token of another application, or was just deleted.
            log.info("activity of a user who is not stored")

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """Return the user's activity, the latest entry first."""
        entries = self._activity.c
        columns = [entries[name] for name in Activity.__slots__]
        query = select(*columns).where(entries.user_id == user_id).order_by(entries.at.desc(), entries.id.desc())
        with ignore_invalid_id(), self._database.read() as session:
            return [Activity(**row._mapping) for row in session.execute(query.limit(limit))]  # noqa: SLF001 (documented by SQLAlchemy)
        return []

    def purge(self, now: int) -> int:
        """Delete expired rows in bounded batches and return their number."""
        return self._purger.run(now)

    def _insert(self, session: Session, values: dict[str, Any]) -> bool:
        # The lock makes a concurrent transaction that disables the user wait, so that it revokes this session as well.
        users = self._users.c
        user = select(users.id).where(users.id == values["user_id"], users.disabledAt.is_(None))
        if session.execute(user.with_for_update(read=True)).first() is None:
            return False
        session.execute(insert(self._sessions).values(values))
        return True

    def _is_active(self, now: int) -> ColumnElement[bool]:
        return self._sessions.c.revoked_at.is_(None) & (self._sessions.c.expires > now)

    def _records(self, condition: ColumnElement[bool], *, limit: int) -> list[SessionRecord]:
        sessions = self._sessions.c
        query = select(self._sessions).where(condition).order_by(sessions.last_seen.desc(), sessions.id).limit(limit)
        with self._database.read() as session:
            return [self._record(row) for row in session.execute(query)]

    def _revoke(
        self, session: Session, condition: ColumnElement[bool], reason: RevocationReason, now: int
    ) -> list[SessionRecord]:
        table = self._sessions
        statement = (
            update(table)
            .where(condition & table.c.revoked_at.is_(None))
            .values(revoked_at=now, revocation_reason=reason)
            .returning(*table.c)
        )
        revoked = [self._record(row) for row in session.execute(statement)]
        for record in revoked:
            # The absolute lifetime may have been raised since the session started, and it applies to its tokens.
            until = max(record.absolute_expires, record.created + self._lifetime)
            self._add_revocation(session, "session", record.id, now, until)
        return revoked

    def _add_revocation(self, session: Session, kind: RevocationKind, subject: str, at: int, until: int) -> None:
        session.execute(insert(self._revocations).values(kind=kind, subject=subject, at=at, until=until))

    def _record(self, row: Row[Any]) -> SessionRecord:
        values = {name: row._mapping[name] for name in COLUMNS}  # noqa: SLF001 (documented by SQLAlchemy)
        return SessionRecord(**values, id_token=self._unseal(row.id_token))

    def _unseal(self, sealed: str | None) -> str | None:
        try:
            return self._open(sealed) if sealed else None
        except TokenError:
            # Encrypted with a secret that is no longer set. A sign-out at the provider works without it.
            return None


def _to_json(claims: Mapping[str, Any]) -> str:
    try:
        return strict_json.dumps(dict(claims))
    except (TypeError, ValueError) as error:
        raise AdapterError("the claims cannot be written as JSON") from error
