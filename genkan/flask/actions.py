"""Signing in and out from an application's own view, without going through the doors of `/api/auth`."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from genkan.actions.landing import callback_url, failure
from genkan.actions.session import NOBODY, Reading
from genkan.actions.sign_in import start
from genkan.actions.sign_out import end
from genkan.actions.update import change
from genkan.checks import Aim
from genkan.csrf import SAFE_METHODS
from genkan.errors import AuthError, ConfigurationError, NotSignedIn
from genkan.flask.envelope import perform, receive
from genkan.flask.freshness import require_fresh
from genkan.flask.guard import refuse
from genkan.flask.state import state
from genkan.flask.visit import park, reading, replace_reading
from genkan.http import Request
from genkan.identity import JSON, Session, text_of

LINK_WITHIN = 300
"""Seconds within which somebody has to have proved themselves who wants another way in."""


def sign_in(provider_id: str, *, redirect_to: str = "/") -> Response:
    """Begin a sign-in from a view of your own: return this response.

    Only in answer to a POST, whose CSRF token the guard has seen (S11): anything else raises ConfigurationError.
    """
    options = state().options
    asked = _unsafe(redirect_to)
    try:
        return perform(start(provider_id, asked, options))
    except AuthError as error:
        return perform(failure(error, options))


def link(provider_id: str, *, redirect_to: str = "/account") -> Response:
    """Begin to give whoever is signed in one more way in, from a view of your own: return this response.

    In answer to a POST, as `sign_in`. Whoever is not signed in, or proved themselves more than LINK_WITHIN seconds ago,
    is refused instead (O10).
    """
    asked, options = _unsafe(redirect_to), state().options
    refusal = require_fresh(LINK_WITHIN)
    known = reading().known
    if refusal is not None or known is None:
        return refusal or refuse()
    try:
        user_id = text_of(known.token, "sub")
        if not user_id:
            raise NotSignedIn
        return perform(start(provider_id, asked, options, Aim("link", user_id)))
    except AuthError as error:
        return perform(failure(error, options, purpose="link", landing=callback_url(asked, options)))


def sign_out(*, redirect_to: str = "/") -> Response:
    """Sign the visitor out from a view of your own, in answer to a POST; from here on `auth()` is None."""
    reply = end(_unsafe(redirect_to), state().options)
    replace_reading(NOBODY)
    return perform(reply)


def update(data: JSON = None) -> Session | None:
    """Let the jwt callback take `data` into the session (`trigger="update"`); what `auth()` says from here on.

    The application's own word: no list of allowed fields stands between. None where nobody is signed in, or the
    callback ended the session. Raises what the callback raises, and StoreError; then nothing has changed.
    """
    asked = reading()
    if asked.known is None:
        return None
    known, cookies = change(data, asked, state().options)
    park(*cookies)
    replace_reading(Reading(known))
    return known.session if known else None


def _unsafe(redirect_to: str) -> Request:
    asked = receive()
    if asked.method in SAFE_METHODS:
        raise ConfigurationError("sign_in(), link() and sign_out() answer a POST only, so that no link can do any.")
    return replace(asked, body={**asked.body, "callbackUrl": redirect_to})
