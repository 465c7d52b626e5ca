"""Passkeys in SQL databases."""

from __future__ import annotations

import secrets
from typing import Any, cast

from sqlalchemy import BigInteger, Row, delete, insert, inspect, select, update
from sqlalchemy.orm import Session

from genkan.adapters.passkeys import PROVIDER, DeviceType, Passkey
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, dialect_name, insert_or_update
from genkan.adapters.sqlalchemy.stored_users import StoredUsers
from genkan.adapters.sqlalchemy.tables import Tables
from genkan.errors import AdapterError
from genkan.types import Account

HANDLE_BYTES = 32

MAX_INTEGER = 2**31 - 1
"""The greatest number in four bytes, which is what INTEGER has in PostgreSQL."""


class SQLAlchemyPasskeyStore:
    """Implementation of `genkan.adapters.passkeys.PasskeyStore`."""

    def __init__(self, database: Database, tables: Tables, stored: StoredUsers) -> None:
        self._database = database
        self._table, self._handles = tables.authenticators, tables.passkey_handles
        self._stored = stored

    def handle(self, user_id: str) -> str:
        """Return the user's handle, which is made at the first call."""
        row = self._handles.c
        query = select(row.handle).where(row.user_id == user_id)
        with self._database.read() as session:
            found: str | None = session.execute(query).scalar()
        return found or self._database.run(lambda session: self._new_handle(session, user_id))

    def add(self, passkey: Passkey) -> bool:
        """Store the passkey and its account, delete the trusted devices, and return True. False if it is registered
        already."""
        try:
            self._database.run(lambda session: self._add(session, passkey))
        except UniqueViolation:
            return False
        return True

    def find(self, credential_id: str) -> Passkey | None:
        """Return the passkey with this id, or None."""
        with self._database.read() as session:
            row = session.execute(select(self._table).where(self._table.c.credentialID == credential_id)).first()
        return None if row is None else _passkey(row)

    def list(self, user_id: str) -> list[Passkey]:
        """Return the user's passkeys, the oldest first."""
        with ignore_invalid_id(), self._database.read() as session:
            rows = session.execute(select(self._table).where(self._table.c.userId == user_id))
            return sorted(map(_passkey, rows), key=lambda found: (found.created_at or 0, found.credential_id))
        return []

    def record_use(self, credential_id: str, counter: int, *, backed_up: bool) -> bool:
        """Store the counter and the time of a use, unless the stored counter is not lower."""
        return self._database.run(lambda session: self._record_use(session, credential_id, counter, backed_up))

    def rename(self, user_id: str, credential_id: str, name: str) -> bool:
        """Store the name and return True. False if the user has no such passkey."""
        row = self._table.c
        is_own = (row.credentialID == credential_id) & (row.userId == user_id)
        statement = update(self._table).where(is_own).values(name=name).returning(row.credentialID)
        with ignore_invalid_id():
            return self._database.run(lambda session: session.execute(statement).first() is not None)
        return False

    def _new_handle(self, session: Session, user_id: str) -> str:
        values = {"user_id": user_id, "handle": secrets.token_urlsafe(HANDLE_BYTES)}
        session.execute(insert_or_update(session, self._handles).values(values).on_conflict_do_nothing())
        # A concurrent call may have inserted another one.
        row = self._handles.c
        return cast("str", session.execute(select(row.handle).where(row.user_id == user_id)).scalar_one())

    def _add(self, session: Session, passkey: Passkey) -> None:
        users, row = self._stored.users, self._table.c
        if users.find(session, users.by_id(passkey.user_id), lock=True) is None:
            raise AdapterError("the user is gone")
        # A table of Auth.js may have no foreign keys, so that a row can remain after its user was deleted.
        is_orphaned = row.userId.not_in(select(users.table.c.id))
        session.execute(delete(self._table).where((row.credentialID == passkey.credential_id) & is_orphaned))
        self._stored.add_account(session, passkey.user_id, Account(PROVIDER, passkey.credential_id, "webauthn"))
        values = _values(passkey) | {
            "counter": self._storable(session, passkey.counter),
            "created_at": int(self._database.now(session)),
        }
        session.execute(insert(self._table).values(values))
        self._stored.second_factors.delete_devices(session, passkey.user_id)

    def _record_use(self, session: Session, credential_id: str, counter: int, backed_up: bool) -> bool:
        row = self._table.c
        is_allowed = row.counter == 0 if counter == 0 else row.counter < counter
        used = {
            "counter": self._storable(session, counter),
            "credentialBackedUp": backed_up,
            "last_used_at": int(self._database.now(session)),
        }
        statement = update(self._table).where((row.credentialID == credential_id) & is_allowed).values(used)
        return session.execute(statement.returning(row.credentialID)).first() is not None

    def _storable(self, session: Session, counter: int) -> int:
        """Return the counter, or the greatest number that fits into the column.

        Devices count to 2^32, and a table that Auth.js has made in PostgreSQL may hold half of that. A greater counter is
        then accepted each time, since a number that is too low refuses nothing that is right.
        """
        if counter <= MAX_INTEGER or dialect_name(session) == "sqlite":
            return counter
        columns = inspect(session.connection()).get_columns(self._table.name)
        column_type = next(column["type"] for column in columns if column["name"] == "counter")
        return counter if isinstance(column_type, BigInteger) else MAX_INTEGER


def _values(passkey: Passkey) -> dict[str, Any]:
    return {
        "credentialID": passkey.credential_id,
        "userId": passkey.user_id,
        "providerAccountId": passkey.credential_id,
        "credentialPublicKey": passkey.public_key,
        "counter": passkey.counter,
        "credentialDeviceType": passkey.device_type,
        "credentialBackedUp": passkey.backed_up,
        "transports": ",".join(passkey.transports) or None,
        "handle": passkey.handle,
        "name": passkey.name,
        "aaguid": passkey.aaguid,
    }


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        credential_id=row.credentialID,
        user_id=row.userId,
        public_key=row.credentialPublicKey,
        counter=row.counter,
        device_type=cast("DeviceType", row.credentialDeviceType),
        backed_up=row.credentialBackedUp,
        transports=tuple(filter(None, (row.transports or "").split(","))),
        handle=row.handle,
        name=row.name,
        aaguid=row.aaguid,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
