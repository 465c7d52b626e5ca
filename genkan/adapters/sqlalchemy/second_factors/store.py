"""Second factors: secrets and recovery codes, trusted devices, and sign-ins that wait."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, delete, func, insert, select, update
from sqlalchemy.orm import Session

from genkan.adapters.second_factors import PendingSignIn, StoredTOTP, TrustedDevice
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, insert_or_update
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.adapters.sqlalchemy.stored_users import StoredUsers
from genkan.adapters.sqlalchemy.tables import Tables

DEVICE_COLUMNS = ("id", "token_hash", "device", "created", "last_used", "expires")
PENDING_COLUMNS = ("id_hash", "user_id", "data", "created", "expires")


class SQLAlchemySecondFactorStore:
    """Implementation of `genkan.adapters.second_factors.SecondFactorStore`."""

    def __init__(self, database: Database, tables: Tables, stored: StoredUsers) -> None:
        self._database = database
        self._totp, self._codes = tables.totp, tables.recovery_codes
        self._devices, self._pending = tables.trusted_devices, tables.pending_sign_ins
        self._stored = stored
        expired = {
            tables.pending_sign_ins: lambda now: tables.pending_sign_ins.c.expires <= now,
            tables.trusted_devices: lambda now: tables.trusted_devices.c.expires <= now,
        }
        self._purger = Purger(database, tables.purges, "second-factors", expired)

    def totp(self, user_id: str) -> StoredTOTP | None:
        """Return the stored secrets of the user. None if there are none."""
        row = None
        with ignore_invalid_id(), self._database.read() as session:
            row = session.execute(select(self._totp).where(self._totp.c.user_id == user_id)).first()
            is_pending = row is not None and (row.pending_expires or 0) > self._database.now(session)
        if row is None:
            return None
        pending = (row.pending_secret, row.pending_owner) if is_pending else (None, None)
        return StoredTOTP(
            secret=row.secret, last_step=row.last_step, pending_secret=pending[0], pending_owner=pending[1]
        )

    def begin_totp(self, user_id: str, secret: str, owner: str, seconds: int) -> bool:
        """Store a secret to confirm in the next `seconds`, in place of an earlier one. False if no user has that id."""
        try:
            with ignore_invalid_id():
                self._database.run(lambda session: self._begin(session, user_id, secret, owner, seconds))
                return True
        except UniqueViolation:
            # The foreign key: the user is gone.
            return False
        return False

    def confirm_totp(
        self, user_id: str, secret: str, owner: str, step: int, codes: Sequence[str], *, replaces: bool
    ) -> bool:
        """Make the pending secret that of the user, with these recovery codes."""
        row = self._totp.c
        is_same = (row.user_id == user_id) & (row.pending_secret == secret) & (row.pending_owner == owner)
        if not replaces:
            is_same &= row.secret.is_(None)
        with ignore_invalid_id():
            return self._database.run(lambda session: self._confirm(session, user_id, is_same, step, owner, codes))
        return False

    def use_step(self, user_id: str, secret: str, step: int) -> bool:
        """Store the time step of a code, if the secret is this one and no later or equal step was used."""
        row = self._totp.c
        is_new = (row.user_id == user_id) & (row.secret == secret) & (row.last_step < step)
        statement = update(self._totp).where(is_new).values(last_step=step).returning(row.last_step)
        return self._database.run(lambda session: session.execute(statement).first() is not None)

    def delete_totp(self, user_id: str) -> bool:
        """Delete secrets, recovery codes, trusted devices and waiting sign-ins."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._delete(session, user_id))
        return False

    def replace_codes(self, user_id: str, codes: Sequence[str]) -> bool:
        """Store these hashes in place of all recovery codes, and delete trusted devices and waiting sign-ins."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._replace_codes(session, user_id, codes))
        return False

    def use_code(self, user_id: str, code: str) -> bool:
        """Mark the recovery code with this hash as used. False if there is none, or if it was used."""
        return self._database.run(lambda session: self._use_code(session, user_id, code))

    def codes_left(self, user_id: str) -> int:
        """Return the number of recovery codes that were not used."""
        row = self._codes.c
        query = select(func.count()).where(row.user_id == user_id, row.used_at.is_(None))
        with ignore_invalid_id(), self._database.read() as session:
            return int(session.execute(query).scalar_one())
        return 0

    def trust(self, user_id: str, device: TrustedDevice) -> None:
        """Store a trusted device of the user."""
        values = {name: getattr(device, name) for name in DEVICE_COLUMNS}
        self._database.run(lambda session: session.execute(insert(self._devices).values(user_id=user_id, **values)))
        self._purger.run_if_due()

    def use_device(self, user_id: str, token_hash: str) -> bool:
        """Return True if the user trusts the device with this token, and store that it was used now."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._use_device(session, user_id, token_hash))
        return False

    def list_devices(self, user_id: str) -> list[TrustedDevice]:
        """Return the user's trusted devices that have not expired, the one used last first."""
        row = self._devices.c
        columns = [row[name] for name in DEVICE_COLUMNS]
        with ignore_invalid_id(), self._database.read() as session:
            is_valid = (row.user_id == user_id) & (row.expires > int(self._database.now(session)))
            query = select(*columns).where(is_valid).order_by(row.last_used.desc(), row.id)
            return [TrustedDevice(**found._mapping) for found in session.execute(query)]  # noqa: SLF001 (its public name)
        return []

    def delete_device(self, user_id: str, id: str) -> bool:
        """Delete one trusted device of the user. False if there is none."""
        row = self._devices.c
        statement = delete(self._devices).where(row.user_id == user_id, row.id == id).returning(row.id)
        with ignore_invalid_id():
            return self._database.run(lambda session: session.execute(statement).first() is not None)
        return False

    def end_trust(self, user_id: str | None, *, except_hash: str | None = None) -> None:
        """Delete the waiting sign-ins of the user, or of all users, and the trusted devices except that with this token."""
        rows = self._stored.second_factors
        with ignore_invalid_id():
            self._database.run(lambda session: rows.end_trust(session, user_id, except_hash=except_hash))

    def add_pending(self, pending: PendingSignIn) -> None:
        """Store a sign-in that waits for the second factor."""
        values = {name: getattr(pending, name) for name in PENDING_COLUMNS}
        self._database.run(lambda session: session.execute(insert(self._pending).values(attempts=0, **values)))
        self._purger.run_if_due()

    def pending(self, id_hash: str) -> PendingSignIn | None:
        """Return the waiting sign-in. None if there is none or it has expired."""
        row = self._pending.c
        columns = [row[name] for name in PENDING_COLUMNS]
        with self._database.read() as session:
            is_valid = (row.id_hash == id_hash) & (row.expires > int(self._database.now(session)))
            found = session.execute(select(*columns).where(is_valid)).first()
        return None if found is None else PendingSignIn(**found._mapping)  # noqa: SLF001 (its public name)

    def count_attempt(self, id_hash: str, maximum: int) -> int | None:
        """Count an attempt and return its number. None if `maximum` have been made, or if the sign-in is gone."""
        return self._database.run(lambda session: self._count_attempt(session, id_hash, maximum))

    def use_pending(self, id_hash: str) -> bool:
        """Delete the waiting sign-in and return True. Of concurrent calls one gets it."""
        row = self._pending.c

        def use(session: Session) -> bool:
            is_valid = (row.id_hash == id_hash) & (row.expires > int(self._database.now(session)))
            return session.execute(delete(self._pending).where(is_valid).returning(row.id_hash)).first() is not None

        return self._database.run(use)

    def purge(self) -> int:
        """Delete what has expired, in bounded batches, and return the number of rows."""
        return self._purger.run()

    def _begin(self, session: Session, user_id: str, secret: str, owner: str, seconds: int) -> None:
        expires = math.ceil(self._database.now(session) + seconds)
        pending = {"pending_secret": secret, "pending_owner": owner, "pending_expires": expires}
        session.execute(
            insert_or_update(session, self._totp)
            .values(user_id=user_id, last_step=0, **pending)
            .on_conflict_do_update(index_elements=[self._totp.c.user_id], set_=pending)
        )

    def _confirm(
        self,
        session: Session,
        user_id: str,
        is_same: ColumnElement[bool],
        step: int,
        owner: str,
        codes: Sequence[str],
    ) -> bool:
        row = self._totp.c
        now = int(self._database.now(session))
        is_valid = is_same & (row.pending_expires > now)
        # An app that takes the place of another one, which had to be shown, is as old as that one.
        created_at = case((row.secret.is_(None), now), else_=row.created_at)
        values = {"secret": row.pending_secret, "last_step": step, "created_at": created_at}
        cleared = dict.fromkeys(("pending_secret", "pending_owner", "pending_expires"))
        statement = update(self._totp).where(is_valid).values(values | cleared).returning(row.user_id)
        if session.execute(statement).first() is None:
            return False
        self._insert_codes(session, user_id, codes)
        self._stored.second_factors.end_trust(session, user_id, except_pending=owner)
        return True

    def _delete(self, session: Session, user_id: str) -> bool:
        secret = session.execute(select(self._totp.c.secret).where(self._totp.c.user_id == user_id)).scalar()
        self._stored.second_factors.delete(session, user_id)
        return secret is not None

    def _replace_codes(self, session: Session, user_id: str, codes: Sequence[str]) -> bool:
        row = self._totp.c
        is_on = (row.user_id == user_id) & row.secret.is_not(None)
        # Locked, so that concurrent calls leave the codes of one of them.
        if session.execute(select(row.user_id).where(is_on).with_for_update()).first() is None:
            return False
        self._insert_codes(session, user_id, codes)
        self._stored.second_factors.end_trust(session, user_id)
        return True

    def _insert_codes(self, session: Session, user_id: str, codes: Sequence[str]) -> None:
        session.execute(delete(self._codes).where(self._codes.c.user_id == user_id))
        values = {"user_id": user_id, "created_at": int(self._database.now(session))}
        session.execute(insert(self._codes), [values | {"code_hash": code} for code in codes])

    def _use_code(self, session: Session, user_id: str, code: str) -> bool:
        row, now = self._codes.c, int(self._database.now(session))
        is_unused = (row.user_id == user_id) & (row.code_hash == code) & row.used_at.is_(None)
        statement = update(self._codes).where(is_unused).values(used_at=now).returning(row.code_hash)
        return session.execute(statement).first() is not None

    def _use_device(self, session: Session, user_id: str, token_hash: str) -> bool:
        row, now = self._devices.c, int(self._database.now(session))
        is_valid = (row.user_id == user_id) & (row.token_hash == token_hash) & (row.expires > now)
        statement = update(self._devices).where(is_valid).values(last_used=now).returning(row.id)
        return session.execute(statement).first() is not None

    def _count_attempt(self, session: Session, id_hash: str, maximum: int) -> int | None:
        row = self._pending.c
        is_valid = (row.id_hash == id_hash) & (row.expires > int(self._database.now(session)))
        statement = update(self._pending).where(is_valid, row.attempts < maximum).values(attempts=row.attempts + 1)
        number: int | None = session.execute(statement.returning(row.attempts)).scalar()
        return number
