"""Records of sessions, and the protocol of a store that keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, Protocol

from genkan.types import Token

RevocationReason = Literal["signed-out", "ended", "replaced", "owner", "disabled", "deleted", "provider"]
"""Reason why a session was revoked. `signed-out`: the user signed out. `ended`: the user revoked it from another
device. `replaced`: the user signed in again in the same browser. `owner`, `disabled`, `deleted`: an operator revoked
it, or disabled or deleted the user. `provider`: the provider requested it."""

ActivityKind = Literal["signed-in", "refused", "ended", "linked", "unlinked", "connection-lost", "renamed"]

RevocationKind = Literal["session", "user", "changed"]

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


@dataclass(frozen=True, slots=True)
class Revocation:
    """Revocation of sessions that every worker must read. `id` increases with time, and times are in seconds since
    1970.

    `session`: the session with the id `subject` is revoked. `user`: sessions of the user without a record are revoked
    if their tokens were issued up to `at`. `changed`: claims about the user in tokens that were issued up to `at` are
    out of date. After `until` no token can be affected any more.
    """

    id: int
    kind: RevocationKind
    subject: str
    at: int
    until: int


RETENTION_SECONDS = 120
"""Seconds that a record or revocation is kept after the token has expired. A token may be accepted a little longer
than it is valid, expire a minute later than recorded, and another host's clock may be slow."""

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
    """List of revocations that workers read."""

    def revocations_since(self, after_id: int, limit: int) -> list[Revocation]:
        """Return at most `limit` revocations with an id greater than `after_id`, ordered by id. Raises AdapterError."""
        ...


class SessionStore(RevocationLog, Protocol):
    """Store of session records.

    Every method may raise AdapterError. Methods that revoke sessions also add the revocations that workers read.
    """

    def create(
        self, record: SessionRecord, *, claims: Mapping[str, Any] | None = None, token_hash: str | None = None
    ) -> bool:
        """Store a new record and return True. False if the user is disabled or does not exist.

        The database session strategy passes `claims` and `token_hash`, which `get_claims` reads.
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

    def revoke(self, ids: Collection[str], reason: RevocationReason, now: int) -> list[SessionRecord]:
        """Revoke the sessions and return the records that this call has revoked."""
        ...

    def revoke_others(
        self, user_id: str, except_sid: str | None, reason: RevocationReason, now: int
    ) -> list[SessionRecord]:
        """Revoke all sessions of the user except `except_sid`, including sessions without a record.

        Return the records that this call has revoked.
        """
        ...

    def revoke_by_provider(
        self,
        provider: str,
        reason: RevocationReason,
        now: int,
        *,
        provider_sid: str | None = None,
        user_id: str | None = None,
    ) -> list[SessionRecord]:
        """Revoke the sessions that were started with the provider and return their records.

        `provider_sid` selects those of one session at the provider, `user_id` those of one user. If both are given,
        both must match.
        """
        ...

    def revoke_unrecorded(self, name: str, now: int) -> None:
        """Revoke a session that has no record. `name` is a value of `session_id`."""
        ...

    def mark_user_changed(self, user_id: str, now: int) -> None:
        """Tell all workers that the claims about this user in tokens are out of date."""
        ...

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Add an entry to the activity of a stored user. Nothing is written for any other user."""
        ...

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """Return the user's activity, the latest entry first."""
        ...

    def purge(self, now: int) -> int:
        """Delete expired rows in bounded batches and return their number."""
        ...
