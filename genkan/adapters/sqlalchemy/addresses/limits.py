"""Counters that all workers share, in one table."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from sqlalchemy import ColumnElement, Table, case, delete, or_, select, update
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy.database import Database, insert_or_update
from genkan.adapters.sqlalchemy.purge import Purger


class SQLAlchemyLimitStore:
    """Implementation of `genkan.adapters.addresses.LimitStore`.

    A key may contain an address, so its SHA-256 is stored.
    """

    def __init__(self, database: Database, table: Table, purger: Purger) -> None:
        self._database = database
        self._table = table
        self._purger = purger

    def count(self, key: str, seconds: int) -> int:
        """Count one more and return the number since the first, which starts a period of `seconds`."""
        number = self._database.run(lambda session: self._count(session, _hash(key), seconds))
        self._purger.run_if_due()
        return number

    def attempt(self, key: str, *, free: int, first_delay: int, max_delay: int, period: int) -> int:
        """Count an attempt that may fail and return 0, or the seconds to wait, and count nothing."""
        delays = [max_delay]
        while first_delay < max_delay:
            delays.insert(-1, first_delay)
            first_delay *= 2
        wait = self._database.run(lambda session: self._attempt(session, _hash(key), free, delays, period))
        self._purger.run_if_due()
        return wait

    def uncount(self, *keys: str) -> None:
        """Take one back, of each key. A counter of 0 stays."""
        row, hashes = self._table.c, sorted(map(_hash, keys))
        taken_back = update(self._table).where(row.key.in_(hashes), row.count > 0).values(count=row.count - 1)
        self._database.run(lambda session: session.execute(taken_back))

    def clear(self, key: str) -> None:
        """Delete the counter."""
        self._database.run(lambda session: session.execute(delete(self._table).where(self._table.c.key == _hash(key))))

    def _count(self, session: Session, key: str, seconds: int) -> int:
        now, row = self._database.now(session), self._table.c
        has_ended = row.expires <= int(now)
        end = math.ceil(now + seconds)
        updated = {
            "count": case((has_ended, 1), else_=row.count + 1),
            "expires": case((has_ended, end), else_=row.expires),
        }
        upsert = (
            insert_or_update(session, self._table)
            .values(key=key, count=1, next_at=0, expires=end)
            .on_conflict_do_update(index_elements=[row.key], set_=updated)
            .returning(row.count)
        )
        return int(session.execute(upsert).scalar_one())

    def _attempt(self, session: Session, key: str, free: int, delays: list[int], period: int) -> int:
        """Count the attempt, unless the time for it has not come. `delays` follow the attempt number `free` and later
        ones."""
        now, row = self._database.now(session), self._table.c
        has_ended = row.expires <= int(now)
        number = case((has_ended, 1), else_=row.count + 1)
        next_at = {count: math.ceil(now + delay) for count, delay in enumerate(delays, free)}
        latest = math.ceil(now + delays[-1])
        delayed: ColumnElement[Any] = case(
            (number < free, 0), *((number == count, at) for count, at in next_at.items()), else_=latest
        )
        end = math.ceil(now + period)
        upsert = (
            insert_or_update(session, self._table)
            .values(key=key, count=1, next_at=0 if free > 1 else next_at.get(1, latest), expires=end)
            .on_conflict_do_update(
                index_elements=[row.key],
                set_={"count": number, "next_at": delayed, "expires": end},
                where=or_(has_ended, row.next_at <= int(now)),
            )
            .returning(row.count)
        )
        if session.execute(upsert).first() is not None:
            return 0
        waits_until: int = session.execute(select(row.next_at).where(row.key == key)).scalar_one()
        return max(1, math.ceil(waits_until - now))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
