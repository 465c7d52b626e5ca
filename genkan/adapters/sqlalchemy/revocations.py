"""Table of revocations, which every worker reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Result,
    Table,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Session

from genkan.adapters.sessions import EVERYONE, Revocation, RevocationKind, RevocationReading
from genkan.adapters.sqlalchemy.database import Database, Executor, dialect_name
from genkan.adapters.sqlalchemy.tables import Tables

BATCH_SIZE = 5000
"""Rows that `read` passes at once."""

_STREAM = {"yield_per": BATCH_SIZE}


class Revocations:
    """Queries on the table of revocations. Each runs in the database session of the caller.

    `lifetime` is the maximum lifetime of a token in seconds.
    """

    def __init__(self, database: Database, tables: Tables, *, lifetime: int) -> None:
        self.table = tables.revocations
        self.lifetime = lifetime
        self._database = database
        self._sessions = tables.sessions
        row = self.table.c
        self._rows = select(row.kind, row.subject, row.at, row.until, row.except_sid).order_by(row.id)

    def end(self, session: Executor, absolute_expires: Mapping[str, int]) -> None:
        """Revoke these sessions, which are ids with the ends of their absolute lifetimes, or 0 if that is unknown.

        A second call for a session adds nothing.
        """
        at, row = int(self._database.now(session)), self.table.c
        # A token may be as old as an earlier, longer limit allowed.
        values = {sid: max(at + self.lifetime, expires) for sid, expires in absolute_expires.items()}
        for sids in batched(values):
            known = set(session.scalars(select(row.subject).where((row.kind == "session") & row.subject.in_(sids))))
            new = [
                {"kind": "session", "subject": sid, "at": at, "until": values[sid]} for sid in sids if sid not in known
            ]
            if new:
                session.execute(self._insert(session), new)

    def end_sessions(
        self, session: Executor, user_id: str | None, except_sid: str | None = None, except_started_at: int = 0
    ) -> None:
        """Revoke every session of this user that has started by now, except one. None: of all users.

        The caller has locked the user's row, so that no sign-in of this user commits at the same time. A session that is
        revoked already is no exception.
        """
        if except_sid is not None and self._is_revoked(session, user_id, except_sid, except_started_at):
            except_sid = None
        kind: RevocationKind = "everyone" if user_id is None else "user"
        subject = EVERYONE if user_id is None else user_id
        records = self._sessions.c
        of_user = true() if user_id is None else records.user_id == user_id
        until = session.execute(select(func.max(records.absolute_expires)).where(of_user)).scalar_one()
        at = self._replace(session, kind, subject, except_sid, until or 0)
        # A clock was ahead when they started, so the rule does not reach them. A rule as late as that would revoke sessions
        # that start until then.
        is_ahead = of_user & (records.created > at) & (records.id != (except_sid or "")) & records.revoked_at.is_(None)
        revoked = update(self._sessions).where(is_ahead).values(revoked_at=at)
        ahead = session.execute(revoked.returning(records.id, records.absolute_expires))
        self.end(session, {row.id: row.absolute_expires for row in ahead})

    def end_unrecorded_sessions(self, session: Executor, user_id: str) -> None:
        """Revoke every session of a user whose id the table of records cannot hold."""
        self._replace(session, "user", user_id, None)

    def mark_changed(self, session: Executor, user_id: str) -> None:
        """Mark the claims about this user in tokens as out of date."""
        session.execute(delete(self.table).where(self._is("changed", user_id)))
        at = int(self._database.now(session))
        values = {"kind": "changed", "subject": user_id, "at": at, "until": at + self.lifetime}
        session.execute(self._insert(session), values)

    def last_rule(self, session: Executor, user_id: str) -> int:
        """Return until when sessions of this user must have started to be revoked by a rule. -1 if there is none."""
        of_rule = or_(self._is("user", user_id), self._is("everyone", EVERYONE))
        return int(session.execute(select(func.coalesce(func.max(self.table.c.at), -1)).where(of_rule)).scalar_one())

    def covers(self, record: Table) -> ColumnElement[bool]:
        """Return the condition for a record that a rule for its user or for all users has revoked."""
        rule = self.table.c
        started_before = (record.c.created <= rule.at) & or_(rule.except_sid.is_(None), rule.except_sid != record.c.id)
        of_user = self._is("user", cast(record.c.user_id, Text)) & started_before
        of_everyone = self._is("everyone", EVERYONE) & started_before
        return select(rule.id).where(of_user).exists() | select(rule.id).where(of_everyone).exists()

    def read(self, session: Session, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass all revocations that became visible since `position` to `apply`.

        PostgreSQL gives out ids at the insert, and a row is visible after its commit, so an id is no cursor. There the
        position is a snapshot, and the rows of transactions that had not ended in it are read. In SQLite one transaction
        writes at a time, so ids are in the order of the commits.
        """
        is_sqlite = dialect_name(session) == "sqlite"
        read = self._read_sqlite if is_sqlite else self._read_postgresql
        rows, next_position = read(session, position)
        for batch in rows.partitions(BATCH_SIZE):
            apply([Revocation(row.kind, row.subject, row.at, row.until, row.except_sid) for row in batch])
        return RevocationReading(next_position, self._database.now(session))

    def _insert(self, session: Executor) -> Insert:
        if dialect_name(session) == "sqlite":
            return insert(self.table)
        # Not as the column's default, which the migrations of an application would have to know.
        return insert(self.table).values(transaction_id=_TRANSACTION_ID)

    def _is_revoked(self, session: Executor, user_id: str | None, sid: str, started_at: int) -> bool:
        row = self.table.c
        of_rule = or_(self._is("user", user_id or ""), self._is("everyone", EVERYONE))
        is_other = or_(row.except_sid.is_(None), row.except_sid != sid)
        covers = of_rule & (row.at >= started_at) & is_other
        return session.execute(select(row.id).where(self._is("session", sid) | covers)).first() is not None

    def _replace(
        self, session: Executor, kind: RevocationKind, subject: str, except_sid: str | None, until: int = 0
    ) -> int:
        """Add a rule in place of the earlier one and return its time, which is later than that one's.

        So a clock that was set back makes nothing valid that was revoked.
        """
        deleted = delete(self.table).where(self._is(kind, subject)).returning(self.table.c.at)
        at: int = max([int(self._database.now(session)), *(row.at + 1 for row in session.execute(deleted))])
        until = max(at + self.lifetime, until)
        values = {"kind": kind, "subject": subject, "at": at, "until": until, "except_sid": except_sid}
        session.execute(self._insert(session), values)
        return at

    def _is(self, kind: RevocationKind, subject: str | ColumnElement[str]) -> ColumnElement[bool]:
        return and_(self.table.c.kind == kind, self.table.c.subject == subject)

    def _read_sqlite(self, session: Session, position: str) -> tuple[Result[Any], str]:
        newest = int(session.execute(_LAST_ID, {"name": self.table.name}).scalar_one())
        server, _, last_id = position.partition(" ")
        # Another file has taken its place, or an older state of it. It counts from there.
        file = str(session.connection().info.get("file", ("", 0))[1])
        start = int(last_id) if server == file and int(last_id) <= newest else 0
        rows = session.execute(self._rows.where(self.table.c.id > start), execution_options=_STREAM)
        return rows, f"{file} {newest}"

    def _read_postgresql(self, session: Session, position: str) -> tuple[Result[Any], str]:
        # Taken before the query, whose own snapshot is later: what commits in between is read twice.
        start_time, snapshot = session.execute(_SNAPSHOT).one()
        server, _, earlier = position.partition(" ")
        if server != start_time or session.execute(_IS_LATER, {"position": earlier}).scalar_one():
            # Another server has taken its place, with other transactions of these ids.
            rows = session.execute(self._rows, execution_options=_STREAM)
        else:
            rows = session.execute(self._rows.where(_COMMITTED_SINCE), {"position": earlier})
        return rows, f"{start_time} {snapshot}"


def batched(ids: Iterable[str]) -> Iterable[list[str]]:
    """Return the ids in lists that fit into one statement."""
    remaining = iter(ids)
    while batch := list(islice(remaining, 1000)):
        yield batch


_TRANSACTION_ID: ColumnElement[int] = literal_column("pg_current_xact_id()::text::bigint")

_LAST_ID = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :name")

_SNAPSHOT = text("SELECT extract(epoch FROM pg_postmaster_start_time())::text, pg_current_snapshot()::text")

_IS_LATER = text("SELECT pg_snapshot_xmin(CAST(:position AS pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot())")

# A visible row whose transaction is in the future came with a copy of another server's database. It was read at the start.
_COMMITTED_SINCE = text(
    "transaction_id >= pg_snapshot_xmin(CAST(:position AS pg_snapshot))::text::bigint"
    " AND transaction_id < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    " AND NOT pg_visible_in_snapshot(transaction_id::text::xid8, CAST(:position AS pg_snapshot))"
)
