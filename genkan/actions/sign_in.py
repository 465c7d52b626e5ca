"""Starting a flow: which provider and what for, then where to send the visitor."""

from __future__ import annotations

import logging

from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.core import Core
from genkan.errors import AuthError, CrossOriginRequest, InvalidProvider, MissingCSRF, TooManyRequests
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth import checks, client
from genkan.oauth.checks import SIGN_IN, Aim, Purpose
from genkan.oauth.reauthentication import fresh_aim
from genkan.providers.base import Provider
from genkan.session import reader

_log = logging.getLogger("genkan.sign_in")


def sign_in(provider_id: str | None, request: ActionRequest, options: Core) -> ActionResponse:
    """Begin a sign-in with a provider: to its authorization endpoint, with a flow cookie to come back with.

    Where the form says `purpose=fresh`, for the user who is signed in to prove once more that it is them. Without a
    provider, to the page that offers them all. Needs the CSRF token, and says so where the browser keeps no cookies
    (F30); never changes an existing session.
    Raises CrossSite, for which there is no page to go to.
    """
    try:
        options.csrf.check_origin(request.headers)
        if request.csrf_token and not request.cookie_header:
            raise MissingCSRF("no cookies", reason="cookies")
        options.csrf.check(cookies.read(request.cookie_header, options.cookie_names.csrf), request.csrf_token)
        return _start_at_door(provider_id, request, options)
    except CrossOriginRequest:
        raise
    except AuthError as error:
        _log.warning("sign-in not begun", extra={"event": "sign-in-failed", "code": error.code, "why": str(error)})
        landing = callback_url(request, options)
        remembered = callback_url_cookie(landing, request, options)
        return error_redirect(error, options, remembered, purpose=_purpose(request), callback_url=landing)


def start_flow(provider_id: str | None, request: ActionRequest, options: Core, aim: Aim = SIGN_IN) -> ActionResponse:
    """The same for a request that is known to be the visitor's own, and a flow that is for this; raises AuthError."""
    landing = callback_url(request, options)
    # Where linking ends is no place to come to by signing in: it may tell that something was linked.
    remembered = callback_url_cookie(landing, request, options) if aim.purpose != "link" else ()
    if provider_id is None:
        return ActionResponse(location=options.action_url("/signin"), cookies=remembered)
    provider = _provider(provider_id, options)
    if not options.rate_limit.allow(request.remote_addr):
        raise TooManyRequests("too many from one address; behind a proxy, is TRUSTED_PROXY_HOPS set?")
    flow, flow_cookies = checks.create(provider.id, landing, request.cookie_header, options, aim)
    location = client.authorization_url(provider, flow, request.query, options)
    return ActionResponse(location=location, cookies=(*remembered, *flow_cookies))


def _start_at_door(provider_id: str | None, request: ActionRequest, options: Core) -> ActionResponse:
    if provider_id is None or _purpose(request) != "fresh":
        return start_flow(provider_id, request, options)
    # The session says whom it is for, never the form. Whose session has ended meanwhile has nothing to confirm: they
    # sign in.
    user_id = reader.user_id_of(request.cookie_header, options)
    aim = fresh_aim(_provider(provider_id, options), user_id) if user_id else SIGN_IN
    return start_flow(provider_id, request, options, aim)


def _purpose(request: ActionRequest) -> Purpose:
    # Linking can't be asked for here: it begins behind a door of its own, which looks at more than a CSRF token.
    return "fresh" if request.body.get("purpose") == "fresh" else "sign_in"


def _provider(provider_id: str, options: Core) -> Provider:
    provider = options.providers.get(provider_id)
    if provider is None:
        raise InvalidProvider
    return provider
