"""The way to sign in that a browser used last. The sign-in page marks it."""

from __future__ import annotations

from genkan.core import Core
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest

LIFETIME = 365 * 24 * 3600
"""Seconds for which a browser keeps the cookie."""


def sign_in_ids(core: Core) -> list[str]:
    """Return the ids of all ways to sign in that are on."""
    ways = (("email", core.email), ("credentials", core.credentials_fields), ("passkey", core.passkeys))
    return [*core.providers, *(id for id, way in ways if way is not None)]


def last_used(request: ActionRequest, core: Core) -> str | None:
    """Return the id of the way that this browser used last. None if there is none, or if it is no longer on."""
    id = request.cookies.get(core.cookie_names.last_used)
    return id if id in sign_in_ids(core) else None


def last_used_cookie(id: str, core: Core) -> tuple[Cookie, ...]:
    """Return the cookie with the id of this way. Empty if there is no choice, or if no page of ours shows it.

    It holds the same for every user, so it tells nothing about an account.
    """
    if core.json_only or core.pages.sign_in or len(sign_in_ids(core)) < 2:
        return ()
    expires = core.clock() + LIFETIME
    return (Cookie(core.cookie_names.last_used, id, core.secure, max_age=LIFETIME, expires=expires),)
