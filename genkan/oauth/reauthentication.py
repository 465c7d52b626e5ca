"""Has somebody proved that it is them, and lately enough? What a provider is asked for it, and what its word is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genkan.errors import ReauthenticationFailed
from genkan.oauth.checks import Aim, Flow
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.providers.base import Provider
from genkan.strict_json import is_number
from genkan.types import Profile, Token

MAX_AGE = 60
"""Seconds: what `max_age` asks. `prompt=login` beside it asks for a proof made now. Not 0, by which some providers ask
for ever and others take it that nothing was asked, so that they leave `auth_time` out."""


def fresh_aim(provider: Provider, user_id: str) -> Aim:
    """What a flow is for that lets this user prove themselves once more with that provider."""
    return Aim("fresh", user_id, MAX_AGE if provider.supports_max_age else None)


def reauthentication_params(provider: Provider, flow: Flow) -> dict[str, str]:
    """What the authorization request of this flow says so that the person is asked anew; nothing where they need not be."""
    if flow.purpose != "fresh":
        return {}
    max_age = {} if flow.max_age is None else {"max_age": str(flow.max_age)}
    return {**provider.reauthentication_params, **max_age}


def check_auth_time(claims: Mapping[str, Any], flow: Flow, now: float) -> None:
    """Raise Unproven when the ID token of a fresh sign-in tells of an earlier one, or not of when, though it was asked.

    OpenID Connect Core 3.1.2.1 and 3.1.3.7, O20. A provider that was not asked may leave `auth_time` out.
    """
    said = claims.get("auth_time")
    if flow.purpose != "fresh" or (said is None and flow.max_age is None):
        return
    if not is_number(said):
        raise ReauthenticationFailed("no auth_time, though max_age was asked")
    if not flow.created_at - CLOCK_TOLERANCE <= said <= now + CLOCK_TOLERANCE:
        raise ReauthenticationFailed("auth_time of another sign-in (clock skew?)")


def auth_time_of(provider: Provider, flow: Flow, profile: Profile, now: int) -> int | None:
    """When whoever comes back by this flow proved themselves to the provider; None where nobody says and it could have.

    Seconds since 1970. A provider that honours `max_age` may let somebody through whom it has known for weeks and not
    say so unless it was asked: that is no proof, or a plain sign-in would be a way round every fresh one.
    """
    said = profile.get("auth_time") if provider.type == "oidc" else None
    if not is_number(said) or said <= 0:
        return None if provider.supports_max_age else now
    # `check_proof` has seen that it was during this flow, give or take a clock that is off.
    earliest = flow.created_at if flow.purpose == "fresh" else 0
    return max(earliest, int(min(said, now)))


def is_fresh(token: Token, within: float, now: float) -> bool:
    """Whether whoever holds this session proved themselves in the last `within` seconds.

    Only `proven_at` says that. A token without it, from a Next.js front end, is not fresh whatever its age: Auth.js
    makes it anew, with a new `iat`, each time that the browser asks for the session.
    """
    proven_at = token.get("proven_at")
    # The future, but for what another host's clock is ahead, is no time at which anybody proved anything.
    return is_number(proven_at) and -CLOCK_TOLERANCE <= now - proven_at <= within
