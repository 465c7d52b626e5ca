"""The page that shows what went wrong, and what it offers if cookies could not be read."""

from __future__ import annotations

from flask import Response, render_template
from flask import request as flask_request

from genkan.actions.callback_url import callback_url
from genkan.core import Core
from genkan.errors import CrossOriginRequest, UnreadableCookies
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.http.urls import add_query, relative_url
from genkan.types import JSON
from genkan.web.context import get_core, request_id
from genkan.web.convert import to_request, to_response
from genkan.web.error_messages import Message, error_message
from genkan.web.menu import action_url, home_url
from genkan.web.responses import RETRY_SECONDS, error_response, is_htmx, json_response, wants_json


def error_page() -> Response:
    """`GET /api/auth/error`: what went wrong, as 4xx or 503, with a link to try again."""
    core, request = get_core(), to_request()
    code, reason = request.query.get("error"), request.query.get("reason")
    if request.cookies.is_unreadable:
        # The cause of every other failure, too.
        code, reason = UnreadableCookies.code, UnreadableCookies.reason
    if core.pages.error:
        purpose = request.query.get("purpose")
        url = relative_url(callback_url(request, core), core.origin) if "callbackUrl" in request.query else None
        query = {"error": code or "", "reason": reason, "purpose": purpose, "callbackUrl": url}
        return to_response(ActionResponse(location=add_query(core.page_url(core.pages.error), query)))
    message, can_clear = error_message(code, reason), request.cookies.is_unreadable
    return render_page("genkan/error.html", message, retry_url=_retry_url(request, core), can_clear_cookies=can_clear)


def clear_cookies() -> Response:
    """`POST /api/auth/clear-cookies`: let the browser delete the cookies of this site if they could not be read.

    Only a page of ours may ask for it. That is what the browser says: no CSRF cookie can arrive with such a request.
    """
    core, request = get_core(), to_request(with_body=False)
    try:
        core.csrf.require_own_origin(request.headers)
    except CrossOriginRequest as error:
        return cross_origin_page(error)
    headers = {"Clear-Site-Data": '"cookies"'} if request.cookies.is_unreadable else {}
    location = core.front_page if core.json_only else core.action_url("/signin")
    return to_response(ActionResponse(location=location, headers=headers))


def render_page(template: str, message: Message | None, **context: object) -> Response:
    """Return a page of the package with this message, if any, and its status.

    A client that has sent the form as JSON, or that accepts JSON only, gets the message as JSON.
    """
    if message is not None and flask_request.method == "POST" and wants_json():
        body: JSON = {"error": message.code, "reason": message.reason, "message": message.message}
        response = json_response(body, message.status)
    else:
        html = render_template(template, error=message, request_id=request_id(), **context)
        response = Response(html, message.status if message else 200, content_type="text/html; charset=utf-8")
    if message is not None and message.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def render_form(template: str, message: Message | None, **context: object) -> Response:
    """Return the page of a form like `render_page`. htmx, which keeps error responses out of a page, gets status 200."""
    response = render_page(template, message, **context)
    if is_htmx():
        response.status_code = 200
    return response


def cross_origin_page(error: CrossOriginRequest) -> Response:
    """Return the refusal of a request that another site caused. JSON in an application without pages."""
    if get_core().json_only:
        return error_response(error)
    return render_page("genkan/error.html", error_message(error.code, error.reason), retry_url=home_url())


def _retry_url(request: ActionRequest, core: Core) -> str:
    purpose, url = request.query.get("purpose"), relative_url(callback_url(request, core), core.origin)
    if purpose == "fresh":
        return add_query(action_url("/signin"), {"reason": "fresh", "callbackUrl": url})
    # Without the query, which may report a success that did not happen.
    return url.partition("?")[0] if purpose == "link" else action_url("/signin")
