"""Responses to requests that are refused, for pages, htmx and JSON, and to errors that a view does not catch."""

from __future__ import annotations

import json
import logging
from typing import cast

from flask import Flask, Response, current_app, redirect, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from genkan.errors import (
    AuthError,
    InvalidSettings,
    ProviderUnavailable,
    ReauthorizationRequired,
    SessionRequired,
    UnreadableCookies,
)
from genkan.http.urls import add_query
from genkan.types import JSON
from genkan.web.context import app_state, base_path, session_result
from genkan.web.error_messages import error_message
from genkan.web.headers import PRIVATE_HEADERS
from genkan.web.urls.sign_in import return_url, sign_in_url

ResponseLike = Response | BaseResponse

JSON_MARK = "genkan_json"
"""Attribute of a blueprint whose refusals are JSON."""

RETRY_SECONDS = 5
"""The Retry-After header while sessions can't be read."""

NO_STORE_HEADERS = {"Cache-Control": "private, no-cache, no-store", "Expires": "0", "Pragma": "no-cache"}
"""The headers of Auth.js's JSON responses."""

_log = logging.getLogger("genkan.settings")


def is_htmx() -> bool:
    """Return True if htmx asks for a part of a page. This selects a representation and grants nothing."""
    # For a page of its history, htmx ignores HX-Redirect, and shows nothing for 401.
    restores = request.headers.get("HX-History-Restore-Request") == "true"
    return request.headers.get("HX-Request") == "true" and not restores


def wants_json() -> bool:
    """Return True if a refusal of the current request is JSON.

    That is so for a blueprint with `json_blueprint` and its child blueprints, for a client that accepts JSON and no
    HTML or sends JSON to a form of ours, and in an application without pages. Without `strict` also for a client that
    sends `Authorization` and does not name HTML. A browser, which names it, sends that header behind a proxy that asks
    for a password.
    """
    if app_state().json_only or accepts_only_json() or (sends_json() and app_state().is_own(request.endpoint)):
        return True
    if any(getattr(current_app.blueprints.get(name), JSON_MARK, False) for name in request.blueprints):
        return True
    if app_state().strict or is_htmx() or "Authorization" not in request.headers:
        return False
    return "text/html" not in request.accept_mimetypes.values()


def accepts_only_json() -> bool:
    """Return True if the client of the current request accepts JSON and no HTML."""
    accepted = request.accept_mimetypes
    return accepted.quality("application/json") > 0 and accepted.quality("text/html") == 0


def sends_json() -> bool:
    """Return True if the body of the current request is JSON."""
    return "application/json" in (request.content_type or "")


