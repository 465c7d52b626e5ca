"""`access_token("google")`: a provider's token for whoever is signed in, and what a view answers that can't have one."""

from __future__ import annotations

from flask import Flask, Response, current_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as WerkzeugResponse

from genkan.actions import access_token as tokens
from genkan.errors import NotSignedIn, ProviderUnavailable, ReconnectRequired
from genkan.flask.guard import RETRY_SECONDS, refuse, send_away
from genkan.flask.state import state
from genkan.flask.visit import reading, way_back
from genkan.identity import JSON, text_of
from genkan.options import BASE_PATH
from genkan.redirects import with_query

Answer = Response | WerkzeugResponse


def access_token(provider_id: str, *, provider_account_id: str | None = None) -> str:
    """An access token of that provider for the person who is signed in, good for half a minute at least.

    It is renewed when it has to be, once for all who ask at once. Of several accounts at one provider the first that
    can give a token counts, or the one that is named. Raises NotSignedIn, ReconnectRequired, ProviderUnavailable (try
    again later), ProviderError, InvalidProvider and StoreError; the first three are answered for a view that lets them
    pass.
    """
    known = reading().known
    user_id = None if known is None else text_of(known.token, "sub")
    if not user_id:
        raise NotSignedIn
    return tokens.access_token(user_id, provider_id, state().options, provider_account_id=provider_account_id)


def answer_for(app: Flask) -> None:
    """Let `app` answer for views that do not catch what `access_token` raises."""
    app.register_error_handler(NotSignedIn, _not_signed_in)
    app.register_error_handler(ReconnectRequired, _to_reconnect)
    app.register_error_handler(ProviderUnavailable, _not_now)


def _not_signed_in(error: Exception) -> Answer:
    try:
        return refuse()
    except ServiceUnavailable:
        # Whether somebody is signed in can't be told; what is raised in here would be a 500.
        return _not_now(error)


def _to_reconnect(error: ReconnectRequired) -> Answer:
    """403, or 303 for a page: they are signed in, but have to sign in at the provider once more."""
    body: JSON = {"error": error.code, "provider": error.provider}
    way = with_query(f"{BASE_PATH}/signin", {"error": error.code, "callbackUrl": way_back()})
    return send_away(403, body, "Sign in with the provider once more to continue.", way)


def _not_now(_error: Exception) -> Answer:
    return current_app.make_response(current_app.handle_http_exception(ServiceUnavailable(retry_after=RETRY_SECONDS)))
