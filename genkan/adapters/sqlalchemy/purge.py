"""Deletion of expired rows in bounded batches and in steps of time.

A clock that is wrong for half a day must not delete what is still valid. So the time up to which rows are deleted is
stored. It follows the clock twice as fast at most and by MAX_STEP at once, and rows are kept for RETENTION_SECONDS
after they have expired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, Table, delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy.database import Database
from genkan.errors import AdapterError

INTERVAL = 300
"""Seconds between two runs in one worker."""

BATCH_SIZE = 500
"""Rows in one transaction, so that other writers wait only briefly."""

MAX_STEP, STEP_INTERVAL = 24 * 3600, 3600
"""Seconds by which the time of deletion may advance at once, and the seconds until the next advance."""

MAX_STEP_BACK = 30 * 24 * 3600
"""Seconds by which a clock that is behind may set the time of deletion back."""

log = logging.getLogger(__name__)


class Purger:
    """Deletes expired rows when a table is written to.

    `purges` is the table of stored times. `expired` gives, for each table, the condition for a row that expired before
    a time. `name` is that of the stored time.
    """

    def __init__(
        self,
        database: Database,
        purges: Table,
        name: str,
        expired: Mapping[Table, Callable[[int], ColumnElement[bool]]],
    ) -> None:
        self._database = database
        self._table = purges
        self._name = name
        self._expired = expired
        self._due_at = float("-inf")

    def run_if_due(self) -> None:
        """Delete one batch from each table if INTERVAL has passed since the last run. An AdapterError is logged."""
        now = time.monotonic()
        if now < self._due_at:
            return
        self._due_at = now + INTERVAL
        try:
            purged = self._batch(self._advance())
        except AdapterError:
            log.warning("expired rows could not be deleted, which will be retried", exc_info=True)
            return
        if purged >= BATCH_SIZE:
            self._due_at = now

    def run(self) -> int:
        """Delete all expired rows and return their number."""
        total, until = 0, self._advance()
        while purged := self._batch(until):
            total += purged
        return total

    def _advance(self) -> int:
        """Return the time up to which rows are deleted now, in seconds since 1970."""
        return self._database.run(
            lambda session: _advance(session, self._table, self._name, int(self._database.now(session)))
        )

    def _batch(self, until: int) -> int:
        return sum(self._purge(table, is_expired(until)) for table, is_expired in self._expired.items())

    def _purge(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._database.run(lambda session: _purge(session, table, condition))


def _advance(session: Session, table: Table, name: str, now: int) -> int:
    row = session.execute(select(table).where(table.c.name == name).with_for_update()).first()
    if row is None:
        session.execute(insert(table).values(name=name, purged_until=now, stepped_at=now))
        return 0
    until: int = max(min(row.purged_until, now), row.purged_until - MAX_STEP_BACK)
    stepped_at: int = row.stepped_at
    if now < stepped_at:
        stepped_at = now
    elif now >= stepped_at + STEP_INTERVAL:
        until, stepped_at = min(until + min(MAX_STEP, 2 * (now - stepped_at)), now), now
    if (until, stepped_at) != (row.purged_until, row.stepped_at):
        values = {"purged_until": until, "stepped_at": stepped_at}
        session.execute(update(table).where(table.c.name == name).values(values))
    return min(until, now)


def _purge(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    key = tuple_(*table.primary_key)
    query = select(*table.primary_key).where(condition).limit(BATCH_SIZE).with_for_update(skip_locked=True)
    keys = [tuple(row) for row in session.execute(query)]
    if keys:
        session.execute(delete(table).where(key.in_(keys)))
    return len(keys)
