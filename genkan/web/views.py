"""One handler for each door of `/api/auth`: receive, let the action decide, perform."""

from __future__ import annotations

from flask import Response, after_this_request, render_template, request
from werkzeug.exceptions import MethodNotAllowed

from genkan.actions.backchannel_logout import backchannel_logout as end_by_provider
from genkan.actions.callback import callback as finish_sign_in
from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.actions.sign_in import sign_in as begin_sign_in
from genkan.actions.sign_out import complete_provider_logout
from genkan.actions.sign_out import sign_out as end_session
from genkan.actions.update_session import update
from genkan.core import BASE_PATH, Core
from genkan.errors import CrossOriginRequest, MissingCSRF, UnknownAction
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.http.urls import add_query, relative_url
from genkan.session.reader import NO_SESSION
from genkan.web.access import RETRY_SECONDS
from genkan.web.context import (
    add_static_headers,
    auth,
    csrf_pair,
    queue_cookies,
    request_id,
    session_fingerprint,
    session_result,
    set_csrf_pair,
    set_session_result,
)
from genkan.web.convert import is_htmx, json_response, single_form_value, to_request, to_response
from genkan.web.error_messages import Message, error_message
from genkan.web.fresh import linked_providers
from genkan.web.state import state


def session() -> Response:
    """`GET /api/auth/session`: the session, or null; 503 when that can't be told."""
    found = session_result()
    if found.failed:
        answer = json_response(None, 503)
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer
    return add_static_headers(Response(found.known.body if found.known else b"null", content_type="application/json"))


def update_session() -> Response:
    """`POST /api/auth/session`: what a client asks to change; the new session, or null."""
    reply = update(to_request(), state().core)
    set_session_result(NO_SESSION)
    return to_response(reply)


def csrf() -> Response:
    """`GET /api/auth/csrf`: the token, and the cookie that vouches for it."""
    return json_response({"csrfToken": csrf_pair().token})


def providers() -> Response:
    """`GET /api/auth/providers`: what one can sign in with, in order, with absolute URLs."""
    options = state().core
    return json_response(
        {
            provider.id: {
                "id": provider.id,
                "name": provider.name,
                "type": provider.type,
                "signinUrl": options.action_url(f"/signin/{provider.id}"),
                "callbackUrl": options.action_url(f"/callback/{provider.id}"),
            }
            for provider in options.providers.values()
        }
    )


def sign_in_page() -> Response:
    """`GET /api/auth/signin`: a button for each provider; or the way to the application's own page.

    With `reason=fresh`, for whoever is signed in to confirm that it is them: only their own ways in.
    """
    options = state().core
    asked = to_request()
    landing = callback_url(asked, options)
    queue_cookies(*callback_url_cookie(landing, asked, options))
    error, reason = asked.query.get("error"), asked.query.get("reason")
    if options.pages.sign_in:
        query = {"callbackUrl": landing, "error": error or None, "reason": reason or None}
        return to_response(ActionResponse(location=add_query(options.origin + options.pages.sign_in, query)))
    own = linked_providers(options) if "fresh" in (reason, asked.query.get("purpose")) else None
    response = _page(
        "genkan/sign_in.html",
        error_message(error, reason) if error else None,
        providers=list(options.providers.values()) if own is None else own,
        is_fresh=own is not None,
        callback_url=relative_url(landing, options.origin),
        session=auth(),
    )
    response.headers["Content-Security-Policy"] = state().headers.sign_in_policy
    return response


def sign_in(provider_id: str | None = None) -> Response:
    """`POST /api/auth/signin/<provider>`: to the provider."""
    try:
        return to_response(begin_sign_in(provider_id, to_request(), state().core))
    except CrossOriginRequest as error:
        return _cross_site(error)


def callback(provider_id: str) -> Response:
    """`GET` and `POST /api/auth/callback/<provider>`: back from the provider; always a redirect, never a page."""
    # Also for what is answered elsewhere, as a body that can't be read is: the address has the code in it (O14).
    after_this_request(_without_referrer)
    if request.method == "HEAD":
        # Whoever only looks, such as a link checker, must not use up a sign-in.
        raise MethodNotAllowed(valid_methods=["GET", "POST"])
    reply = finish_sign_in(provider_id, to_request(), state().core)
    set_session_result(NO_SESSION)
    return to_response(reply)


def unknown_action(provider_id: str) -> Response:
    """A link can't start a sign-in, whoever the provider (S11)."""
    return to_response(error_redirect(UnknownAction(), state().core))


