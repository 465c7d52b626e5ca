"""Protocols of the stores for sign-in by mail and by password: proofs of addresses, mails, limits and passwords.

Every method may raise AdapterError. An exception of the database driver must not leave a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from genkan.types import Profile, User

Purpose = Literal["sign_in", "sign_up", "reset", "address", "undo"]
"""What a link or code is for: sign in, confirm a sign-up, reset the password, change the address, undo that change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A link, and the code in the same mail, that prove an address. Both are used up together.

    Of those that another application has made (Auth.js's table), only `identifier`, `token_hash` and `expires` are known.
    """

    identifier: str
    """The address for `sign_in`, as in Auth.js. For other purposes `purpose:` and the address or the id of the user."""
    token_hash: str = field(repr=False)
    expires: int
    """Seconds since 1970."""
    purpose: Purpose = "sign_in"
    email: str = ""
    """The normalised address that the mail was sent to."""
    user_id: str | None = None
    """The user who asked, for `reset` and `address`."""
    browser: str | None = None
    """Hash of the random id of the browser that asked. Only there the code works, and the link needs no confirmation.
    None for purposes without a code."""
    code_hash: str | None = field(default=None, repr=False)
    data: str | None = field(default=None, repr=False)
    """What the purpose needs later, encrypted: the callback URL, the hash of the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail that waits in the outbox."""

    id: str
    body: str = field(repr=False)
    """Recipient, subject and texts, encrypted."""
    expires: int
    """Seconds since 1970. Later the mail is useless and is deleted."""
    identifier: str | None = None
    token_hash: str | None = field(default=None, repr=False)
    """With `identifier`: the verification that is deleted if the mail can't be delivered."""
    attempts: int = 0
    """Attempts to deliver it so far."""


class VerificationStore(Protocol):
    """Store of links and codes."""

    def add(self, verification: Verification | None, mail: OutgoingMail | None) -> None:
        """Store both in one transaction. Either may be None, so that every branch of an action writes once.

        A verification of purpose `reset` replaces earlier ones with the same identifier.
        """
        ...

    def find(self, identifier: str, token_hash: str) -> Verification | None:
        """Return the verification if it exists and has not expired, else None."""
        ...

    def find_of_browser(self, browser: str, email: str) -> list[Verification]:
        """Return the verifications for this address that this browser asked for and that have not expired."""
        ...

    def use(self, identifier: str, token_hash: str) -> Verification | None:
        """Delete the verification by one statement and return it. None if there is none or it has expired.

        Of concurrent calls, on every worker, one gets it.
        """
        ...

    def delete_of_browser(self, browser: str, email: str) -> None:
        """Delete the verifications for this address that this browser asked for."""
        ...

    def purge(self) -> int:
        """Delete what has expired, also limits and mails, in bounded batches, and return the number of rows."""
        ...


class Outbox(Protocol):
    """Mails that have to be delivered. Several workers take them, each mail one worker at a time."""

    def claim(self, lease: int) -> OutgoingMail | None:
        """Return a mail that is due, which no other worker gets for `lease` seconds. None if there is none.

        Its `attempts` has counted this one. A mail that has expired is deleted instead.
        """
        ...

    def delivered(self, id: str) -> None:
        """Delete the mail."""
        ...

    def retry(self, id: str, seconds: int) -> None:
        """End the lease. The mail is due again after `seconds`."""
        ...

    def failed(self, id: str) -> None:
        """Delete the mail and its verification, because it can't be delivered."""
        ...

    def waiting(self) -> int:
        """Return the number of mails."""
        ...


class LimitStore(Protocol):
    """Counters that all workers share. Each method is one atomic statement."""

    def count(self, key: str, seconds: int) -> int:
        """Count one more and return the number since the first, which starts a period of `seconds`."""
        ...

    def attempt(self, key: str, *, free: int, first_delay: int, max_delay: int, period: int) -> int:
        """Count an attempt that may fail and return 0, or the seconds to wait if it is not allowed yet, and count nothing.

        `free` attempts are allowed at once. Each further one doubles the delay, from `first_delay` to `max_delay` seconds.
        The counter ends `period` seconds after the last attempt, or with `clear`.
        """
        ...

    def uncount(self, *keys: str) -> None:
        """Take back one that was counted, of each key. A number of 0 stays, and one whose period has ended."""
        ...

    def clear(self, key: str) -> None:
        """Delete the counter."""
        ...


class ProvenUser(NamedTuple):
    """The user of an address that was proven."""

    user: User
    is_new: bool
    """True if the call created the user."""
    removed: bool = False
    """True if what was planted on a user without a proven address was removed."""


class ChangedUser(NamedTuple):
    """A user whose address was changed."""

    user: User
    removed: tuple[str, ...] = ()
    """What was removed, because the change was undone: the provider of each account or passkey, and TOTP for a second
    factor."""


class AddressStore(Protocol):
    """Users by the addresses that they have proven, and their passwords."""

    def prove(self, user: User, profile: Profile, *, password: str | None = None) -> ProvenUser:
        """Return the stored user who has the proven address `user.email`. Create one if there is none.

        `user.email_verified` is the time of the proof. If the stored user had not proven the address before, everything
        that predates the proof is removed in the same transaction: passwords, accounts, sessions, links and codes. With
        `password` (a hash), a user who is created or who has no password gets it. An application with users of its own
        creates or finds one of them in the same transaction, and may refuse: AccessDenied.
        """
        ...

    def change_email(self, verification: Verification, *, remove_since: int = 0) -> ChangedUser | None:
        """Use the verification up, store its address as the proven one of its user, and return the user.

        None if another call has used it, or the user is gone. Raises OAuthAccountNotLinked if another user has proven
        the address. A user who has not loses it. All of this is one transaction, so that after a failure the link still
        works. In it all sessions of the user, trusted devices and waiting sign-ins end, and links and codes of the user
        are deleted, except those that undo a change.

        If the verification undoes a change, the password is deleted, and so are links that undo a later change. Earlier
        ones are of the owner of an address that the user had before. Accounts, passkeys, second factors and recovery
        codes that were added at `remove_since` (seconds since 1970) or later are removed too.
        """
        ...

    def password(self, user_id: str) -> str | None:
        """Return the hash of the user's password. None if the user has none."""
        ...

    def set_password(self, user_id: str, hash: str, *, email: str | None = None) -> bool:
        """Store the hash in place of any other and return True. False if no user has that id.

        With `email` also False if that is not the verified address of the user: another request may have changed it. In
        the same transaction every session of the user is revoked, trusted devices and waiting sign-ins end, and links
        and codes of the user are deleted, except those that undo a change of the address.
        """
        ...

    def replace_password(self, user_id: str, old: str | None, new: str, *, email: str) -> bool:
        """Store the hash `new` like `set_password`, unless another request has stored another one than `old`."""
        ...

    def rehash_password(self, user_id: str, old: str, new: str) -> bool:
        """Replace the hash `old` of the same password by `new` and return True. False if it is another one by now."""
        ...


class AddressStores(NamedTuple):
    """The stores for sign-in by mail and by password."""

    verifications: VerificationStore
    outbox: Outbox
    limits: LimitStore
    addresses: AddressStore
