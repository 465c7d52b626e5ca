"""Table of the hashes of passwords."""

from __future__ import annotations

from sqlalchemy import Table, delete, insert, select, update

from genkan.adapters.sqlalchemy.database import Executor


class Passwords:
    """Queries on the table of passwords. Each runs in the database session of the caller."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, session: Executor, user_id: str) -> str | None:
        """Return the hash of the user's password, or None."""
        return session.execute(select(self._table.c.hash).where(self._table.c.user_id == user_id)).scalar()

    def set(self, session: Executor, user_id: str, hash: str) -> None:
        """Store the hash in place of any other. The caller has locked the user's row."""
        self.delete(session, user_id)
        session.execute(insert(self._table).values(user_id=user_id, hash=hash))

    def set_if_missing(self, session: Executor, user_id: str, hash: str | None) -> None:
        """Store the hash, if there is one, unless the user has a password. The caller has locked the user's row."""
        if hash is not None and self.get(session, user_id) is None:
            self.set(session, user_id, hash)

    def replace(self, session: Executor, user_id: str, old: str, new: str) -> bool:
        """Replace the hash `old` and return True, unless the stored one is another."""
        is_same = (self._table.c.user_id == user_id) & (self._table.c.hash == old)
        statement = update(self._table).where(is_same).values(hash=new).returning(self._table.c.user_id)
        return session.execute(statement).first() is not None

    def delete(self, session: Executor, user_id: str) -> None:
        """Delete the user's password."""
        session.execute(delete(self._table).where(self._table.c.user_id == user_id))
