"""Deletion of expired rows in bounded batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from sqlalchemy import Column, ColumnElement, Table, delete, select
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy.database import Database
from genkan.errors import AdapterError

INTERVAL = 300
"""Seconds between two runs in one worker."""

BATCH_SIZE = 500
"""Rows in one transaction, so that other writers wait only briefly."""

log = logging.getLogger(__name__)


class Purger:
    """Deletes expired rows when a table is written to.

    `expired` gives, for each table, the condition for an expired row.
    """

    def __init__(self, database: Database, expired: Mapping[Table, Callable[[int], ColumnElement[bool]]]) -> None:
        self._database = database
        self._expired = expired
        self._due_at = 0

    def run_if_due(self, now: int) -> None:
        """Delete one batch from each table if INTERVAL has passed since the last run. An AdapterError is logged."""
        if now < self._due_at:
            return
        self._due_at = now + INTERVAL
        try:
            purged = self._batch(now)
        except AdapterError:
            log.warning("expired rows could not be deleted, which will be retried", exc_info=True)
            return
        if purged >= BATCH_SIZE:
            self._due_at = now

    def run(self, now: int) -> int:
        """Delete all expired rows and return their number."""
        total = 0
        while purged := self._batch(now):
            total += purged
        return total

    def _batch(self, now: int) -> int:
        return sum(self._purge(table, is_expired(now)) for table, is_expired in self._expired.items())

    def _purge(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._database.run(lambda session: _purge(session, table, condition))


def _purge(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    id: Column[object] = table.c.id
    ids = list(session.scalars(select(id).where(condition).limit(BATCH_SIZE).with_for_update(skip_locked=True)))
    if ids:
        session.execute(delete(table).where(id.in_(ids)))
    return len(ids)
