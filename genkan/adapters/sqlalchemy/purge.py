"""Rows that have outlived what they are about go, a bounded batch at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from sqlalchemy import Column, ColumnElement, Table, delete, select
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy.database import Database
from genkan.errors import AdapterError

INTERVAL = 300
"""Seconds between two looks of one worker."""

BATCH_SIZE = 500
"""Rows in one transaction, so that nobody waits long for its end."""

log = logging.getLogger(__name__)


class Purger:
    """Keeps tables small, at the hands of those who write to them; `over` says which of their rows are over by now."""

    def __init__(self, database: Database, over: Mapping[Table, Callable[[int], ColumnElement[bool]]]) -> None:
        self._database = database
        self._over = over
        self._next = 0

    def run_if_due(self, now: int) -> None:
        """Drop one batch of each table, if that was not done lately; never fails."""
        if now < self._next:
            return
        self._next = now + INTERVAL
        try:
            purged = self._batch(now)
        except AdapterError:
            log.warning("expired rows could not be purged; trying again later", exc_info=True)
            return
        if purged >= BATCH_SIZE:
            self._next = now

    def run(self, now: int) -> int:
        """Drop all that is over; the number of rows."""
        total = 0
        while purged := self._batch(now):
            total += purged
        return total

    def _batch(self, now: int) -> int:
        return sum(self._purge(table, is_over(now)) for table, is_over in self._over.items())

    def _purge(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._database.run(lambda session: _purge(session, table, condition))


def _purge(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    id: Column[object] = table.c.id
    ids = list(session.scalars(select(id).where(condition).limit(BATCH_SIZE).with_for_update(skip_locked=True)))
    if ids:
        session.execute(delete(table).where(id.in_(ids)))
    return len(ids)
