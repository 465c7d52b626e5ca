"""Table of ids that may be used once."""

from __future__ import annotations

import hashlib
import math

from sqlalchemy import insert, select

from genkan.adapters.sessions import RETENTION_SECONDS
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.adapters.sqlalchemy.tables import Tables


class UsedTokens:
    """Table of used ids. Expired rows are deleted when it is written to."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        table = self._table = tables.used_tokens
        expired = {table: lambda now: table.c.expires < now - RETENTION_SECONDS}
        self._purger = Purger(database, tables.purges, "used_tokens", expired)

    def use_once(self, id: str, expires: float) -> bool:
        """Return True for the first call with this id.

        The primary key decides, so concurrent calls cannot both succeed.
        """
        row = {"id": _hash(id), "expires": math.ceil(expires)}
        try:
            self._database.run(lambda session: session.execute(insert(self._table).values(row)))
        except UniqueViolation:
            return False
        self._purger.run_if_due()
        return True

    def is_used(self, id: str) -> bool:
        """Return True if `use_once` was called with this id."""
        with self._database.read() as session:
            return session.execute(select(self._table.c.id).where(self._table.c.id == _hash(id))).first() is not None

    def purge(self) -> int:
        """Delete ids that have expired and return the number of rows."""
        return self._purger.run()


def _hash(id: str) -> str:
    # It reveals no id that could still be used elsewhere, and has the same length for every id.
    return hashlib.sha256(id.encode()).hexdigest()
