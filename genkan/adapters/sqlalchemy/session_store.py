"""Session store for SQL databases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from genkan import strict_json
from genkan.adapters.sessions import (
    ACTIVITY_RETENTION_SECONDS,
    RETENTION_SECONDS,
    Activity,
    Revocation,
    RevocationReading,
    RevocationReason,
    SessionRecord,
)
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.activity import ActivityTable
from genkan.adapters.sqlalchemy.application.own_users import SQLAlchemyOwnUsers
from genkan.adapters.sqlalchemy.database import Database
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.tables import Tables
from genkan.adapters.sqlalchemy.users import Users
from genkan.errors import AdapterError, TokenError

COLUMNS = (
    "id", "user_id", "provider", "created", "last_seen", "expires", "absolute_expires", "device", "ip_address",
    "provider_sid", "revoked_at", "revocation_reason",
)  # fmt: skip

log = logging.getLogger(__name__)


MAX_SESSIONS = 300
"""Default number of active sessions of one user. At a sign-in the least recently seen ones above it are revoked."""

MAX_REVOKED = 100
"""Sessions above the limit that one sign-in revokes at most."""


class SQLAlchemySessionStore:
    """Implementation of `genkan.adapters.sessions.SessionStore` with the tables of `tables.py`.

    `seal` encrypts an ID token before it is written, and `open` decrypts it. `max_sessions` limits the active sessions of
    one user.
    """

    def __init__(
        self,
        database: Database,
        tables: Tables,
        *,
        revocations: Revocations,
        seal: Callable[[str], str],
        open: Callable[[str], str],
        max_sessions: int = MAX_SESSIONS,
        own_users: SQLAlchemyOwnUsers | None = None,
    ) -> None:
        self._database = database
        self._users, self._sessions = Users(tables.users), tables.sessions
        self._revocations, self._activity = revocations, ActivityTable(database, tables.activity)
        self._seal, self._open = seal, open
        self._max_sessions = max_sessions
        self._own_users = own_users
        session, revocation, entry = self._sessions.c, revocations.table.c, self._activity.table.c
        # Built once, because it runs on every request.
        is_active = self._is_active(bindparam("now"))
        self._claims_by_hash = select(session.claims).where((session.token_hash == bindparam("hash")) & is_active)
        self._purger = Purger(
            database,
            tables.purges,
            "sessions",
            {
                self._sessions: lambda now: session.expires <= now - RETENTION_SECONDS,
                revocations.table: lambda now: revocation.until <= now - RETENTION_SECONDS,
                self._activity.table: lambda now: entry.at <= now - ACTIVITY_RETENTION_SECONDS,
            },
        )

    def create(
        self,
        record: SessionRecord,
        *,
        claims: Mapping[str, Any] | None = None,
        token_hash: str | None = None,
        replaces: str | None = None,
    ) -> list[SessionRecord] | None:
        """Store a new record and return the records that this has revoked. None if the user may not sign in."""
        values = {name: getattr(record, name) for name in COLUMNS} | {"token_hash": token_hash}
        values["id_token"] = self._seal(record.id_token) if record.id_token else None
        values["claims"] = None if claims is None else _to_json(claims)
        revoked = self._database.run(lambda session: self._create(session, values, replaces))
        self._purger.run_if_due()
        return revoked

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
        return self._database.try_run(lambda session: session.execute(statement).first()) is not None

    def revoke_session(self, id: str, reason: RevocationReason) -> SessionRecord | None:
        """Revoke one session, with or without a record. Returns the record if this call has revoked it."""
        return self._database.run(lambda session: self._revoke_one(session, id, reason))

    def revoke_user(self, user_id: str, *, except_sid: str | None = None, except_started_at: int = 0) -> int:
        """Revoke every session of the user that has started by now, except one. Returns the number of active records."""
        is_other = (self._sessions.c.user_id == user_id) & (self._sessions.c.id != (except_sid or ""))

        def callback(session: Session) -> int:
            self._users.lock(session, user_id)
            count = self._count_active(session, is_other)
            self._revocations.end_sessions(session, user_id, except_sid, except_started_at)
            return count

        with ignore_invalid_id():
            return self._database.run(callback)
        with ignore_invalid_id():
            self._database.run(lambda session: self._revocations.end_unrecorded_sessions(session, user_id))
        return 0

    def revoke_everyone(self) -> int:
        """Revoke every session that has started by now. Returns the number of active records."""

        def callback(session: Session) -> int:
            count = self._count_active(session, self._sessions.c.id.is_not(None))
            self._revocations.end_sessions(session, None)
            return count

        return self._database.run(callback)

    def revoke_by_provider(
        self, provider: str, reason: RevocationReason, *, provider_sid: str | None = None, user_id: str | None = None
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

        def callback(session: Session) -> list[SessionRecord]:
            if user_id is not None:
                # A sign-in of this user that is not committed yet is waited for.
                self._users.lock(session, user_id)
            return self._revoke(session, condition, reason)

        return self._database.run(callback)

    def mark_user_changed(self, user_id: str) -> None:
        """Tell all workers that the claims about this user in tokens are out of date."""
        self._database.run(lambda session: self._revocations.mark_changed(session, user_id))

    def read_revocations(self, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass all revocations that became visible since `position` to `apply`, in batches."""
        if self._own_users is not None:
            self._own_users.end_orphans()
        with self._database.read() as session:
            return self._revocations.read(session, position, apply)

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Add an entry to the activity of a stored user. Of REPEATABLE_KINDS it replaces the user's earlier one."""
        self._activity.add(user_id, activity)

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """Return the user's activity, the latest entry first."""
        return self._activity.list(user_id, limit)

    def purge(self) -> int:
        """Delete expired rows in bounded batches and return their number."""
        return self._purger.run()

    def _create(self, session: Session, values: dict[str, Any], replaces: str | None) -> list[SessionRecord] | None:
        # The lock makes a concurrent transaction that disables the user wait, so that it revokes this session as well.
        user_id = values["user_id"]
        self._users.lock(session, user_id)
        user = self._users.find(session, self._users.by_id(user_id))
        if user is None or user.disabled:
            return None
        replaced = self._revoke_one(session, replaces, "replaced") if replaces is not None else None
        excess = self._end_excess(session, user_id)
        session.execute(insert(self._sessions).values(values))
        return [replaced, *excess] if replaced is not None else excess

    def _end_excess(self, session: Session, user_id: str) -> list[SessionRecord]:
        sessions, now = self._sessions.c, int(self._database.now(session))
        # The time of the last rule instead of `_is_active`, which would look the rule up for each record.
        started_after = self._revocations.last_rule(session, user_id)
        is_active = sessions.revoked_at.is_(None) & (sessions.expires > now) & (sessions.created > started_after)
        newest_first = (sessions.last_seen.desc(), sessions.id)
        active = select(sessions.id).where((sessions.user_id == user_id) & is_active).order_by(*newest_first)
        excess = list(session.scalars(active.offset(self._max_sessions - 1).limit(MAX_REVOKED)))
        return self._revoke(session, sessions.id.in_(excess), "limit") if excess else []

    def _count_active(self, session: Session, condition: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(self._sessions)
        return session.execute(query.where(condition & self._is_active(int(self._database.now(session))))).scalar_one()

    def _is_active(self, now: Any) -> ColumnElement[bool]:
        sessions = self._sessions.c
        is_covered = self._revocations.covers(self._sessions)
        return and_(sessions.revoked_at.is_(None), sessions.expires > now, ~is_covered)

    def _records(self, condition: ColumnElement[bool], *, limit: int) -> list[SessionRecord]:
        sessions = self._sessions.c
        query = select(self._sessions).where(condition).order_by(sessions.last_seen.desc(), sessions.id).limit(limit)
        with self._database.read() as session:
            return [self._record(row) for row in session.execute(query)]

    def _revoke_one(self, session: Session, id: str, reason: RevocationReason) -> SessionRecord | None:
        records = self._revoke(session, self._sessions.c.id == id, reason)
        self._revocations.end(session, {id: 0})
        return records[0] if records else None

    def _revoke(
        self, session: Session, condition: ColumnElement[bool], reason: RevocationReason
    ) -> list[SessionRecord]:
        table = self._sessions
        statement = (
            update(table)
            .where(condition & table.c.revoked_at.is_(None) & ~self._revocations.covers(table))
            .values(revoked_at=int(self._database.now(session)), revocation_reason=reason)
            .returning(*table.c)
        )
        revoked = [self._record(row) for row in session.execute(statement)]
        self._revocations.end(session, {record.id: record.absolute_expires for record in revoked})
        return revoked

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
