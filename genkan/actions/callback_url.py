"""The URL that an action ends at, and the redirect to a page that shows an error."""

from __future__ import annotations

import logging

from genkan.callbacks import RedirectParams
from genkan.core import Core
from genkan.errors import AuthError, CredentialsSignin
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.http.urls import add_query, is_http_url, relative_url
from genkan.oauth.checks import Purpose

MAX_COOKIE_CHARACTERS = 4096
"""Characters of a Set-Cookie header that browsers keep (RFC 6265 6.1)."""

_log = logging.getLogger("genkan.actions")


def callback_url(request: ActionRequest, core: Core) -> str:
    """Return the absolute URL to end at: from the body, the query or the cookie, after the redirect callback.

    An invalid URL leads to the front page. (Auth.js responds with 500 to an invalid cookie.)
    """
    for value in (request.body.get("callbackUrl"), request.query.get("callbackUrl")):
        if isinstance(value, str) and value:
            return apply_redirect_callback(value, core)
    remembered = request.cookies.get(core.cookie_names.callback_url)
    return apply_redirect_callback(remembered, core) if remembered else core.front_page


def apply_redirect_callback(url: str, core: Core) -> str:
    """Return what the redirect callback makes of `url`, as an absolute URL. The front page if the result is invalid."""
    try:
        target = core.callbacks.redirect(RedirectParams(url, core.origin, core.origins[1:]))
        target = core.origin + target if target.startswith("/") else target
    except Exception as error:  # noqa: BLE001 (a callback of the application may raise anything)
        _log.error("redirect callback failed", extra={"error": type(error).__name__})
        return core.front_page
    # The bare origin is what a callback returns for the front page.
    return target if is_http_url(target) and target != core.origin else core.front_page


def callback_url_cookie(url: str, request: ActionRequest, core: Core) -> tuple[Cookie, ...]:
    """Return the callback-url cookie. Empty if the browser has it already or would not keep it."""
    name = core.cookie_names.callback_url
    cookie = Cookie(name, url, core.secure)
    if request.cookies.get(name) == url or len(cookie.to_header(core.cookie_path)) > MAX_COOKIE_CHARACTERS:
        return ()
    return (cookie,)


def error_redirect(
    error: AuthError, core: Core, *, purpose: Purpose = "sign_in", callback_url: str = ""
) -> ActionResponse:
    """Redirect to the page that shows this error, with Auth.js's code and our reason. JSON if there is no such page.

    Unless the purpose is `sign_in`, the URL holds the purpose and the callback URL, so that the user can try again.
    """
    # A user who links an account is signed in already, so the sign-in page would not help.
    on_sign_in = error.kind == "sign_in" and purpose != "link"
    own_page = core.pages.sign_in if on_sign_in else core.pages.error
    if core.json_only and core.error_url is None:
        return ActionResponse(error=error)
    page = core.page_url(own_page) if own_page else core.action_url("/signin" if on_sign_in else "/error")
    url = error_url(error, core.error_url or page)
    if purpose != "sign_in":
        url = add_query(url, {"purpose": purpose, "callbackUrl": relative_url(callback_url, core.origin)})
    return ActionResponse(location=url, error=error)


def error_url(error: AuthError, page: str) -> str:
    """Return the URL of the page with the code and the reason of this error."""
    # Auth.js's clients return `code` to the caller of `signIn`.
    code = error.client_code if isinstance(error, CredentialsSignin) else None
    return add_query(page, {"error": error.code, "code": code, "reason": error.reason})
