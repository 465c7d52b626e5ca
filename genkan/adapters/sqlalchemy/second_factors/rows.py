"""Deletions in the tables of second factors, in transactions that also change other tables."""

from __future__ import annotations

from sqlalchemy import delete, select, true

from genkan.adapters.sqlalchemy.database import Executor
from genkan.adapters.sqlalchemy.tables import Tables


class SecondFactorRows:
    """Deletions for one user. Each runs in the database session of the caller."""

    def __init__(self, tables: Tables) -> None:
        self._totp, self._codes = tables.totp, tables.recovery_codes
        self._devices, self._pending = tables.trusted_devices, tables.pending_sign_ins

    def delete(self, session: Executor, user_id: str) -> None:
        """Delete everything: the secrets, recovery codes, trusted devices and waiting sign-ins."""
        for table in (self._totp, self._codes):
            session.execute(delete(table).where(table.c.user_id == user_id))
        self.end_trust(session, user_id)

    def delete_added_since(self, session: Executor, user_id: str, time: int) -> bool:
        """Delete recovery codes that were made at this time or later. Everything if the secret was, and then return
        True."""
        totp, codes = self._totp.c, self._codes.c
        is_new = (totp.user_id == user_id) & (totp.created_at >= time)
        if session.execute(select(totp.user_id).where(is_new)).first() is not None:
            self.delete(session, user_id)
            return True
        session.execute(delete(self._codes).where(codes.user_id == user_id, codes.created_at >= time))
        return False

    def end_trust(
        self,
        session: Executor,
        user_id: str | None,
        *,
        except_hash: str | None = None,
        except_pending: str | None = None,
    ) -> None:
        """Delete trusted devices and waiting sign-ins of the user, or of all users.

        The device with the token `except_hash` and the sign-in with the id `except_pending` stay.
        """
        devices, pending = self._devices.c, self._pending.c
        # Devices last: a device is stored before the sign-in that it is of is used up.
        for table, id, kept in (
            (self._pending, pending.id_hash, except_pending),
            (self._devices, devices.token_hash, except_hash),
        ):
            is_of_user = true() if user_id is None else table.c.user_id == user_id
            is_other = true() if kept is None else id != kept
            session.execute(delete(table).where(is_of_user, is_other))

    def delete_devices(self, session: Executor, user_id: str) -> None:
        """Delete the trusted devices of the user. A waiting sign-in stays, because it still needs the second factor."""
        session.execute(delete(self._devices).where(self._devices.c.user_id == user_id))
