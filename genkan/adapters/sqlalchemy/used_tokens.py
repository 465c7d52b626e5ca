"""What may be used once: an insert that only one can win."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

from sqlalchemy import Table, insert

from genkan.adapters import RETENTION_SECONDS
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation
from genkan.adapters.sqlalchemy.purge import Purger


class UsedTokens:
    """The table of what was spent, kept small by those who write to it."""

    def __init__(self, database: Database, table: Table, clock: Callable[[], float]) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._purging = Purger(database, {table: lambda now: table.c.expires < now - RETENTION_SECONDS})

    def use_once(self, id: str, expires: float) -> bool:
        """True for exactly one caller per id (the key is the judge, not a look before the insert)."""
        # Hashed: whoever reads the table learns nothing that still works elsewhere, and any length fits.
        row = {"id": hashlib.sha256(id.encode()).hexdigest(), "expires": math.ceil(expires)}
        try:
            self._database.run(lambda session: session.execute(insert(self._table).values(row)))
        except UniqueViolation:
            return False
        self._purging.run_if_due(int(self._clock()))
        return True

    def purge(self, now: float) -> int:
        """Drop what nobody can bring any more; the number of rows."""
        return self._purging.run(int(now))
