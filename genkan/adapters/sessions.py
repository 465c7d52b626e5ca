"""Records of sessions, and the protocol of a store that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple, Protocol

from genkan.types import Token

RevocationReason = Literal[
    "signed-out",
    "ended",
    "replaced",
    "limit",
    "owner",
    "disabled",
    "deleted",
    "provider",
    "password",
    "address",
]
"""Reason why sessions were revoked. `signed-out`: the user signed out. `ended`: the user revoked it from another
device. `replaced`: the user signed in again in the same browser. `limit`: the user has too many sessions. `owner`,
`disabled`, `deleted`: an operator revoked it, or disabled or deleted the user. `provider`: the provider requested it.
`password`: the password was changed. `address`: the address was changed, or the one of before was restored."""

ActivityKind = Literal[
    "signed-in",
    "refused",
    "ended",
    "ended-others",
    "linked",
    "unlinked",
    "connection-lost",
    "renamed",
    "password-changed",
    "address-changed",
    "address-proven",
    "passkey-added",
    "passkey-removed",
    "second-factor-on",
    "second-factor-off",
    "recovery-codes-made",
    "recovery-code-used",
    "device-trusted",
    "device-revoked",
]

REPEATABLE_KINDS = ("ended-others", "renamed")
"""Kinds of activity that a user can add with a click. Only the latest entry of each is kept."""

RevocationKind = Literal["session", "user", "everyone", "changed"]

ACTIVITY_RETENTION_SECONDS = 90 * 24 * 3600
"""Seconds that an entry of a user's activity is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """Record of one session. `id` is the token's `sid` and is not secret. Times are in seconds since 1970."""

    id: str
    user_id: str
    provider: str
    created: int
    last_seen: int
    """Time of a recent request. Written at most every few minutes."""
    expires: int
    absolute_expires: int
    device: str
    ip_address: str | None = None
    """Client's IP address at sign-in, as is `device`."""
    provider_sid: str | None = None
    id_token: str | None = field(default=None, repr=False)
    revoked_at: int | None = None
    revocation_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Entry of a user's activity, such as a sign-in. `at` is in seconds since 1970."""

    at: int
    kind: ActivityKind
    provider: str | None = None
    device: str | None = None
    ip_address: str | None = None
    detail: str | None = None


EVERYONE = ""
"""Subject of a revocation of the kind `everyone`."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """Revocation of sessions that every worker must read. Times are in seconds since 1970.

    `session`: the session with the id `subject` is revoked. `user`: every session of the user that started by `at` is
    revoked, with or without a record, except `except_sid`. `everyone`: the same for all users. `changed`: claims about the
    user in tokens that were issued up to `at` are out of date. After `until` no token can be affected any more.
    """

    kind: RevocationKind
    subject: str
    at: int
    until: int
    except_sid: str | None = None


class RevocationReading(NamedTuple):
    """The result of `RevocationLog.read_revocations`."""

    position: str
    """The position from which the next call continues. Its form is the store's."""
    now: float
    """The time of the store's clock in seconds since 1970."""


RETENTION_SECONDS = 2 * 24 * 3600
"""Seconds that a record, a revocation or a used id is kept after it has expired. A clock that is wrong for half a day
deletes nothing that is still valid: see `genkan.adapters.sqlalchemy.purge`."""

JTI_PREFIX = "jti:"
"""Prefix of the id of a session whose token another application has issued, such as a Next.js front end."""


MAX_ID_LENGTH = 255


def session_id(token: Token) -> str | None:
    """Return the id by which a session is revoked: the token's `sid`, else its `jti` with a prefix.

    None if the token has neither. A re-issued token carries the id as `sid`.
    """
    sid, jti = token.get("sid"), token.get("jti")
    name = sid if isinstance(sid, str) else f"{JTI_PREFIX}{jti}" if isinstance(jti, str) else None
    if name is None or (name.isascii() and name.isprintable() and len(name) <= MAX_ID_LENGTH):
        return name
    # Another application may choose any text as `jti`, and some databases cannot store it.
    return JTI_PREFIX + sha256(name.encode()).hexdigest()


class RevocationLog(Protocol):
    """Revocations that workers read."""

    def read_revocations(self, position: str, apply: Callable[[list[Revocation]], object]) -> RevocationReading:
        """Pass all revocations that became visible since `position` to `apply`, in batches. Empty: all that there are.

        A revocation that is committed late, after a later one, is passed too. One may be passed more than once. Raises
        AdapterError.
        """
        ...


class SessionStore(RevocationLog, Protocol):
    """Store of session records.

    Every method may raise AdapterError. Methods that revoke sessions add the revocations that workers read in the same
    transaction, with the time of the store's clock.
    """

    def create(
        self,
        record: SessionRecord,
        *,
        claims: Mapping[str, Any] | None = None,
        token_hash: str | None = None,
        replaces: str | None = None,
    ) -> list[SessionRecord] | None:
        """Store a new record and return the records that this has revoked. None if the user is disabled or not stored.

        In the same transaction the session `replaces` is revoked, and the user's least recently seen ones above the limit
        are. The database session strategy passes `claims` and `token_hash`, which `get_claims` reads.
        """
        ...

    def get(self, id: str) -> SessionRecord | None:
        """Return the record with that id, also if it is revoked, with its ID token decrypted. None if there is none."""
        ...

    def list_active(self, user_id: str, now: int) -> list[SessionRecord]:
        """Return the user's sessions that are neither revoked nor expired, the last seen first."""
        ...

    def list_all_active(self, now: int, limit: int) -> list[SessionRecord]:
        """Return at most `limit` sessions of all users that are neither revoked nor expired, the last seen first."""
        ...

    def get_claims(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """Return the claims stored for an active session, found by the SHA-256 of its token in one query.

        None if there is none.
        """
        ...

    def update(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, min_interval: int = 0) -> None:
        """Store new claims for a session that is not revoked, if that extends it by `min_interval` seconds or more."""
        ...

    def touch(self, id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        """Set `last_seen`, and `expires` if it is given, unless the stored value is less than `min_interval` seconds
        older.

        Return True if this call wrote the values. Of several concurrent calls one does.
        """
        ...

    def revoke_session(self, id: str, reason: RevocationReason) -> SessionRecord | None:
        """Revoke the session with this `session_id`, with or without a record.

        Returns the record if this call has revoked it.
        """
        ...

    def revoke_user(self, user_id: str, *, except_sid: str | None = None, except_started_at: int = 0) -> int:
        """Revoke every session of the user, stored or not, that has started by now, except one. One row, however many.

        `except_started_at` is the start of that one in seconds since 1970: if it is revoked already, it is no exception.
        Returns how many active records this concerns.
        """
        ...

    def revoke_everyone(self) -> int:
        """Revoke every session of all users that has started by now. Returns how many active records this concerns."""
        ...

    def revoke_by_provider(
        self, provider: str, reason: RevocationReason, *, provider_sid: str | None = None, user_id: str | None = None
    ) -> list[SessionRecord]:
        """Revoke the sessions that were started with the provider and return their records.

        `provider_sid` selects those of one session at the provider, `user_id` those of one user. If both are given,
        both must match.
        """
        ...

    def mark_user_changed(self, user_id: str) -> None:
        """Tell all workers that the claims about this user in tokens are out of date."""
        ...

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Add an entry to the activity of a stored user. Nothing is written for any other user.

        Of REPEATABLE_KINDS it replaces the user's earlier one.
        """
        ...

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """Return the user's activity, the latest entry first."""
        ...

    def purge(self) -> int:
        """Delete expired rows in bounded batches and return their number."""
        ...
