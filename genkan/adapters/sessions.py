"""What is written down about sessions: each from its beginning to its end, for any store to keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, Protocol

from genkan.types import Token

RevocationReason = Literal["signed-out", "ended", "replaced", "owner", "disabled", "deleted", "provider"]
"""Why a session ended: the person signed out, ended it from another device or signed in anew in the same browser;
an owner ended it, disabled or deleted the user; the provider said so."""

ActivityKind = Literal["signed-in", "refused", "ended", "linked", "unlinked", "connection-lost", "renamed"]

RevocationKind = Literal["session", "user", "changed"]

ACTIVITY_RETENTION_SECONDS = 90 * 24 * 3600
"""How long somebody can see what happened to their account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One sign-in. `id` is the token's `sid`, which opens nothing; times are seconds since 1970."""

    id: str
    user_id: str
    provider: str
    created: int
    last_seen: int
    """Written at most every few minutes."""
    expires: int
    absolute_expires: int
    device: str
    ip_address: str | None = None
    """Device and address as they were at sign-in."""
    provider_sid: str | None = None
    id_token: str | None = field(default=None, repr=False)
    revoked_at: int | None = None
    revocation_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something that happened to somebody's account at `at` (seconds since 1970)."""

    at: int
    kind: ActivityKind
    provider: str | None = None
    device: str | None = None
    ip_address: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """A piece of news for every worker, in the order of `mark`; it matters until `until` (seconds since 1970).

    `session`: tokens of that name are dead. `user`: tokens of this user that have no record and were made by `at`
    are dead. `changed`: what tokens of this user made by `at` say of them is out of date.
    """

    id: int
    kind: RevocationKind
    subject: str
    at: int
    until: int


RETENTION_SECONDS = 120
"""How long a record, or news, outlives what it is about: a token may be believed a little beyond its end, live a minute
longer than was written down, and another host's clock may be behind."""

JTI_PREFIX = "jti:"
"""Begins the name of a session that somebody else's token brought, such as a Next.js front end's."""


MAX_ID_LENGTH = 255


def session_id(token: Token) -> str | None:
    """What a session is ended by: its token's `sid`, else its `jti`, which we keep as `sid` when we re-issue it."""
    sid, jti = token.get("sid"), token.get("jti")
    name = sid if isinstance(sid, str) else f"{JTI_PREFIX}{jti}" if isinstance(jti, str) else None
    if name is None or (name.isascii() and name.isprintable() and len(name) <= MAX_ID_LENGTH):
        return name
    # Another application's, and not every database could keep it.
    return JTI_PREFIX + sha256(name.encode()).hexdigest()


class RevocationLog(Protocol):
    """The list of endings that workers read."""

    def revocations_since(self, after_id: int, limit: int) -> list[Revocation]:
        """Return at most `limit` endings whose `mark` is greater, in order of `mark`. Raises StoreError."""
        ...


class SessionStore(RevocationLog, Protocol):
    """Keeps records. Every method may raise StoreError; those that end something also leave the news of it."""

    def create(
        self, record: SessionRecord, *, claims: Mapping[str, Any] | None = None, token_hash: str | None = None
    ) -> bool:
        """Keep a new record; False for a user who may not come in (any more). Claims and hash: see `by_token`."""
        ...

    def get(self, id: str) -> SessionRecord | None:
        """The record with that id, ended or not, as long as it is kept; its ID token in clear."""
        ...

    def list_active(self, user_id: str, now: int) -> list[SessionRecord]:
        """That user's sessions which have neither ended nor expired, the one seen last first."""
        ...

    def list_all_active(self, now: int, limit: int) -> list[SessionRecord]:
        """Everybody's, likewise, at most `limit`."""
        ...

    def get_claims(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """The claims kept for a live session by its token's SHA-256, in one look-up; None when there is none."""
        ...

    def update(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, min_interval: int = 0) -> None:
        """Keep these claims for a session that lives on, if that makes it expire `every` seconds later or more."""
        ...

    def touch(self, id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        """Note that it was seen, or prolonged until `expires`, if that is `every` seconds later than was noted.

        Of any number of callers at once, one writes and is told True.
        """
        ...

    def revoke(self, ids: Collection[str], reason: RevocationReason, now: int) -> list[SessionRecord]:
        """End these; those that this very call ended come back."""
        ...

    def revoke_others(
        self, user_id: str, except_sid: str | None, reason: RevocationReason, now: int
    ) -> list[SessionRecord]:
        """End every session of that user but `keep`, also those of tokens that have no record."""
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
        """End what began with that provider: in its session of that name, or that user's; both where both are given."""
        ...

    def revoke_unrecorded(self, name: str, now: int) -> None:
        """Leave the news that a session of which there is no record has ended; `name` as `session_name` gives it."""
        ...

    def mark_user_changed(self, user_id: str, now: int) -> None:
        """Leave the news that what tokens say of this user is out of date."""
        ...

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """Write down what happened, for a user who is kept here; for any other nothing is written."""
        ...

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """What happened, the latest first."""
        ...

    def purge(self, now: int) -> int:
        """Drop what has expired by itself anyway, in bounded batches; the number of rows."""
        ...
