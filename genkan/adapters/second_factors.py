"""Protocol of the store of second factors: secrets, recovery codes, trusted devices and sign-ins that wait.

Every method may raise AdapterError. An exception of the database driver must not leave a store. Secrets are stored as they
are given, so the caller encrypts or hashes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

TOTP = "totp"
"""Name of an authenticator app where other ways to sign in have a provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTOTP:
    """The secrets of a user's authenticator app."""

    secret: str | None = field(default=None, repr=False)
    """The secret, encrypted. None if the second factor is off."""
    last_step: int = 0
    """The time step of the last code that was accepted."""
    pending_secret: str | None = field(default=None, repr=False)
    """The secret that a code has to confirm, encrypted. None if there is none, or if it has expired."""
    pending_owner: str | None = None
    """Hash that names the session or the sign-in that the pending secret was made for. No other one may see or confirm
    it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedDevice:
    """A browser in which the user is not asked for the second factor. Times are in seconds since 1970."""

    id: str
    """Name of the row, which is not secret."""
    token_hash: str = field(repr=False)
    device: str
    """The device, as the list of sessions shows it."""
    created: int
    last_used: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A sign-in whose first factor was proven. It is no session. Times are in seconds since 1970."""

    id_hash: str
    """Hash of the id in the cookie of the browser."""
    user_id: str
    data: str = field(repr=False)
    """What the session starts with later, encrypted."""
    created: int
    expires: int


class SecondFactorStore(Protocol):
    """Store of second factors. Each method that decides something is one statement, so that it is so on every worker."""

    def totp(self, user_id: str) -> StoredTOTP | None:
        """Return the stored secrets of the user. None if there are none."""
        ...

    def begin_totp(self, user_id: str, secret: str, owner: str, seconds: int) -> bool:
        """Store a secret to confirm in the next `seconds`, in place of an earlier one. False if no user has that id."""
        ...

    def confirm_totp(
        self, user_id: str, secret: str, owner: str, step: int, codes: Sequence[str], *, replaces: bool
    ) -> bool:
        """Make the pending secret that of the user, if it still is this one of this owner, and return True.

        Without `replaces`, False if the user has a secret already. `step` is that of the code that confirmed it. In the
        same transaction the hashes `codes` replace the recovery codes, and trusted devices and waiting sign-ins of the
        user end, except that of the owner.
        """
        ...

    def use_step(self, user_id: str, secret: str, step: int) -> bool:
        """Store the time step of a code and return True, if the secret is this one and no later or equal step was used."""
        ...

    def delete_totp(self, user_id: str) -> bool:
        """Delete secrets, recovery codes, trusted devices and waiting sign-ins. False if the second factor was off."""
        ...

    def replace_codes(self, user_id: str, codes: Sequence[str]) -> bool:
        """Store these hashes in place of all recovery codes. False if the second factor is off.

        In the same transaction trusted devices and waiting sign-ins of the user end, as for `confirm_totp`.
        """
        ...

    def use_code(self, user_id: str, code: str) -> bool:
        """Mark the recovery code with this hash as used and return True. False if there is none, or if it was used."""
        ...

    def codes_left(self, user_id: str) -> int:
        """Return the number of recovery codes that were not used."""
        ...

    def trust(self, user_id: str, device: TrustedDevice) -> None:
        """Store a trusted device of the user."""
        ...

    def use_device(self, user_id: str, token_hash: str) -> bool:
        """Return True if the user trusts the device with this token, and store that it was used now."""
        ...

    def list_devices(self, user_id: str) -> list[TrustedDevice]:
        """Return the user's trusted devices that have not expired, the one used last first."""
        ...

    def delete_device(self, user_id: str, id: str) -> bool:
        """Delete one trusted device of the user. False if there is none."""
        ...

    def end_trust(self, user_id: str | None, *, except_hash: str | None = None) -> None:
        """Delete the waiting sign-ins of the user, or of all users, and the trusted devices except that with this token."""
        ...

    def add_pending(self, pending: PendingSignIn) -> None:
        """Store a sign-in that waits for the second factor."""
        ...

    def pending(self, id_hash: str) -> PendingSignIn | None:
        """Return the waiting sign-in. None if there is none or it has expired."""
        ...

    def count_attempt(self, id_hash: str, maximum: int) -> int | None:
        """Count an attempt and return its number. None if `maximum` have been made, or if the sign-in is gone."""
        ...

    def use_pending(self, id_hash: str) -> bool:
        """Delete the waiting sign-in and return True. Of concurrent calls, on every worker, one gets it."""
        ...

    def purge(self) -> int:
        """Delete what has expired, in bounded batches, and return the number of rows."""
        ...
