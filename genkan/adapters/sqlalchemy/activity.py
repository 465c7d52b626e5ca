"""Table of the users' activity."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from genkan.adapters.sessions import REPEATABLE_KINDS, Activity
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation

log = logging.getLogger(__name__)


class ActivityTable:
    """Entries that users can see."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self.table = table

    def add(self, user_id: str, activity: Activity) -> None:
        """Add an entry of a stored user. Of REPEATABLE_KINDS it replaces the user's earlier one."""
        values = {name: getattr(activity, name) for name in Activity.__slots__} | {"user_id": user_id}
        try:
            with ignore_invalid_id():
                self._database.run(lambda session: self._add(session, values))
        except UniqueViolation:
            # The foreign key failed: the user has a token of another application, or was just deleted.
            log.info("activity of a user who is not stored")

    def list(self, user_id: str, limit: int) -> list[Activity]:
        """Return the user's activity, the latest entry first."""
        entries = self.table.c
        columns = [entries[name] for name in Activity.__slots__]
        query = select(*columns).where(entries.user_id == user_id).order_by(entries.at.desc(), entries.id.desc())
        with ignore_invalid_id(), self._database.read() as session:
            return [Activity(**row._mapping) for row in session.execute(query.limit(limit))]  # noqa: SLF001 (documented by SQLAlchemy)
        return []

    def _add(self, session: Session, values: dict[str, Any]) -> None:
        if values["kind"] in REPEATABLE_KINDS:
            entry = self.table.c
            is_earlier = (entry.user_id == values["user_id"]) & (entry.kind == values["kind"])
            session.execute(delete(self.table).where(is_earlier))
        session.execute(insert(self.table).values(values))
