"""What may be used once: an insert that only one can win."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from genkan.adapters import KEPT_AFTER_EXPIRY
from genkan.errors import StoreError
from genkan.sqlalchemy.database import Conflict, Database

PURGE_EVERY = 300.0
"""Seconds between two looks for expired rows."""

PURGE_AT_MOST = 500
"""Rows in one transaction, so that nobody waits long for its end."""

log = logging.getLogger(__name__)


class SpentTokens:
    """The table of what was spent, kept small by those who write to it."""

    def __init__(self, database: Database, table: Table, clock: Callable[[], float]) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._next_purge = 0.0

    def spend(self, id: str, expires: float) -> bool:
        """True for exactly one caller per id (the key is the judge, not a look before the insert)."""
        # Hashed: whoever reads the table learns nothing that still works elsewhere, and any length fits.
        row = {"id": hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest(), "expires": math.ceil(expires)}
        try:
            self._database.run(lambda session: session.execute(insert(self._table).values(row)))
        except Conflict:
            return False
        self._purge_when_due()
        return True

    def _purge_when_due(self) -> None:
        now = self._clock()
        if now < self._next_purge:
            return
        self._next_purge = now + PURGE_EVERY
        try:
            purged = self._database.run(lambda session: self._purge(session, now - KEPT_AFTER_EXPIRY))
        except StoreError:
            # The spending itself is done and must not fail for the sake of tidiness.
            log.warning("expired rows of %s could not be purged; trying again later", self._table.name, exc_info=True)
            return
        if purged == PURGE_AT_MOST:
            self._next_purge = now

    def _purge(self, session: Session, before: float) -> int:
        spent = self._table.c
        batch = select(spent.id).where(spent.expires < before).limit(PURGE_AT_MOST).with_for_update(skip_locked=True)
        ids = list(session.scalars(batch))
        if ids:
            session.execute(delete(self._table).where(spent.id.in_(ids)))
        return len(ids)
