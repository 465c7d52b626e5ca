"""State, nonce and PKCE code verifier of one sign-in, encrypted in a cookie of its own.

Each flow has its own cookie, so that two tabs can sign in at the same time. A flow is bound to its provider
(GHSA-x445-f3h2-j279), to the browser that has the cookie, and to one use (`Adapter.use_once`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from types import NoneType
from typing import Any, Literal, get_args

from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import InvalidCheck, TokenError
from genkan.http.cookies import Cookie, RequestCookies, clear
from genkan.types import Token

FLOW_MAX_AGE = 900
"""Seconds that a user may take at the provider, as in Auth.js."""

MAX_FLOWS = 5
"""Unfinished flows that one browser may have. The oldest is dropped first."""

Purpose = Literal["sign_in", "link", "fresh"]
"""`sign_in`: sign in a user. `link`: link an account to the signed-in user. `fresh`: reauthenticate the signed-in
user."""

_RANDOM_BYTES = 32
_TEXT_FIELDS = ("provider", "callback_url", "state", "nonce", "code_verifier", "user_id")


@dataclass(frozen=True, slots=True)
class Flow:
    """One authorization request: its provider, its secrets and where it ends."""

    provider: str
    callback_url: str
    state: str
    nonce: str
    code_verifier: str
    created_at: int
    """Seconds since 1970."""
    purpose: Purpose = "sign_in"
    user_id: str = ""
    """The id of the user who was signed in when a `link` or `fresh` flow began. Empty for `sign_in`."""
    max_age: int | None = None
    """The `max_age` parameter of the request in seconds. None if it was not sent."""

    @property
    def one_time_id(self) -> str:
        """The id that is stored when the flow is used. It does not contain the state."""
        return "flow:" + hashlib.sha256(self.state.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Checks:
    """Creates and opens flows."""

    sealer: Sealer
    cookie_prefix: str
    """The first part of the names of flow cookies."""
    secure: bool
    clock: Clock

    def create(
        self,
        provider: str,
        callback_url: str,
        cookies: RequestCookies,
        *,
        purpose: Purpose = "sign_in",
        user_id: str = "",
        max_age: int | None = None,
    ) -> tuple[Flow, tuple[Cookie, ...]]:
        """Return a new flow, the cookie that holds it, and deletions of the oldest flows if there are too many.

        Each secret is 32 random bytes (RFC 9700 2.1.1, RFC 7636 4.1, OpenID Connect Core 15.5.2).
        """
        state, nonce, code_verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        now = self.clock()
        flow = Flow(provider, callback_url, state, nonce, code_verifier, int(now), purpose, user_id, max_age)
        cookie = Cookie(
            self._cookie_name(state),
            self.sealer.seal(asdict(flow), FLOW_MAX_AGE),
            self.secure,
            max_age=FLOW_MAX_AGE,
            expires=now + FLOW_MAX_AGE,
        )
        return flow, (*self._drop_oldest(cookies), cookie)

    def use(self, provider: str, state: str | None, cookies: RequestCookies) -> Flow:
        """Return the flow that this browser began with this provider under this state.

        Raises InvalidCheck if it is absent, altered, expired or of another provider. The reason is "cookies" if the
        browser sent no cookie at all, "unreadable-cookies" if the server could not read them.
        """
        if cookies.is_empty:
            raise InvalidCheck("no cookies", reason="cookies")
        if cookies.is_unreadable:
            raise InvalidCheck("unreadable cookies", reason="unreadable-cookies")
        sealed = cookies.get(self._cookie_name(state)) if state else None
        try:
            flow = _to_flow(self.sealer.open(sealed or ""))
        except TokenError as error:
            raise InvalidCheck("no such flow") from error
        if flow.provider != provider or not hmac.compare_digest(flow.state.encode(), (state or "").encode()):
            raise InvalidCheck("flow of another provider or state")
        return flow

    def clear(self, state: str | None, cookies: RequestCookies) -> tuple[Cookie, ...]:
        """Return the deletion of the flow's cookie. Empty if the browser has none."""
        name = self._cookie_name(state or "")
        return clear((name,), secure=self.secure) if cookies.get(name) is not None else ()

    def _cookie_name(self, state: str) -> str:
        # A hash, since the names of cookies are visible in more places than their values.
        return self.cookie_prefix + hashlib.sha256(state.encode()).hexdigest()[:16]

    def _drop_oldest(self, cookies: RequestCookies) -> tuple[Cookie, ...]:
        names = cookies.names_starting_with(self.cookie_prefix)
        # Browsers send cookies of one path in the order in which they were set (RFC 6265 5.4).
        return clear(tuple(names[: max(0, len(names) - MAX_FLOWS + 1)]), secure=self.secure)


def _to_flow(claims: Token) -> Flow:
    values: dict[str, Any] = {field.name: claims.get(field.name) for field in dataclass_fields(Flow)}
    # The cookie may be from an older or newer release.
    if not all(isinstance(values[name], str) for name in _TEXT_FIELDS) or values["purpose"] not in get_args(Purpose):
        raise TokenError
    if type(values["created_at"]) is not int or type(values["max_age"]) not in (int, NoneType):
        raise TokenError
    return Flow(**values)
