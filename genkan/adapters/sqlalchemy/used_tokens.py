"""Table of ids that may be used once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

from sqlalchemy import Table, insert

from genkan.adapters import RETENTION_SECONDS
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation
from genkan.adapters.sqlalchemy.purge import Purger


class UsedTokens:
    """Table of used ids. Expired rows are deleted when it is written to."""

    def __init__(self, database: Database, table: Table, clock: Callable[[], float]) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._purger = Purger(database, {table: lambda now: table.c.expires < now - RETENTION_SECONDS})

    def use_once(self, id: str, expires: float) -> bool:
        """Return True for the first call with this id.

        The primary key decides, so concurrent calls cannot both succeed.
        """
        # The hash reveals no id that could still be used elsewhere, and has the same length for every id.
        row = {"id": hashlib.sha256(id.encode()).hexdigest(), "expires": math.ceil(expires)}
        try:
            self._database.run(lambda session: session.execute(insert(self._table).values(row)))
        except UniqueViolation:
            return False
        self._purger.run_if_due(int(self._clock()))
        return True

    def purge(self, now: float) -> int:
        """Delete ids that have expired and return the number of rows."""
        return self._purger.run(int(now))
