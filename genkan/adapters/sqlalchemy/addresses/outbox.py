"""Mails that have to be delivered, in one table."""

from __future__ import annotations

import math

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from genkan.adapters.addresses import OutgoingMail
from genkan.adapters.sqlalchemy.addresses.verifications import VerificationTables
from genkan.adapters.sqlalchemy.database import Database
from genkan.adapters.sqlalchemy.tables import Tables

COLUMNS = ("id", "body", "expires", "identifier", "token_hash", "attempts")


class SQLAlchemyOutbox:
    """Implementation of `genkan.adapters.addresses.Outbox`.

    `due` of a mail that a worker delivers is the end of its lease, so that another one takes it over if that worker dies.
    """

    def __init__(self, database: Database, tables: Tables, verifications: VerificationTables) -> None:
        self._database = database
        self._table = tables.outbox
        self._verifications = verifications

    def claim(self, lease: int) -> OutgoingMail | None:
        """Return a mail that is due, which no other worker gets for `lease` seconds. None if there is none."""
        # The query runs first, because a reader never waits for a writer, and nearly all calls have nothing to do.
        with self._database.read() as session:
            is_due = self._table.c.due <= int(self._database.now(session))
            if session.execute(select(self._table.c.id).where(is_due).limit(1)).first() is None:
                return None
        return self._database.run(lambda session: self._claim(session, lease))

    def delivered(self, id: str) -> None:
        """Delete the mail."""
        self._database.run(lambda session: session.execute(delete(self._table).where(self._table.c.id == id)))

    def retry(self, id: str, seconds: int) -> None:
        """End the lease. The mail is due again after `seconds`."""

        def callback(session: Session) -> None:
            due = math.ceil(self._database.now(session) + seconds)
            session.execute(update(self._table).where(self._table.c.id == id).values(due=due))

        self._database.run(callback)

    def failed(self, id: str) -> None:
        """Delete the mail and its verification, because it can't be delivered."""

        def callback(session: Session) -> None:
            mail = self._table.c
            deleted = delete(self._table).where(mail.id == id).returning(mail.identifier, mail.token_hash)
            rows = session.execute(deleted).all()
            self._verifications.delete(session, [(row.identifier, row.token_hash) for row in rows if row.token_hash])

        self._database.run(callback)

    def waiting(self) -> int:
        """Return the number of mails."""
        with self._database.read() as session:
            return session.execute(select(func.count()).select_from(self._table)).scalar_one()

    def _claim(self, session: Session, lease: int) -> OutgoingMail | None:
        mail, now = self._table.c, self._database.now(session)
        next_due = select(mail.id, mail.expires).where(mail.due <= int(now)).order_by(mail.due, mail.id).limit(1)
        while row := session.execute(next_due.with_for_update(skip_locked=True)).first():
            if row.expires > now:
                values = {"due": math.ceil(now + lease), "attempts": mail.attempts + 1}
                claimed = update(self._table).where(mail.id == row.id).values(values)
                taken = session.execute(claimed.returning(*(mail[name] for name in COLUMNS))).one()
                return OutgoingMail(**taken._mapping)  # noqa: SLF001 (documented by SQLAlchemy)
            session.execute(delete(self._table).where(mail.id == row.id))
        return None
