"""The cookie and the content of a sign-in that waits for the second factor.

The cookie holds a random id, sealed for this purpose alone. Everything else is in the database. Neither is a session, and a
session cookie is neither.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from genkan import strict_json
from genkan.adapters.second_factors import PendingSignIn
from genkan.crypto.sealer import Clock, Sealer, TextSealer
from genkan.errors import TokenError
from genkan.http.cookies import Cookie, RequestCookies, clear

LIFETIME = 600
"""Seconds that a user has for the second factor."""

MAX_ATTEMPTS = 5
"""Codes that can be tried. Then the first factor is due again."""

_ID_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingData:
    """Content of a sign-in that waits: the session will start with it."""

    user_id: str
    provider: str
    type: str
    subject: str
    """The account's id at the provider, or the address."""
    url: str
    """Where the sign-in ends."""
    amr: tuple[str, ...]
    is_new_user: bool = False
    is_fresh: bool = False
    """True if the signed-in user confirms their identity."""
    auth_time: int | None = None
    unverified_email: str | None = None
    id_token_hint: str | None = field(default=None, repr=False)
    tokens: Mapping[str, Any] = field(default_factory=dict, repr=False)
    profile: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PendingSignIns:
    """Makes and reads the cookie and the stored content."""

    cookie_sealer: Sealer
    data_sealer: TextSealer
    cookie_name: str
    secure: bool
    clock: Clock

    @classmethod
    def of(cls, secrets: Sequence[str], *, cookie_name: str, secure: bool, clock: Clock) -> PendingSignIns:
        """Return those of an application with these secrets."""
        return cls(
            Sealer(secrets, "genkan.second", clock),
            TextSealer(secrets, "genkan.pending-sign-in"),
            cookie_name,
            secure,
            clock,
        )

    def create(self, data: PendingData, created: int) -> tuple[PendingSignIn, Cookie]:
        """Return a new sign-in that waits, and the cookie of its browser.

        `created`, in seconds since 1970, is not before the last rule that has revoked sessions of the user.
        """
        id, now = secrets.token_urlsafe(_ID_BYTES), int(self.clock())
        content: dict[str, Any] = {name.name: getattr(data, name.name) for name in fields(data)}
        content |= {"amr": list(data.amr), "tokens": dict(data.tokens), "profile": dict(data.profile)}
        stored = PendingSignIn(
            id_hash=_hash(id),
            user_id=data.user_id,
            data=self.data_sealer.seal(strict_json.dumps(content)),
            created=created,
            expires=now + LIFETIME,
        )
        value = self.cookie_sealer.seal({"id": id}, LIFETIME)
        cookie = Cookie(self.cookie_name, value, self.secure, max_age=LIFETIME, expires=self.clock() + LIFETIME)
        return stored, cookie

    def id_hash(self, cookies: RequestCookies) -> str | None:
        """Return the hash of the id in the cookie of a request. None if it has none, or one of another purpose."""
        try:
            id = self.cookie_sealer.open(cookies.get(self.cookie_name) or "").get("id")
        except TokenError:
            return None
        return _hash(id) if isinstance(id, str) else None

    def data(self, stored: PendingSignIn) -> PendingData | None:
        """Return the content. None if it can't be read, or is that of another user than the row's."""
        try:
            content = strict_json.loads_object(self.data_sealer.open(stored.data).encode())
            data = PendingData(**{**content, "amr": tuple(content["amr"])})
        except (TokenError, ValueError, TypeError, KeyError):
            # It may be from another release.
            return None
        return data if data.user_id == stored.user_id else None

    def clear(self, cookies: RequestCookies) -> tuple[Cookie, ...]:
        """Return the deletion of the cookie. Empty if the browser has none."""
        return () if cookies.get(self.cookie_name) is None else clear((self.cookie_name,), secure=self.secure)


def _hash(id: str) -> str:
    return hashlib.sha256(f"genkan.second:{id}".encode()).hexdigest()
