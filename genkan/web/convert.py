"""Between Flask and the neutral envelope: a request parsed and bounded, a reply performed."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, render_template, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from genkan import strict_json
from genkan.errors import ConfigurationError
from genkan.http.csrf import SAFE_METHODS
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.http.urls import origin_of
from genkan.types import JSON
from genkan.web.context import queue_cookies
from genkan.web.headers import PRIVATE_HEADERS

ALLOWED_HEADERS = ("Origin", "User-Agent", "Sec-Fetch-Site", "X-CSRF-Token", "HX-Request")
"""The request headers an action may see."""

NO_STORE_HEADERS = {"Cache-Control": "private, no-cache, no-store", "Expires": "0", "Pragma": "no-cache"}
"""What Auth.js puts on its JSON."""


def to_request(*, uploads: bool = False) -> ActionRequest:
    """The current request for an action; `uploads` lets forms with files through, which no action of ours takes.

    Raises 400 for a body that can't be read, 413 and 415 where they belong.
    """
    return ActionRequest(
        method=request.method,
        query=dict(request.args.items(multi=True)),
        body={} if request.method in SAFE_METHODS else _body(uploads=uploads),
        cookie_header=request.environ.get("HTTP_COOKIE", ""),
        headers={name.lower(): request.headers[name] for name in ALLOWED_HEADERS if name in request.headers},
        remote_addr=request.remote_addr,
    )


def is_htmx() -> bool:
    """HTMX sent the current request. That picks a representation and grants nothing (C10)."""
    return request.headers.get("HX-Request") == "true"


def single_form_value(name: str) -> str | None:
    """What a form says under that name, once; None for any other body, also for one that can't be read."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return None
    try:
        values = request.form.getlist(name)
    except RequestEntityTooLarge:
        return None
    return values[0] if len(values) == 1 else None


def to_response(reply: ActionResponse) -> Response:
    """The response a reply describes, for whoever asked: browser, HTMX or a client that wants the URL as JSON."""
    queue_cookies(*reply.cookies)
    if reply.location is not None:
        response = _redirect(reply.location)
    elif reply.template is not None:
        response = Response(render_template(reply.template.name, **reply.template.context), reply.status)
    else:
        response = json_response(reply.body, reply.status)
    response.headers.update(reply.headers)
    # An action has looked at the visitor's cookies, so its reply is for no other, whether or not it sets any (X1).
    for name, value in PRIVATE_HEADERS:
        response.headers.setdefault(name, value)
    return response


def json_response(body: JSON, status: int = 200) -> Response:
    """JSON that no cache keeps; the content type is bare, as Auth.js's clients know it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, NO_STORE_HEADERS, content_type="application/json")


def _redirect(location: str) -> Response:
    if origin_of(location) is None:
        # htmx assigns what it is told to `location.href`, where a `javascript:` URL would run (C5).
        raise ConfigurationError("redirect: not a web address. Give http:// or https://, or a path of this site.")
    if "X-Auth-Return-Redirect" in request.headers:
        response = json_response({"url": location})
        response.headers["Location"] = location
        response.autocorrect_location_header = False
        return response
    if is_htmx():
        # A script can't follow a redirect to another origin, and one it can follow would be swapped in (C6, C7).
        return Response(status=204, headers={"HX-Redirect": location})
    # After a POST 303, so that nothing is posted twice or elsewhere (RFC 9700 4.12); else 302, as Auth.js.
    response = Response(status=303 if request.method == "POST" else 302, headers={"Location": location})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _body(*, uploads: bool) -> dict[str, Any]:
    kind = request.content_type or ""
    if "application/json" in kind:
        try:
            return strict_json.loads_object(request.get_data())
        except ValueError:
            raise BadRequest(response=json_response("Bad request.", 400)) from None
    if kind.startswith("multipart/") and not uploads:
        raise UnsupportedMediaType
    # Empty for every other type, so that none of them is a way round the token (C1).
    return dict(request.form.items(multi=True))
