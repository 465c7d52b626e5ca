"""Pages of the application, the fragments that htmx refreshes, and the error pages.

An error is an HTML page, or JSON below `/api/`. No response shows a stack trace.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from genkan import public, require_session
from genkan.errors import AdapterError
from genkan.web.context import request_id
from genkan.web.responses import RETRY_SECONDS, wants_json

bp = Blueprint("dashboard", __name__)

CACHE_SECONDS = 60
"""Seconds that a shared cache may keep a page that does not depend on the session."""

MESSAGES = {
    400: ("Bad request", "The request is malformed. Go back and try again."),
    403: ("Not allowed", "You may not do that here."),
    404: ("Page not found", "The page may have moved, or the address has a typing error."),
    405: ("Method not allowed", "This address exists, but not for this kind of request."),
    411: ("Length required", "Send the request with a Content-Length header."),
    413: ("Request too large", "Send less at once."),
    415: ("Unsupported media type", "Send the request as a form or as JSON."),
    500: ("Something went wrong on our side", "The error has been logged. Please try again."),
    503: ("Temporarily unavailable", "A service that this site needs does not respond. Please try again shortly."),
}
"""Title and text of the page for an error status."""


@bp.get("/")
@public
def home() -> str:
    """Render the front page."""
    return render_template("home.html")


@bp.get("/partials/welcome")
@public
def welcome() -> str:
    """Render the part of the front page that depends on the session."""
    return render_template("partials/_welcome.html")


@bp.get("/about")
@public
def about() -> Response:
    """Render a page for shared caches. It does not read the session, so its menu starts in the loading state."""
    response = make_response(render_template("about.html", menu_loading=True))
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response


@bp.get("/dashboard")
def index() -> str:
    """Render the dashboard. The access check requires a session, because the view is not `@public`."""
    return _render_session("dashboard/index.html")


@bp.get("/partials/session")
def session() -> str:
    """Render the session card of the dashboard for htmx."""
    return _render_session("dashboard/_session_card.html")


def _render_session(template: str) -> str:
    session = require_session()
    as_json = json.dumps(session.to_json(), ensure_ascii=False, indent=2)
    return render_template(template, session=session, session_as_json=as_json)


@bp.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> BaseResponse:
    """Return the page or the JSON for an error with a status."""
    if error.response is not None:
        return error.get_response(request.environ)
    status = error.code or 500
    title, message = MESSAGES.get(status, (error.name, "Please try again."))
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    if wants_json() or (request.path.startswith("/api/") and not request.path.startswith("/api/auth/")):
        return Response(json.dumps({"error": error.name}), status, headers, content_type="application/json")
    html = render_template(
        "errors/error.html",
        status=status,
        title=title,
        message=message,
        request_id=request_id(),
        menu_loading=status >= 500,  # the session may be unreadable now, so the menu must not say "Sign in"
    )
    return Response(html, status, headers, content_type="text/html; charset=utf-8")


@bp.app_errorhandler(AdapterError)
def adapter_error(_error: AdapterError) -> BaseResponse:
    """Return 503 with Retry-After when the database does not respond."""
    return http_error(ServiceUnavailable(retry_after=RETRY_SECONDS))
