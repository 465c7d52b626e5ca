"""What goes wrong, in the clothes of the house: a page for people, JSON for programs, and never a stack trace (H5)."""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from genkan.errors import AdapterError
from genkan.web.context import request_id
from genkan.web.responses import RETRY_SECONDS, wants_json

bp = Blueprint("errors", __name__)

MESSAGES = {
    400: ("That request made no sense to us", "Something in it is malformed. Go back and try again."),
    403: ("Not allowed", "You may not do that here."),
    404: ("There is nothing here", "The page may have moved, or the address has a slip in it."),
    405: ("That can't be done here", "This address exists, but not for that kind of request."),
    411: ("We need to know how long that is", "Send it with a Content-Length."),
    413: ("That was too large", "Send less at once."),
    415: ("We can't read that", "Send it as a form or as JSON."),
    500: ("Something broke on our side", "It has been noted. Nothing of yours is lost; please try again."),
    503: ("Not available for a moment", "Something we depend on does not answer. Please try again shortly."),
}


@bp.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> BaseResponse:
    """The page or the JSON for any error that has a status."""
    if error.response is not None:
        return error.get_response(request.environ)
    status = error.code or 500
    title, message = MESSAGES.get(status, (error.name, "Please try again."))
    headers = [(name, value) for name, value in error.get_headers() if name in {"Allow", "Retry-After"}]
    if wants_json() or (request.path.startswith("/api/") and not request.path.startswith("/api/auth/")):
        return Response(json.dumps({"error": error.name}), status, headers, content_type="application/json")
    html = render_template(
        "errors/error.html",
        status=status,
        title=title,
        message=message,
        request_id=request_id(),
        menu_loading=status >= 500,  # who is there can't be told just now, and "Sign in" would be telling
    )
    return Response(html, status, headers, content_type="text/html; charset=utf-8")


@bp.app_errorhandler(AdapterError)
def store_error(_error: AdapterError) -> BaseResponse:
    """503: the database does not answer, nothing is lost."""
    return http_error(ServiceUnavailable(retry_after=RETRY_SECONDS))
