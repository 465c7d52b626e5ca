"""Responses for errors that a view does not catch."""

from __future__ import annotations

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from genkan.core import BASE_PATH
from genkan.errors import ProviderUnavailable, ReauthorizationRequired, SessionRequired
from genkan.http.urls import add_query
from genkan.types import JSON
from genkan.web.context import return_url
from genkan.web.responses import RETRY_SECONDS, deny, unauthorized

ResponseLike = Response | BaseResponse


def register_error_handlers(app: Flask) -> None:
    """Respond to SessionRequired, ReauthorizationRequired and ProviderUnavailable in every view of `app`."""
    app.register_error_handler(SessionRequired, _session_required)
    app.register_error_handler(ReauthorizationRequired, _reauthorization_required)
    app.register_error_handler(ProviderUnavailable, _provider_unavailable)


def _session_required(error: Exception) -> ResponseLike:
    try:
        return unauthorized()
    except ServiceUnavailable:
        # An exception raised in an error handler would be a 500.
        return _provider_unavailable(error)


def _reauthorization_required(error: ReauthorizationRequired) -> ResponseLike:
    """Return 403, or 303 for a page: the user is signed in, but has to sign in at the provider again."""
    body: JSON = {"error": error.code, "provider": error.provider}
    url = add_query(f"{request.script_root}{BASE_PATH}/signin", {"error": error.code, "callbackUrl": return_url()})
    return deny(403, body, "Sign in with the provider once more to continue.", url)


def _provider_unavailable(_error: Exception) -> ResponseLike:
    return current_app.make_response(current_app.handle_http_exception(ServiceUnavailable(retry_after=RETRY_SECONDS)))
