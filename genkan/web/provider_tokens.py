"""`access_token("google")`: a provider's token for whoever is signed in, and what a view answers that can't have one."""

from __future__ import annotations

from flask import Flask, Response, current_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as WerkzeugResponse

from genkan.actions import access_token as tokens
from genkan.core import BASE_PATH
from genkan.errors import ProviderUnavailable, ReauthorizationRequired, SessionRequired
from genkan.http.urls import add_query
from genkan.types import JSON, str_claim
from genkan.web.access import RETRY_SECONDS, deny, unauthorized
from genkan.web.context import return_url, session_result
from genkan.web.state import state

ResponseLike = Response | WerkzeugResponse


def access_token(provider_id: str, *, provider_account_id: str | None = None) -> str:
    """An access token of that provider for the person who is signed in, good for half a minute at least.

    It is renewed when it has to be, once for all who ask at once. Of several accounts at one provider the first that
    can give a token counts, or the one that is named. Raises NotSignedIn, ReconnectRequired, ProviderUnavailable (try
    again later), ProviderError, InvalidProvider and StoreError; the first three are answered for a view that lets them
    pass.
    """
    known = session_result().known
    user_id = None if known is None else str_claim(known.token, "sub")
    if not user_id:
        raise SessionRequired
    return tokens.access_token(user_id, provider_id, state().core, provider_account_id=provider_account_id)


def register_error_handlers(app: Flask) -> None:
    """Let `app` answer for views that do not catch what `access_token` raises."""
    app.register_error_handler(SessionRequired, _not_signed_in)
    app.register_error_handler(ReauthorizationRequired, _to_reconnect)
    app.register_error_handler(ProviderUnavailable, _not_now)


def _not_signed_in(error: Exception) -> ResponseLike:
    try:
        return unauthorized()
    except ServiceUnavailable:
        # Whether somebody is signed in can't be told; what is raised in here would be a 500.
        return _not_now(error)


def _to_reconnect(error: ReauthorizationRequired) -> ResponseLike:
    """403, or 303 for a page: they are signed in, but have to sign in at the provider once more."""
    body: JSON = {"error": error.code, "provider": error.provider}
    way = add_query(f"{BASE_PATH}/signin", {"error": error.code, "callbackUrl": return_url()})
    return deny(403, body, "Sign in with the provider once more to continue.", way)


def _not_now(_error: Exception) -> ResponseLike:
    return current_app.make_response(current_app.handle_http_exception(ServiceUnavailable(retry_after=RETRY_SECONDS)))
