"""Signing out: here always, and then at the provider where the owner wants that."""

from __future__ import annotations

import logging
from copy import deepcopy

from genkan import signals
from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect, new_csrf_cookie
from genkan.adapters.sessions import SessionRecord, session_id
from genkan.core import Core
from genkan.errors import AdapterError, MissingCSRF
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse, Cookie, Template
from genkan.oauth import logout_state
from genkan.oauth.logout import end_session_url
from genkan.session import reader
from genkan.session.revoker import revoke_token, revoke_undecodable
from genkan.types import Token

SESSION_CHANGED = '{"session-changed": {"target": "body"}}'
"""What HTMX is to tell the page; the target keeps it alive when the element that asked is swapped away."""

_log = logging.getLogger("genkan.sign_out")


def sign_out(request: ActionRequest, options: Core) -> ActionResponse:
    """End the session, for every copy of its cookies (S3): they go from this browser, the CSRF pair is renewed,
    `signed_out` is sent.

    Needs the CSRF token. HTMX gets the signed-out menu, everybody else the way to the callback URL; nobody being
    signed in changes nothing about the answer. Where the provider is to end its session as well (O19), the way leads
    there for all of them, and back by `come_back`. Raises CrossSite.
    """
    options.csrf.check_origin(request.headers)
    try:
        options.csrf.check(cookies.read(request.cookie_header, options.cookie_names.csrf), request.csrf_token)
    except MissingCSRF as error:
        return error_redirect(error, options)
    return sign_out_session(request, options)


def sign_out_session(request: ActionRequest, options: Core) -> ActionResponse:
    """The same for a request that is known to be the visitor's own."""
    reading = reader.read(request.cookie_header, options)
    landing = callback_url(request, options)
    gone = (*cookies.clear(reading.cookie_names, secure=options.secure), new_csrf_cookie(options))
    # The back button shows nothing private, and the next page is drawn anew (X5).
    headers = {"Clear-Site-Data": '"cache"'}
    onward = None
    if reading.known is not None:
        token = reading.known.token
        revoke_token(token, "signed-out", options)
        _log.info("signed out", extra={"event": "signed-out", "user": token.get("sub")})
        signals.send(signals.signed_out, token=deepcopy(token))
        onward = _onward(token, landing, options)
    elif reading.cookie_names and not reading.invalid:
        revoke_undecodable(request.cookie_header, "signed-out", options)
    if onward is not None:
        location, cookie = onward
        return ActionResponse(location=location, cookies=(*gone, cookie), headers=headers)
    if request.is_htmx:
        page = Template(options.pages.menu)
        return ActionResponse(template=page, cookies=gone, headers={**headers, "HX-Trigger": SESSION_CHANGED})
    return ActionResponse(
        location=landing, cookies=(*gone, *callback_url_cookie(landing, request, options)), headers=headers
    )


def complete_provider_logout(request: ActionRequest, options: Core) -> ActionResponse:
    """Land where somebody wanted who has signed out at their provider too; on the front page when that is not known."""
    location, forgotten = logout_state.use_logout_state(request.query.get("state"), request.cookie_header, options)
    return ActionResponse(location=location, cookies=forgotten)


def _onward(token: Token, landing: str, options: Core) -> tuple[str, Cookie] | None:
    # By now nobody is signed in here any more, whatever becomes of this.
    if not any(provider.rp_initiated_logout for provider in options.providers.values()):
        return None
    record = _record(token, options)
    provider = options.providers.get(record.provider) if record else None
    if record is None or provider is None or not provider.rp_initiated_logout:
        return None
    state, cookie = logout_state.create_logout_state(landing, options)
    location = end_session_url(provider, record.id_token, state, options)
    return None if location is None else (location, cookie)


def _record(token: Token, options: Core) -> SessionRecord | None:
    name = session_id(token)
    try:
        return None if name is None else options.session_store.get(name)
    except AdapterError:
        _log.warning("signed out here only", extra={"event": "sign-out-local", "why": "no record to be had"})
        return None