def json_response(body: JSON, status: int = 200) -> Response:
    """Return an uncached JSON response. The content type has no charset, as Auth.js's."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, NO_STORE_HEADERS, content_type="application/json")


def see_other(path: str) -> BaseResponse:
    """Return a redirect to a page of ours after a form (303), or the page's URL for a client that sends or accepts JSON
    only."""
    return json_response({"url": app_state().core.origin + path}) if wants_json() else redirect(path, 303)


def unauthorized() -> Response:
    """Return the response for a request without a session: 401 JSON, 401 with HX-Redirect, or 303 to the sign-in page.

    503 if the session could not be read, like `service_unavailable`. For OPTIONS the response with the allowed methods: a
    browser asks without cookies before a request to another origin.
    """
    if request.method == "OPTIONS":
        return current_app.make_default_options_response()
    if session_result().failed:
        return service_unavailable()
    return deny(401, {"error": "Unauthorized"}, "Sign in to continue.", sign_in_url())


def deny(status: int, body: JSON, message: str, url: str) -> Response:
    """Return a refusal: `status` with `body` for JSON, `status` with HX-Redirect to `url` for htmx, else 303 to `url`."""
    if wants_json():
        return json_response(body, status)
    if is_htmx():
        # htmx would follow a redirect and swap the sign-in page into the fragment.
        return _text(message, status, {"HX-Redirect": url})
    return Response(status=303, headers={"Location": url})


def forbidden(error: AuthError) -> Response:
    """Return 403 for a request whose CSRF check failed."""
    reason = {"reason": error.reason} if error.reason else {}
    body: JSON = {"error": "Forbidden", "code": error.code, **reason}
    url = add_query(f"{base_path()}/error", {"error": error.code, **reason})
    if isinstance(error, UnreadableCookies):
        # The page offers what the user can do.
        response = deny(403, body, error_message(error.code, error.reason).message, url)
    elif wants_json():
        response = json_response(body, 403)
    else:
        message = "This form has expired. Reload the page and send it again."
        if error.reason:
            # Sending it again would not help.
            message = error_message(error.code, error.reason).message
        response = _text(message, 403, {"HX-Redirect": url} if is_htmx() else {})
    # The CSRF cookie was read, and nothing else makes this response private.
    response.headers.update(PRIVATE_HEADERS)
    return response


def other_address(requested: str, origin: str) -> Response:
    """Return the response to a browser that came through a forwarded port, at which a sign-in would not work."""
    text = (
        f"This application expects to be opened at {origin}, and users can sign in there only.\n"
        f"To use it at {requested}, set AUTH_URL={requested} and start it again.\n"
    )
    return Response(text, 421, mimetype="text/plain")


def error_response(error: AuthError) -> Response:
    """Return a failed sign-in as JSON, with Auth.js's code and our reason, as 4xx or 503."""
    status = error_message(error.code, error.reason).status
    response = json_response({"error": error.code, "reason": error.reason}, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def http_error(error: Exception) -> ResponseLike:
    """Return an error of HTTP as JSON. Raises the error again if it is none."""
    if not isinstance(error, HTTPException) or error.code is None:
        raise error
    if error.response is not None:
        return cast("BaseResponse", error.response)
    response = json_response({"error": error.name}, error.code)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name != "Content-Type"])
    return response


def service_unavailable() -> Response:
    """Return 503 while sessions can't be read. The user stays signed in.

    Raises ServiceUnavailable if a page was requested, so that the application's error page is shown.
    """
    if wants_json():
        response = json_response({"error": "Service Unavailable"}, 503)
    elif is_htmx():
        response = _text("Sign-in is not available for a moment. Please try again.", 503, {})
    else:
        raise ServiceUnavailable(retry_after=RETRY_SECONDS)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _text(message: str, status: int, headers: dict[str, str]) -> Response:
    return Response(message, status, headers, content_type="text/plain; charset=utf-8")


def register_error_handlers(app: Flask) -> None:
    """Respond to SessionRequired, ReauthorizationRequired and ProviderUnavailable in every view of `app`."""
    app.register_error_handler(SessionRequired, _session_required)
    app.register_error_handler(ReauthorizationRequired, _reauthorization_required)
    app.register_error_handler(ProviderUnavailable, _provider_unavailable)
    app.register_error_handler(InvalidSettings, _invalid_settings)


def _session_required(error: Exception) -> ResponseLike:
    try:
        return unauthorized()
    except ServiceUnavailable:
        # An exception raised in an error handler would be a 500.
        return _provider_unavailable(error)


def _reauthorization_required(error: ReauthorizationRequired) -> ResponseLike:
    """Return 403, or 303 for a page: the user is signed in, but has to sign in at the provider again."""
    body: JSON = {"error": error.code, "provider": error.provider}
    url = add_query(f"{base_path()}/signin", {"error": error.code, "callbackUrl": return_url()})
    return deny(403, body, "Sign in with the provider once more to continue.", url)


def _invalid_settings(error: InvalidSettings) -> ResponseLike:
    """Return 503 for a setting that was not checked before the first request. The log names it."""
    _log.error("sign-in is not available: %s", error, extra={"event": "configuration"})
    return _provider_unavailable(error)


def _provider_unavailable(_error: Exception) -> ResponseLike:
    if app_state().json_only:
        return service_unavailable()
    return current_app.make_response(current_app.handle_http_exception(ServiceUnavailable(retry_after=RETRY_SECONDS)))
