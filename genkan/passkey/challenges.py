"""Challenges of passkeys, each in an encrypted cookie of its own, so that two tabs can ask at the same time.

A challenge is bound to the browser that has the cookie, to its purpose, to a user where there is one, and to one use
(`Adapter.use_once`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, Literal, get_args

from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import TokenError, WebAuthnVerificationError
from genkan.http.cookies import Cookie, RequestCookies, clear

CHALLENGE_BYTES = 32

CHALLENGE_MAX_AGE = 300
"""Seconds that a user may take with the device."""

MAX_CHALLENGES = 5
"""Challenges that one browser may have. The oldest is dropped first."""

Purpose = Literal["register", "sign_in", "fresh", "second"]
"""`register`: add a passkey. `sign_in`: sign in a user. `fresh`: confirm the identity of the signed-in user. `second`:
complete a sign-in that waits for its second factor."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Random bytes that a device has to sign, for one browser and one purpose."""

    value: str
    """Base64url of the random bytes."""
    purpose: Purpose
    user_id: str = ""
    """The id of the signed-in user, or of the user whose sign-in waits. Empty for `sign_in`."""
    handle: str = ""
    """The user handle of the new passkey, for `register`."""

    @property
    def one_time_id(self) -> str:
        """The id that is stored when the challenge is used."""
        return "passkey:" + hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Challenges:
    """Creates and opens challenges."""

    sealer: Sealer
    cookie_prefix: str
    """The first part of the names of the cookies."""
    secure: bool
    clock: Clock

    def create(
        self, purpose: Purpose, cookies: RequestCookies, *, user_id: str = "", handle: str = ""
    ) -> tuple[Challenge, tuple[Cookie, ...]]:
        """Return a new challenge, its cookie, and deletions of the oldest ones if there are too many."""
        challenge = Challenge(secrets.token_urlsafe(CHALLENGE_BYTES), purpose, user_id, handle)
        cookie = Cookie(
            self._cookie_name(challenge.value),
            self.sealer.seal(asdict(challenge), CHALLENGE_MAX_AGE),
            self.secure,
            max_age=CHALLENGE_MAX_AGE,
            expires=self.clock() + CHALLENGE_MAX_AGE,
        )
        names = cookies.names_starting_with(self.cookie_prefix)
        oldest = tuple(names[: max(0, len(names) - MAX_CHALLENGES + 1)])
        return challenge, (*clear(oldest, secure=self.secure), cookie)

    def open(self, value: str, cookies: RequestCookies) -> Challenge:
        """Return the challenge of this browser with this value. Raises WebAuthnVerificationError if there is none."""
        try:
            claims = self.sealer.open(cookies.get(self._cookie_name(value)) or "")
        except TokenError as error:
            raise WebAuthnVerificationError("no such challenge") from error
        found: dict[str, Any] = {field.name: claims.get(field.name) for field in dataclass_fields(Challenge)}
        # The cookie may be from an older or newer release.
        if not all(isinstance(text, str) for text in found.values()) or found["purpose"] not in get_args(Purpose):
            raise WebAuthnVerificationError("challenge of another release")
        if claims.get("exp", 0) <= self.clock():
            # Without the tolerance of tokens from other hosts.
            raise WebAuthnVerificationError("expired challenge")
        if not hmac.compare_digest(found["value"].encode(), value.encode()):
            raise WebAuthnVerificationError("another challenge")
        return Challenge(**found)

    def clear(self, value: str, cookies: RequestCookies) -> tuple[Cookie, ...]:
        """Return the deletion of the challenge's cookie. Empty if the browser has none."""
        name = self._cookie_name(value)
        return clear((name,), secure=self.secure) if cookies.get(name) is not None else ()

    def _cookie_name(self, value: str) -> str:
        # A hash, since the names of cookies are visible in more places than their values.
        return self.cookie_prefix + hashlib.sha256(value.encode()).hexdigest()[:16]
