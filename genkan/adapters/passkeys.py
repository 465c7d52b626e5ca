"""Protocol of the store of passkeys. Every method may raise AdapterError."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

PROVIDER = "passkey"
"""Provider of the account that belongs to each passkey, as in Auth.js."""

DeviceType = Literal["singleDevice", "multiDevice"]
"""`multiDevice`: the passkey can be synced to other devices of its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey. Of those that another application has registered, the fields from `handle` on are None."""

    credential_id: str
    """Standard base64 with padding, as in Auth.js."""
    user_id: str
    public_key: str = field(repr=False)
    """Base64 of a COSE key."""
    counter: int
    """Number of uses as the device counts them. Always 0 for a device that does not count."""
    device_type: DeviceType
    backed_up: bool
    """True if the passkey is synced to other devices."""
    transports: tuple[str, ...] = ()
    handle: str | None = None
    """The user handle that the passkey was registered with."""
    name: str | None = None
    aaguid: str | None = None
    """The model of the device or password manager."""
    created_at: int | None = None
    """Seconds since 1970."""
    last_used_at: int | None = None
    """Seconds since 1970."""

    @property
    def is_synced(self) -> bool:
        """True if it can be used on further devices of its user."""
        return self.device_type == "multiDevice"


class PasskeyStore(Protocol):
    """Store of passkeys. Each has an account, so `Adapter.unlink_account` and `Adapter.delete_user` remove it."""

    def handle(self, user_id: str) -> str:
        """Return the user's handle: 43 random ASCII characters, which never change. Raises AdapterError for an unknown
        user."""
        ...

    def add(self, passkey: Passkey) -> bool:
        """Store the passkey, and its account, in one transaction, and return True. False if it is registered already.

        The time of `created_at` is that of the store. Raises AdapterError if the user is gone.
        """
        ...

    def find(self, credential_id: str) -> Passkey | None:
        """Return the passkey with this id, or None."""
        ...

    def list(self, user_id: str) -> list[Passkey]:
        """Return the user's passkeys, the oldest first."""
        ...

    def record_use(self, credential_id: str, counter: int, *, backed_up: bool) -> bool:
        """Store the counter and the time of a use by one statement, and return True.

        False if the stored counter is not lower, so that of two uses with one value one succeeds. A counter that is 0 and
        stays 0 is allowed.
        """
        ...

    def rename(self, user_id: str, credential_id: str, name: str) -> bool:
        """Store the name and return True. False if the user has no such passkey."""
        ...
