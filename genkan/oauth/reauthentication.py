"""Reauthentication: the parameters that ask a provider for it, and how recent an authentication is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from genkan.errors import ReauthenticationFailed
from genkan.oauth.checks import Flow
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.providers.base import Provider
from genkan.strict_json import is_number
from genkan.types import Profile, Token

Level = Literal["mfa"]
"""How strong an authentication must be, if one factor is not enough."""

MFA: Level = "mfa"
"""Value of `amr` for an authentication with two factors (RFC 8176)."""

MAX_METHODS, MAX_METHOD_LENGTH = 16, 32
"""Methods in `amr`, and the characters of each. They are part of every session token."""

MAX_AGE = 60
"""Seconds: the `max_age` of the authorization request. With `prompt=login` it asks for an authentication now. Not 0: some
providers then ask again without end, others ignore it and leave `auth_time` out."""


def requested_max_age(provider: Provider) -> int | None:
    """Return the `max_age` to send to this provider in seconds. None if it does not support the parameter."""
    return MAX_AGE if provider.supports_max_age else None


def reauthentication_params(provider: Provider, flow: Flow) -> dict[str, str]:
    """Return the authorization parameters that make the provider ask the user again. Empty unless the flow is `fresh`."""
    if flow.purpose != "fresh":
        return {}
    max_age = {} if flow.max_age is None else {"max_age": str(flow.max_age)}
    return {**provider.reauthentication_params, **max_age}


def check_auth_time(claims: Mapping[str, Any], flow: Flow, now: float) -> None:
    """Check that the user authenticated during this `fresh` flow (OpenID Connect Core 3.1.2.1 and 3.1.3.7).

    Raises ReauthenticationFailed if `auth_time` is from an earlier sign-in, or absent although `max_age` was sent.
    """
    auth_time = claims.get("auth_time")
    if flow.purpose != "fresh" or (auth_time is None and flow.max_age is None):
        return
    if not is_number(auth_time):
        raise ReauthenticationFailed("no auth_time, though max_age was sent")
    if not flow.created_at - CLOCK_TOLERANCE <= auth_time <= now + CLOCK_TOLERANCE:
        raise ReauthenticationFailed("auth_time of another sign-in (clock skew?)")


def auth_time_of(provider: Provider, flow: Flow, profile: Profile, now: int) -> int | None:
    """Return when the user authenticated at the provider, in seconds since 1970: `auth_time` if it was sent, else `now`.

    None if the provider supports `max_age` but sent no `auth_time`: such a provider may let a user pass who
    authenticated weeks ago, and a plain sign-in must not replace reauthentication.
    """
    auth_time = profile.get("auth_time") if provider.type == "oidc" else None
    if not is_number(auth_time) or auth_time <= 0:
        return None if provider.supports_max_age else now
    # `check_auth_time` has verified that it is within this flow, apart from clock skew.
    earliest = flow.created_at if flow.purpose == "fresh" else 0
    return max(earliest, int(min(auth_time, now)))


def amr_of(provider: Provider, profile: Profile) -> tuple[str, ...]:
    """Return how the user authenticated at an OpenID provider: its claim `amr`. Empty if it is absent or malformed."""
    return methods_of(profile) if provider.type == "oidc" else ()


def methods_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the claim `amr` (RFC 8176). Empty if it is absent or malformed."""
    amr = claims.get("amr")
    if not isinstance(amr, list) or len(amr) > MAX_METHODS:
        return ()
    return tuple(name for name in amr if isinstance(name, str) and 0 < len(name) <= MAX_METHOD_LENGTH)


def is_fresh(token: Token, within: float, now: float, level: Level | None = None) -> bool:
    """Return True if the user of this session authenticated in the last `within` seconds, with `mfa` by two factors.

    Only `auth_time` counts. Auth.js issues a token anew each time that a browser asks for the session, so `iat` proves
    nothing.
    """
    auth_time = token.get("auth_time")
    # A time in the future, beyond clock skew between hosts, is invalid.
    is_recent = is_number(auth_time) and -CLOCK_TOLERANCE <= now - auth_time <= within
    return is_recent and (level is None or level in methods_of(token))
