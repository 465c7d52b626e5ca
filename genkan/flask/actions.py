"""Signing in and out from an application's own view, without going through the doors of `/api/auth`."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from genkan.actions.landing import failure
from genkan.actions.session import NOBODY
from genkan.actions.sign_in import start
from genkan.actions.sign_out import end
from genkan.csrf import SAFE_METHODS
from genkan.errors import AuthError, ConfigurationError
from genkan.flask.envelope import perform, receive
from genkan.flask.state import state
from genkan.flask.visit import replace_reading
from genkan.http import Request


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


def sign_out(*, redirect_to: str = "/") -> Response:
    """Sign the visitor out from a view of your own, in answer to a POST; from here on `auth()` is None."""
    reply = end(_unsafe(redirect_to), state().options)
    replace_reading(NOBODY)
    return perform(reply)


def _unsafe(redirect_to: str) -> Request:
    asked = receive()
    if asked.method in SAFE_METHODS:
        raise ConfigurationError("sign_in() and sign_out() answer a POST only, so that no link can do either.")
    return replace(asked, body={**asked.body, "callbackUrl": redirect_to})
