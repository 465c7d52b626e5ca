"""State, nonce and PKCE verifier of one sign-in, sealed in a cookie of their own that only that sign-in can use.

One cookie for each flow, so that two tabs signing in at once do not overwrite each other (F22); bound to the
provider (GHSA-x445-f3h2-j279), to the browser (it is a cookie) and, by the adapter's `spend`, to one use (O2, O14).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from types import NoneType
from typing import Any, Literal, get_args

from genkan.core import Core
from genkan.errors import InvalidCheck, TokenError
from genkan.http.cookies import clear, names_starting_with, read
from genkan.http.messages import Cookie
from genkan.types import Token

FLOW_MAX_AGE = 900
"""How long somebody may take at the provider; Auth.js's value."""

MAX_FLOWS = 5
"""Sign-ins a browser may have begun and not finished; the oldest goes first (F22)."""

Purpose = Literal["sign_in", "link", "fresh"]
"""What a flow is for, and its callback honours nothing else: to let somebody in; to give a user who is in one more way
in; to have a user who is in prove once more that it is them (S12)."""

_RANDOM_BYTES = 32
_TEXTS = ("provider", "callback_url", "state", "nonce", "code_verifier", "user_id")


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in on its way: for which provider, with which secrets, and where it ends."""

    provider: str
    callback_url: str
    state: str
    nonce: str
    code_verifier: str
    created_at: int
    """Seconds since 1970."""
    purpose: Purpose = "sign_in"
    user_id: str = ""
    """Whose flow it is, as the session said that began it; "" for a sign-in, which is nobody's yet."""
    max_age: int | None = None
    """Seconds since somebody proved themselves that the provider was asked not to go beyond; None where it wasn't."""

    @property
    def one_time_id(self) -> str:
        """What is written down when the flow is used; the state itself is not."""
        return "flow:" + hashlib.sha256(self.state.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Aim:
    """What a flow is to be for; see Flow."""

    purpose: Purpose = "sign_in"
    user_id: str = ""
    max_age: int | None = None


SIGN_IN = Aim()


def create(
    provider: str, callback_url: str, cookie_header: str, options: Core, aim: Aim = SIGN_IN
) -> tuple[Flow, tuple[Cookie, ...]]:
    """A new flow, and the cookies that remember it and drop what is too many.

    Each secret is 32 random bytes (RFC 9700 2.1.1, RFC 7636 4.1, OpenID Connect Core 15.5.2).
    """
    state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
    begun = int(options.clock())
    flow = Flow(provider, callback_url, state, nonce, verifier, begun, aim.purpose, aim.user_id, aim.max_age)
    cookie = Cookie(
        _cookie_name(state, options),
        options.flow_sealer.seal(asdict(flow), FLOW_MAX_AGE),
        options.secure,
        max_age=FLOW_MAX_AGE,
        expires=options.clock() + FLOW_MAX_AGE,
    )
    return flow, (*_drop_oldest(cookie_header, options), cookie)


def use(provider: str, state: str | None, cookie_header: str, options: Core) -> Flow:
    """The flow this browser began with this provider under this state.

    Raises InvalidCheck where there is none, whatever is wrong: absent, altered, expired or another provider's;
    its reason is "cookies" when the browser keeps no cookies at all (F30).
    """
    if not cookie_header:
        raise InvalidCheck("no cookies", reason="cookies")
    sealed = read(cookie_header, _cookie_name(state, options)) if state else None
    try:
        flow = _flow(options.flow_sealer.open(sealed or ""))
    except TokenError as error:
        raise InvalidCheck("no such flow") from error
    if flow.provider != provider or not hmac.compare_digest(flow.state.encode(), (state or "").encode()):
        raise InvalidCheck("flow of another provider or state")
    return flow


def clear_flow(state: str | None, cookie_header: str, options: Core) -> tuple[Cookie, ...]:
    """Set-Cookies that delete the flow's cookie, if the browser has one."""
    name = _cookie_name(state or "", options)
    return clear((name,), secure=options.secure) if read(cookie_header, name) is not None else ()


def _cookie_name(state: str, options: Core) -> str:
    # Not the state itself: names are seen in more places than values are.
    return options.cookie_names.flow_prefix + hashlib.sha256(state.encode()).hexdigest()[:16]


def _flow(claims: Token) -> Flow:
    fields: dict[str, Any] = {field.name: claims.get(field.name) for field in dataclass_fields(Flow)}
    # A sealed cookie of an older or newer release, whose flows are not ours to guess at.
    if not all(isinstance(fields[name], str) for name in _TEXTS) or fields["purpose"] not in get_args(Purpose):
        raise TokenError
    if type(fields["created_at"]) is not int or type(fields["max_age"]) not in (int, NoneType):
        raise TokenError
    return Flow(**fields)


def _drop_oldest(cookie_header: str, options: Core) -> tuple[Cookie, ...]:
    names = names_starting_with(cookie_header, options.cookie_names.flow_prefix)
    excess = max(0, len(names) - MAX_FLOWS + 1)
    # Browsers list cookies of one path in the order they were made (RFC 6265 5.4).
    return clear(tuple(names[:excess]), secure=options.secure)
