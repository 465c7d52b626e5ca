"""Table of revocations, which every worker reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Result,
    Select,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Session

from genkan.adapters.sessions import Revocation, RevocationKind, RevocationReading, SessionRecord
from genkan.adapters.sqlalchemy.database import Database, table_of

BATCH_SIZE = 5000
"""Rows that `read` passes at once."""

_STREAM = {"yield_per": BATCH_SIZE}

_EVERYONE = ""


class Revocations:
    """Queries on the table of revocations. Each runs in the database session of the caller.

    `lifetime` is the maximum lifetime of a token in seconds.
    """

    def __init__(
        self, database: Database, revocations: type[DeclarativeBase], sessions: type[DeclarativeBase], *, lifetime: int
    ) -> None:
        self.table = table_of(revocations)
        self.lifetime = lifetime
        self._database = database
        self._sessions = table_of(sessions)
        row = self.table.c
        self._rows = select(row.kind, row.subject, row.at, row.until, row.except_sid)

    def end_session(self, session: Session, sid: str, record: SessionRecord | None) -> None:
        """Revoke one session. A second call for it adds nothing."""
        if session.execute(select(self.table.c.id).where(self._is("session", sid))).first() is not None:
            return
        at = int(self._database.now(session))
        # A token may be as old as an earlier, longer limit allowed.
        until = max(at + self.lifetime, record.absolute_expires if record else 0)
        self._insert(session, Revocation("session", sid, at, until))

    def end_sessions(
        self, session: Session, user_id: str | None, except_sid: str | None = None, except_started_at: int = 0
    ) -> None:
        """Revoke every session of this user that has started by now, except one. None: of all users.

        The caller has locked the user's row, so that no sign-in of this user commits at the same time. A session that is
        revoked already is no exception.
        """
        if except_sid is not None and self._is_revoked(session, user_id, except_sid, except_started_at):
            except_sid = None
        kind: RevocationKind = "everyone" if user_id is None else "user"
        subject = _EVERYONE if user_id is None else user_id
        records = self._sessions.c
        latest: Select[Any] = select(func.max(records.created), func.max(records.absolute_expires))
        if user_id is not None:
            latest = latest.where(records.user_id == user_id)
        self._replace(session, kind, subject, latest, except_sid=except_sid)

    def end_unrecorded_sessions(self, session: Session, user_id: str) -> None:
        """Revoke every session of a user whose id the table of records cannot hold."""
        self._replace(session, "user", user_id, None)

    def mark_changed(self, session: Session, user_id: str) -> None:
        """Mark the claims about this user in tokens as out of date."""
        at = int(self._database.now(session))
        previous = session.execute(delete(self.table).where(self._is("changed", user_id)).returning(self.table.c.at))
        at = max([at, *previous.scalars()])
        self._insert(session, Revocation("changed", user_id, at, at + self.lifetime))

    def covers(self, record: Table) -> ColumnElement[bool]:
        """Return the condition for a record that a rule for its user or for all users has revoked."""
        rule = self.table.c
        started_before = (record.c.created <= rule.at) & or_(rule.except_sid.is_(None), rule.except_sid != record.c.id)
        of_user = self._is("user", cast(record.c.user_id, Text)) & started_before
        of_everyone = self._is("everyone", _EVERYONE) & started_before
        return select(rule.id).where(of_user).exists() | select(rule.id).where(of_everyone).exists()

    def read(self, session: Session, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass all revocations that became visible since `position` to `apply`.

        PostgreSQL gives out ids at the insert, and a row is visible after its commit, so an id is no cursor. There the
        position is a snapshot, and the rows of transactions that had not ended in it are read. In SQLite one transaction
        writes at a time, so ids are in the order of the commits.
        """
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        read = self._read_sqlite if is_sqlite else self._read_postgresql
        rows, next_position = read(session, position)
        for batch in rows.partitions(BATCH_SIZE):
            apply([Revocation(row.kind, row.subject, row.at, row.until, row.except_sid) for row in batch])
        return RevocationReading(next_position, self._database.now(session))

    def _is_revoked(self, session: Session, user_id: str | None, sid: str, started_at: int) -> bool:
        row = self.table.c
        of_rule = or_(self._is("user", user_id or ""), self._is("everyone", _EVERYONE))
        is_other = or_(row.except_sid.is_(None), row.except_sid != sid)
        covers = of_rule & (row.at >= started_at) & is_other
        return session.execute(select(row.id).where(self._is("session", sid) | covers)).first() is not None

    def _replace(
        self,
        session: Session,
        kind: RevocationKind,
        subject: str,
        latest: Select[Any] | None,
        *,
        except_sid: str | None = None,
    ) -> None:
        now = int(self._database.now(session))
        deleted = delete(self.table).where(self._is(kind, subject)).returning(self.table.c.at)
        previous = [at + 1 for at in session.execute(deleted).scalars()]
        started, expires = (0, 0) if latest is None else session.execute(latest).one()
        # Not earlier than any of the sessions that it revokes, even if a clock was wrong when they started.
        at = max([now, *previous, started or 0])
        self._insert(session, Revocation(kind, subject, at, max(at + self.lifetime, expires or 0), except_sid))

    def _insert(self, session: Session, revocation: Revocation) -> None:
        values = {name: getattr(revocation, name) for name in Revocation.__slots__}
        session.execute(insert(self.table).values(values))

    def _is(self, kind: RevocationKind, subject: str | ColumnElement[str]) -> ColumnElement[bool]:
        return and_(self.table.c.kind == kind, self.table.c.subject == subject)

    def _read_sqlite(self, session: Session, position: str) -> tuple[Result[Any], str]:
        newest, start = int(session.execute(_LAST_ID, {"name": self.table.name}).scalar_one()), int(position or 0)
        # An older copy of the database has taken its place, and counts from there.
        start = start if start <= newest else 0
        return session.execute(self._rows.where(self.table.c.id > start), execution_options=_STREAM), str(newest)

    def _read_postgresql(self, session: Session, position: str) -> tuple[Result[Any], str]:
        # Taken before the query, whose own snapshot is later: what commits in between is read twice.
        snapshot = str(session.execute(_SNAPSHOT).scalar_one())
        if not position or session.execute(_IS_LATER, {"position": position}).scalar_one():
            return session.execute(self._rows, execution_options=_STREAM), snapshot
        return session.execute(self._rows.where(_COMMITTED_SINCE), {"position": position}), snapshot


_LAST_ID = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :name")

_SNAPSHOT = text("SELECT pg_current_snapshot()::text")

_IS_LATER = text("SELECT pg_snapshot_xmin(CAST(:position AS pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot())")

# A visible row whose transaction is in the future came with a copy of another server's database. It was read at the start.
_COMMITTED_SINCE = text(
    "transaction_id >= pg_snapshot_xmin(CAST(:position AS pg_snapshot))::text::bigint"
    " AND transaction_id < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    " AND NOT pg_visible_in_snapshot(transaction_id::text::xid8, CAST(:position AS pg_snapshot))"
)
