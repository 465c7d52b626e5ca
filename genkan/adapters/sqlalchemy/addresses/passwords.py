"""Table of the users who have proven the address here, with the hashes of their passwords."""

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

    def set(self, session: Executor, user_id: str, hash: str | None) -> None:
        """Store the hash in place of any other. The caller has locked the user's row."""
        self.delete(session, user_id)
        session.execute(insert(self._table).values(user_id=user_id, hash=hash))

    def has_proven(self, session: Executor, user_id: str) -> bool:
        """Return True if the user has proven the address here, by a mail, or has a password."""
        proven = select(self._table.c.user_id).where(self._table.c.user_id == user_id)
        return session.execute(proven).first() is not None

    def add_proof(self, session: Executor, user_id: str, hash: str | None = None) -> None:
        """Note that the user has proven the address here. Store the hash, if there is one, unless the user has a password.

        The caller has locked the user's row.
        """
        if not self.has_proven(session, user_id) or (hash is not None and self.get(session, user_id) is None):
            self.set(session, user_id, hash)

    def remove(self, session: Executor, user_id: str) -> None:
        """Remove the user's password. The proof stays."""
        session.execute(update(self._table).where(self._table.c.user_id == user_id).values(hash=None))

    def replace(self, session: Executor, user_id: str, old: str, new: str) -> bool:
        """Replace the hash `old` and return True, unless the stored one is another."""
        is_same = (self._table.c.user_id == user_id) & (self._table.c.hash == old)
        statement = update(self._table).where(is_same).values(hash=new).returning(self._table.c.user_id)
        return session.execute(statement).first() is not None

    def delete(self, session: Executor, user_id: str) -> None:
        """Delete the proof and the password."""
        session.execute(delete(self._table).where(self._table.c.user_id == user_id))
