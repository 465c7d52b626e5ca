"""Browsers in which a user has signed in before, which strangers can't lock out."""

from __future__ import annotations

from genkan.core import Core
from genkan.http.cookies import Cookie
from genkan.http.known_browsers import KnownBrowsers
from genkan.http.messages import ActionRequest


def is_known_browser(user_id: str, request: ActionRequest, core: Core, known: KnownBrowsers) -> bool:
    """Return True if the user with this id has signed in with the browser of the request before."""
    return known.verify(request.cookies.get(core.cookie_names.known), user_id)


def is_known_by_email(email: str, request: ActionRequest, core: Core, known: KnownBrowsers) -> bool:
    """Return True if the user with this normalised address has signed in with the browser before. Raises AdapterError."""
    if not request.cookies.get(core.cookie_names.known):
        return False
    user = core.adapter.get_user_by_email(email)
    return is_known_browser(user.id if user is not None else "", request, core, known)


def known_cookie(user_id: str, core: Core, known: KnownBrowsers) -> Cookie:
    """Return the cookie that tells later that this user has signed in with this browser. It grants nothing."""
    lifetime = known.lifetime
    return Cookie(
        core.cookie_names.known,
        known.create(user_id),
        core.secure,
        max_age=lifetime,
        expires=core.clock() + lifetime,
    )
