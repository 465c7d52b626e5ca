"""Links and codes by mail, in Auth.js's table of tokens and in one of our own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Table,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from genkan.adapters.addresses import OutgoingMail, Verification
from genkan.adapters.sqlalchemy.database import Database, Executor, dialect_name
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.adapters.sqlalchemy.tables import Tables
from genkan.adapters.sqlalchemy.users import is_authjs, is_integer
from genkan.spellings import email_spellings, with_ascii_domain

DETAILS = ("purpose", "email", "user_id", "browser", "code_hash", "data")


class VerificationTables:
    """Queries on the tables of verifications. Each runs in the database session of the caller.

    The row in the table of tokens decides if a verification exists. Auth.js's rows have no other one.
    """

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self.tokens, self.details = tables.verification_tokens, tables.verifications
        self._is_shared = is_authjs(tables.users)
        self._stores_milliseconds: bool | None = None

    def insert(self, session: Session, verification: Verification) -> None:
        """Insert a verification."""
        names = ("token_hash", "identifier", "expires", *DETAILS)
        session.execute(insert(self.details).values({name: getattr(verification, name) for name in names}))
        row = {"identifier": verification.identifier, "token": verification.token_hash}
        expires = self._time(session, verification.expires)
        session.execute(insert(self.tokens).values(row | {"expires": expires}))

    def find(self, session: Session, condition: ColumnElement[bool]) -> list[Verification]:
        """Return the verifications that match the condition and have not expired."""
        token, detail = self.tokens.c, self.details.c
        is_same = (detail.token_hash == token.token) & (detail.identifier == token.identifier)
        columns = [token.identifier, token.token, token.expires, *(detail[name] for name in DETAILS)]
        query = select(*columns).select_from(self.tokens.outerjoin(self.details, is_same))
        is_valid = ~self.has_expired(session, self._database.now(session))
        return [_verification(row) for row in session.execute(query.where(condition & is_valid))]

    def is_one(self, identifier: str, token_hash: str) -> ColumnElement[bool]:
        """Return the condition that selects one row of the table of tokens."""
        return (self.tokens.c.identifier == identifier) & (self.tokens.c.token == token_hash)

    def use(self, session: Session, identifier: str, token_hash: str) -> Verification | None:
        """Delete the verification and return it, unless it has expired or another call has used it."""
        # Read before it is deleted. A concurrent call may delete both rows in between, and then the first row decides.
        found = self.find(session, self.is_one(identifier, token_hash))
        is_valid = ~self.has_expired(session, self._database.now(session))
        statement = delete(self.tokens).where(self.is_one(identifier, token_hash) & is_valid)
        if not found or session.execute(statement.returning(self.tokens.c.token)).first() is None:
            return None
        session.execute(delete(self.details).where(self.details.c.token_hash == token_hash))
        return found[0]

    def delete(self, session: Executor, rows: Iterable[tuple[str, str]]) -> None:
        """Delete these verifications: pairs of identifier and hash."""
        keys = list(rows)
        if keys:
            token = self.tokens.c
            session.execute(delete(self.tokens).where(tuple_(token.identifier, token.token).in_(keys)))
            session.execute(delete(self.details).where(self.details.c.token_hash.in_([key[1] for key in keys])))

    def delete_of(self, session: Executor, identifier: str) -> None:
        """Delete the verifications with this identifier."""
        token = self.tokens.c
        statement = delete(self.tokens).where(token.identifier == identifier).returning(token.token)
        hashes = [row.token for row in session.execute(statement)]
        if hashes:
            session.execute(delete(self.details).where(self.details.c.token_hash.in_(hashes)))

    def delete_where(self, session: Executor, condition: ColumnElement[bool]) -> None:
        """Delete the verifications whose row in our own table matches the condition."""
        query = select(self.details.c.identifier, self.details.c.token_hash).where(condition)
        self.delete(session, [(row.identifier, row.token_hash) for row in session.execute(query)])

    def delete_of_user(
        self, session: Executor, user_id: str, email: str | None, *, undo_since: int | None = None
    ) -> None:
        """Delete what this user asked for, and what is for this address, also what Auth.js has sent.

        Links that undo a change of the address stay, except those of this user that expire at `undo_since` or later.
        """
        if email:
            self.delete_for(session, email)
        detail = self.details.c
        is_deleted = detail.purpose != "undo"
        if undo_since is not None:
            is_deleted |= detail.expires >= undo_since
        self.delete_where(session, (detail.user_id == user_id) & is_deleted)

    def delete_for(self, session: Executor, email: str) -> None:
        """Delete what is for this address, but for links that undo a change, also what Auth.js has sent.

        The domain may be in Unicode, in the address as well as in what is deleted.
        """
        detail, address = self.details.c, email.lower()
        spellings = {address, *email_spellings(with_ascii_domain(address))}
        session.execute(delete(self.tokens).where(self.tokens.c.identifier.in_(spellings)))
        self.delete_where(session, detail.email.in_(spellings) & (detail.purpose != "undo"))

    def has_expired(self, session: Executor, now: float) -> ColumnElement[bool]:
        """Return the condition for a row of the table of tokens that has expired at this time."""
        return self._has_expired(now, dialect_name(session), milliseconds=self._has_milliseconds(session))

    def has_expired_by(self, now: int) -> ColumnElement[bool]:
        """Return the same condition outside of a transaction."""
        with self._database.read() as session:
            return self.has_expired(session, now)

    def _has_expired(self, now: float, dialect: str, *, milliseconds: bool) -> ColumnElement[bool]:
        expires = self.tokens.c.expires
        now_in_milliseconds = literal(round(now * 1000), BigInteger)
        if milliseconds:
            return expires <= now_in_milliseconds
        if dialect != "sqlite" or not self._is_shared:
            return expires <= datetime.fromtimestamp(now, UTC)
        # SQLite does not enforce the column's type: there are numbers in it, and times with and without "T" and "Z".
        # A value that is no time has expired.
        julian_milliseconds = func.round((func.julianday(expires) - 2440587.5) * 86_400_000)
        value: ColumnElement[Any] = case((func.typeof(expires) == "text", julian_milliseconds), else_=expires)
        return func.coalesce(value, 0) <= now_in_milliseconds

    def _time(self, session: Executor, seconds: int) -> Any:
        if self._has_milliseconds(session):
            return literal(seconds * 1000, BigInteger)
        return datetime.fromtimestamp(seconds, UTC)

    def _has_milliseconds(self, session: Executor) -> bool:
        if not self._is_shared:
            return False
        if self._stores_milliseconds is None:
            self._stores_milliseconds = is_integer(session, self.tokens.c.expires)
        return self._stores_milliseconds


class SQLAlchemyVerificationStore:
    """Implementation of `genkan.adapters.addresses.VerificationStore`."""

    def __init__(self, database: Database, tables: Tables, verifications: VerificationTables, purger: Purger) -> None:
        self._database = database
        self._outbox = tables.outbox
        self._tables = verifications
        self._purger = purger

    def add(self, verification: Verification | None, mail: OutgoingMail | None) -> None:
        """Store both in one transaction."""
        self._database.run(lambda session: self._add(session, verification, mail))
        self._purger.run_if_due()

    def find(self, identifier: str, token_hash: str) -> Verification | None:
        """Return the verification if it exists and has not expired, else None."""
        with self._database.read() as session:
            found = self._tables.find(session, self._tables.is_one(identifier, token_hash))
        return found[0] if found else None

    def find_of_browser(self, browser: str, email: str) -> list[Verification]:
        """Return the verifications for this address that this browser asked for and that have not expired."""
        with self._database.read() as session:
            return self._tables.find(session, self._is_of_browser(browser, email))

    def use(self, identifier: str, token_hash: str) -> Verification | None:
        """Delete the verification by one statement and return it. None if there is none or it has expired."""
        return self._database.run(lambda session: self._tables.use(session, identifier, token_hash))

    def delete_of_browser(self, browser: str, email: str) -> None:
        """Delete the verifications for this address that this browser asked for."""
        condition = self._is_of_browser(browser, email)
        self._database.run(lambda session: self._tables.delete_where(session, condition))

    def purge(self) -> int:
        """Delete what has expired, also limits and mails, in bounded batches, and return the number of rows."""
        return self._purger.run()

    def _add(self, session: Session, verification: Verification | None, mail: OutgoingMail | None) -> None:
        if verification is not None:
            if verification.purpose == "reset":
                self._tables.delete_of(session, verification.identifier)
            self._tables.insert(session, verification)
        if mail is not None:
            names = ("id", "body", "identifier", "token_hash", "attempts", "expires")
            values = {name: getattr(mail, name) for name in names}
            session.execute(insert(self._outbox).values(values | {"due": int(self._database.now(session))}))

    def _is_of_browser(self, browser: str, email: str) -> ColumnElement[bool]:
        detail: Table = self._tables.details
        return (detail.c.browser == browser) & (detail.c.email == email)


def _verification(row: Row[Any]) -> Verification:
    expires: datetime = row.expires if row.expires.tzinfo else row.expires.replace(tzinfo=UTC)
    seconds = int(expires.timestamp())
    if row.purpose is None:
        return Verification(identifier=row.identifier, token_hash=row.token, expires=seconds)
    details = {name: row._mapping[name] for name in DETAILS}  # noqa: SLF001 (documented by SQLAlchemy)
    return Verification(identifier=row.identifier, token_hash=row.token, expires=seconds, **details)
