"""Convert between Flask's requests and responses and those of the actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Response, render_template, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from genkan import strict_json
from genkan.errors import ConfigurationError
from genkan.http.csrf import SAFE_METHODS
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.http.urls import origin_of, without_port
from genkan.web.context import app_state, queue_cookies, request_state
from genkan.web.headers import PRIVATE_HEADERS
from genkan.web.responses import accepts_only_json, error_response, is_htmx, json_response, sends_json

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ALLOWED_HEADERS = ("Origin", "User-Agent", "Sec-Fetch-Site", "X-CSRF-Token", "HX-Request")
"""The request headers that actions may read."""


def to_request(*, with_body: bool = True, uploads: bool = False) -> ActionRequest:
    """Return the current request for an action. `uploads` allows multipart forms, which no action of ours takes.

    Raises BadRequest for an invalid body, RequestEntityTooLarge and UnsupportedMediaType.
    """
    return ActionRequest(
        method=request.method,
        query=dict(request.args.items(multi=True)),
        body=_body(uploads=uploads) if with_body and request.method not in SAFE_METHODS else {},
        cookies=request_state().cookies,
        headers={name.lower(): request.headers[name] for name in ALLOWED_HEADERS if name in request.headers},
        remote_addr=request.remote_addr,
    )


def without_ports(application: WSGIApplication) -> WSGIApplication:
    """Return the application, for which the address of a client that a proxy has sent has no port."""

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "REMOTE_ADDR" in environ:
            environ["REMOTE_ADDR"] = without_port(environ["REMOTE_ADDR"])
        return application(environ, start_response)

    return wrapped


def to_csrf_request() -> ActionRequest:
    """Return the current request for the check of its CSRF token. Raises like `to_request`.

    With a token in the header the body is not read, so that a view sets its own limits and reads a stream itself.
    """
    return to_request(with_body="X-CSRF-Token" not in request.headers, uploads=True)


def single_form_value(name: str) -> str | None:
    """Return the value of a form field. None if it is absent or repeated, or if the body is not a form, or malformed."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return None
    try:
        values = request.form.getlist(name)
    except (RequestEntityTooLarge, OSError):
        return None
    return values[0] if len(values) == 1 else None


def to_response(action_response: ActionResponse, *, as_json: bool = False) -> Response:
    """Return Flask's response: for a browser, for htmx, or for a client of Auth.js that wants the URL as JSON.

    With `as_json` every client gets the URL of a redirect as JSON.
    """
    queue_cookies(*action_response.cookies)
    if action_response.error is not None and (action_response.location is None or _is_fetch_client()):
        response = error_response(action_response.error)
    elif action_response.location is not None:
        response = _redirect(action_response.location, as_json=as_json or wants_url())
    elif action_response.template is not None and not _wants_json():
        template = action_response.template
        context = {**app_state().template_context, **template.context}
        response = Response(render_template(template.name, **context), action_response.status)
    else:
        response = json_response(action_response.body, action_response.status)
    response.headers.update(action_response.headers)
    # The action has read the client's cookies, so the response is private even if it sets none.
    for name, value in PRIVATE_HEADERS:
        response.headers.setdefault(name, value)
    return response


def wants_url() -> bool:
    """Return True if the client of the current request wants the URL of a redirect as JSON, as those of Auth.js do."""
    return "X-Auth-Return-Redirect" in request.headers or is_v4_client() or _is_fetch_client()


def is_v4_client() -> bool:
    """Return True for the client of NextAuth 4, which asks for JSON by a field of the form."""
    if request.method in SAFE_METHODS or request.mimetype != "application/x-www-form-urlencoded":
        return False
    return request.form.get("json") == "true"


def _wants_json() -> bool:
    # The header of Auth.js's clients.
    return app_state().json_only or "X-Auth-Return-Redirect" in request.headers or sends_json()


def _is_fetch_client() -> bool:
    """Return True for a script that calls an application without pages. It can't follow a redirect to a provider.

    A form or a link of a browser accepts HTML. Auth.js's clients expect a URL, also for an error.
    """
    if not app_state().json_only or "X-Auth-Return-Redirect" in request.headers:
        return False
    return sends_json() or accepts_only_json()


def _redirect(location: str, *, as_json: bool) -> Response:
    if origin_of(location) is None:
        # htmx assigns the value to `location.href`, where a `javascript:` URL would run.
        raise ConfigurationError("redirect: not a web address. Give http:// or https://, or a path of this site.")
    if as_json:
        response = json_response({"url": location})
        response.headers["Location"] = location
        response.autocorrect_location_header = False
        return response
    if is_htmx():
        # A script can't follow a redirect to another origin, and would swap in the page of one that it can follow.
        return Response(status=204, headers={"HX-Redirect": location})
    # 303 after a POST, so that the browser does not repeat it elsewhere (RFC 9700 4.12). Otherwise 302, as Auth.js.
    response = Response(status=303 if request.method == "POST" else 302, headers={"Location": location})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _body(*, uploads: bool) -> dict[str, Any]:
    try:
        body = _parse_body(uploads=uploads)
    except OSError:
        # What servers raise for a malformed chunk.
        raise BadRequest from None
    if "HTTP_TRANSFER_ENCODING" in request.environ and getattr(request.stream, "is_exhausted", False):
        # Werkzeug cuts a body without a length at the limit.
        raise RequestEntityTooLarge
    return body


def _parse_body(*, uploads: bool) -> dict[str, Any]:
    content_type = request.content_type or ""
    if "application/json" in content_type:
        try:
            return strict_json.loads_object(request.get_data())
        except ValueError:
            raise BadRequest(response=json_response("Bad request.", 400)) from None
    if content_type.startswith("multipart/") and not uploads:
        raise UnsupportedMediaType
    # Empty for any other type, so that no other type avoids the CSRF token.
    return dict(request.form.items(multi=True))