def sign_out_page() -> Response:
    """`GET /api/auth/signout`: a form that asks once more."""
    options = state().core
    asked = to_request()
    if options.pages.sign_out:
        return to_response(ActionResponse(location=options.origin + options.pages.sign_out))
    landing = callback_url(asked, options)
    queue_cookies(*callback_url_cookie(landing, asked, options))
    found = session_result()
    # A cookie that tells of nobody just now, since a callback hides them or something is down, can be given up too.
    is_nobody = found.known is None and (found.invalid or not found.cookie_names)
    return _page(
        "genkan/sign_out.html", None, callback_url=relative_url(landing, options.origin), is_signed_out=is_nobody
    )


def sign_out() -> Response:
    """`POST /api/auth/signout`: nobody is signed in any more, and the answer already knows it."""
    options, asked = state().core, to_request()
    try:
        if _is_stale(asked, options):
            return to_response(ActionResponse(template=Template(options.pages.menu, {"resubmit": True})))
        reply = end_session(asked, options)
    except CrossOriginRequest as error:
        return _cross_site(error)
    set_session_result(NO_SESSION)
    for cookie in reply.cookies:
        if cookie.name == options.cookie_names.csrf:
            set_csrf_pair(cookie)
    return to_response(reply)


def _is_stale(asked: ActionRequest, options: Core) -> bool:
    """Somebody signed in once more in another window, which renewed the pair (C3), and signs out in one drawn before.

    Their browser vouches that a page of ours asks, and the menu said for whom: it is drawn anew, and sends itself once.
    """
    if asked.headers.get("sec-fetch-site") != "same-origin" or not is_htmx():
        return False
    if not session_fingerprint() or asked.body.get("session_fingerprint") != session_fingerprint():
        return False
    options.csrf.check_origin(asked.headers)
    try:
        options.csrf.check(cookies.read(asked.cookie_header, options.cookie_names.csrf), asked.csrf_token)
    except MissingCSRF:
        return True
    return False


def post_logout_redirect() -> Response:
    """`GET /api/auth/signout/return`: back from the provider's own sign-out, to where they wanted to land."""
    return to_response(complete_provider_logout(to_request(), state().core))


def backchannel_logout(provider_id: str) -> Response:
    """`POST /api/auth/backchannel-logout/<provider>`: a provider ends sessions; no cookie is looked at or set."""
    reply = end_by_provider(provider_id, single_form_value("logout_token"), state().core)
    answer = json_response(reply.body, reply.status)
    answer.headers.update(reply.headers)
    return answer


def error_page() -> Response:
    """`GET /api/auth/error`: what went wrong in our words, as 4xx or 503, and a way to try again."""
    options = state().core
    asked = to_request()
    code, reason = asked.query.get("error"), asked.query.get("reason")
    if options.pages.error:
        purpose = asked.query.get("purpose")
        landing = relative_url(callback_url(asked, options), options.origin) if "callbackUrl" in asked.query else None
        query = {"error": code or "", "reason": reason, "purpose": purpose, "callbackUrl": landing}
        return to_response(ActionResponse(location=add_query(options.origin + options.pages.error, query)))
    return _page("genkan/error.html", error_message(code, reason), retry_url=_again(asked, options))


def popup_done_page() -> Response:
    """`GET /api/auth/signed-in`: where a sign-in in a second window ends; tells the page that waits, and closes."""
    return _page("genkan/popup_done.html", None, session=auth())


def verify_request_page() -> Response:
    """`GET /api/auth/verify-request`: look into your mailbox."""
    options = state().core
    if options.pages.verify_request:
        return to_response(
            ActionResponse(location=add_query(options.origin + options.pages.verify_request, to_request().query))
        )
    return _page("genkan/verify_request.html", None)


def _again(asked: ActionRequest, options: Core) -> str:
    purpose, landing = asked.query.get("purpose"), relative_url(callback_url(asked, options), options.origin)
    if purpose == "fresh":
        return add_query(f"{BASE_PATH}/signin", {"reason": "fresh", "callbackUrl": landing})
    # Without the query, which may tell of something that has not happened.
    return landing.partition("?")[0] if purpose == "link" else f"{BASE_PATH}/signin"


def _page(template: str, message: Message | None, **context: object) -> Response:
    html = render_template(template, error=message, request_id=request_id(), **context)
    response = Response(html, message.status if message else 200, content_type="text/html; charset=utf-8")
    if message is not None and message.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _without_referrer(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _cross_site(error: CrossOriginRequest) -> Response:
    return _page("genkan/error.html", error_message(error.code, error.reason), retry_url="/")
