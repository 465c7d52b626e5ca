"""Where a visit ends: the way back that was asked for, and the page that says what went wrong."""

from __future__ import annotations

import logging

from genkan.callbacks import RedirectParams
from genkan.core import Core
from genkan.errors import AuthError
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse, Cookie
from genkan.http.urls import add_query, is_http_url, relative_url
from genkan.oauth.checks import Purpose

MAX_COOKIE_CHARACTERS = 4096
"""Of a whole Set-Cookie; what browsers promise to keep (RFC 6265 6.1)."""

_log = logging.getLogger("genkan.actions")


def callback_url(request: ActionRequest, options: Core) -> str:
    """The absolute URL to land on: asked for in the body, the query or the cookie, as the redirect callback lets it.

    A malformed one, wherever it stands, leads to the front page; Auth.js answers 500 to a bad cookie (R2).
    """
    for asked in (request.body.get("callbackUrl"), request.query.get("callbackUrl")):
        if isinstance(asked, str) and asked:
            return apply_redirect_callback(asked, options)
    remembered = cookies.read(request.cookie_header, options.cookie_names.callback_url)
    return apply_redirect_callback(remembered, options) if remembered else options.origin


def apply_redirect_callback(url: str, options: Core) -> str:
    """What the redirect callback makes of `url`, absolute; our front page when that is no web address (C5)."""
    try:
        target = options.callbacks.redirect(RedirectParams(url, options.origin))
        target = options.origin + target if target.startswith("/") else target
    except Exception as error:  # noqa: BLE001 (the application's code; the visitor lands on the front page instead)
        _log.error("redirect callback failed", extra={"error": type(error).__name__})
        return options.origin
    return target if is_http_url(target) else options.origin


def callback_url_cookie(url: str, request: ActionRequest, options: Core) -> tuple[Cookie, ...]:
    """The callback-url cookie, where it would change and browsers would keep it (T3)."""
    name = options.cookie_names.callback_url
    cookie = Cookie(name, url, options.secure)
    if cookies.read(request.cookie_header, name) == url or len(cookie.to_header()) > MAX_COOKIE_CHARACTERS:
        return ()
    return (cookie,)


def new_csrf_cookie(options: Core) -> Cookie:
    """A new CSRF pair, for whenever somebody signs in or out (C3)."""
    return Cookie(options.cookie_names.csrf, options.csrf.create().cookie, options.secure)


def error_redirect(
    error: AuthError,
    options: Core,
    set_cookies: tuple[Cookie, ...] = (),
    *,
    purpose: Purpose = "sign_in",
    callback_url: str = "",
) -> ActionResponse:
    """The redirect to the page that tells of an error: Auth.js's code, and our finer reason beside it.

    With what the visitor was about to do and where that was to end, if it was no sign-in, so that they can try again.
    """
    # Whoever was linking is in already: a page that offers to sign in would have them start at the wrong end.
    on_sign_in = error.kind == "sign_in" and purpose != "link"
    own_page = options.pages.sign_in if on_sign_in else options.pages.error
    page = options.origin + own_page if own_page else options.action_url("/signin" if on_sign_in else "/error")
    query = {"error": error.code, "reason": error.reason}
    if purpose != "sign_in":
        query |= {"purpose": purpose, "callbackUrl": relative_url(callback_url, options.origin)}
    return ActionResponse(location=add_query(page, query), cookies=set_cookies)
