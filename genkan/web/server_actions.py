"""Signing in and out from an application's own view, without going through the doors of `/api/auth`."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from genkan.actions.callback_url import callback_url, error_redirect
from genkan.actions.sign_in import start_flow
from genkan.actions.sign_out import sign_out_session
from genkan.actions.update_session import apply_update
from genkan.errors import AuthError, ConfigurationError, SessionRequired
from genkan.http.csrf import SAFE_METHODS
from genkan.http.messages import ActionRequest
from genkan.oauth.checks import Aim
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import JSON, Session, str_claim
from genkan.web.access import unauthorized
from genkan.web.context import queue_cookies, session_result, set_session_result
from genkan.web.convert import to_request, to_response
from genkan.web.fresh import require_fresh
from genkan.web.state import state

LINK_MAX_AGE = 300
"""Seconds within which somebody has to have proved themselves who wants another way in."""


def sign_in(provider_id: str, *, redirect_to: str = "/") -> Response:
    """Begin a sign-in from a view of your own: return this response.

    Only in answer to a POST, whose CSRF token the guard has seen (S11): anything else raises ConfigurationError.
    """
    options = state().core
    asked = _unsafe(redirect_to)
    try:
        return to_response(start_flow(provider_id, asked, options))
    except AuthError as error:
        return to_response(error_redirect(error, options))


def link(provider_id: str, *, redirect_to: str = "/account") -> Response:
    """Begin to give whoever is signed in one more way in, from a view of your own: return this response.

    In answer to a POST, as `sign_in`. Whoever is not signed in, or proved themselves more than LINK_WITHIN seconds ago,
    is refused instead (O10).
    """
    asked, options = _unsafe(redirect_to), state().core
    refusal = require_fresh(LINK_MAX_AGE)
    known = session_result().known
    if refusal is not None or known is None:
        return refusal or unauthorized()
    try:
        user_id = str_claim(known.token, "sub")
        if not user_id:
            raise SessionRequired
        return to_response(start_flow(provider_id, asked, options, Aim("link", user_id)))
    except AuthError as error:
        return to_response(error_redirect(error, options, purpose="link", callback_url=callback_url(asked, options)))


def sign_out(*, redirect_to: str = "/") -> Response:
    """Sign the visitor out from a view of your own, in answer to a POST; from here on `auth()` is None."""
    reply = sign_out_session(_unsafe(redirect_to), state().core)
    set_session_result(NO_SESSION)
    return to_response(reply)


def update(data: JSON = None) -> Session | None:
    """Let the jwt callback take `data` into the session (`trigger="update"`); what `auth()` says from here on.

    The application's own word: no list of allowed fields stands between. None where nobody is signed in, or the
    callback ended the session. Raises what the callback raises, and StoreError; then nothing has changed.
    """
    asked = session_result()
    if asked.known is None:
        return None
    known, cookies = apply_update(data, asked, state().core)
    queue_cookies(*cookies)
    set_session_result(SessionResult(known))
    return known.session if known else None


def _unsafe(redirect_to: str) -> ActionRequest:
    asked = to_request()
    if asked.method in SAFE_METHODS:
        raise ConfigurationError("sign_in(), link() and sign_out() answer a POST only, so that no link can do any.")
    return replace(asked, body={**asked.body, "callbackUrl": redirect_to})
