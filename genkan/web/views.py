"""The views of `/api/auth`: convert the request, call the action, convert the response."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, after_this_request, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from genkan.actions import callback as callback_action
from genkan.actions import sign_in as sign_in_action
from genkan.actions import sign_out as sign_out_action
from genkan.actions import update_session as update_action
from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.errors import CrossOriginRequest, MissingCSRF, UnknownAction
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.http.urls import add_query, relative_url
from genkan.session.reader import NO_SESSION
from genkan.web.access import csrf_exempt, own_blueprint, public
from genkan.web.context import (
    auth,
    csrf_pair,
    get_core,
    queue_cookies,
    session_fingerprint,
    session_result,
    set_csrf_pair,
    set_session_result,
)
from genkan.web.convert import single_form_value, to_request, to_response
from genkan.web.email import views as email
from genkan.web.error_messages import error_message
from genkan.web.hooks.after_request import session_response
from genkan.web.pages.errors import clear_cookies, cross_origin_page, error_page, render_page
from genkan.web.pages.sign_in import sign_in_methods, sign_in_page
from genkan.web.passkey import views as passkey
from genkan.web.password import views as password
from genkan.web.responses import RETRY_SECONDS, http_error, json_response


def session() -> Response:
    """`GET /api/auth/session`: the session or null. 503 if it could not be read."""
    result = session_result()
    if result.failed:
        response = json_response(None, 503)
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    return session_response(result.cached.body if result.cached else b"null")


def update_session() -> Response:
    """`POST /api/auth/session`: change fields of the session. Responds with the new session or null."""
    response = update_action.update(to_request(), get_core())
    set_session_result(NO_SESSION)
    return to_response(response)


def csrf() -> Response:
    """`GET /api/auth/csrf`: the CSRF token. Sets its cookie."""
    return json_response({"csrfToken": csrf_pair().token})


def providers() -> Response:
    """`GET /api/auth/providers`: the enabled providers in order, with absolute URLs."""
    core = get_core()
    return json_response(
        {
            provider.id: {
                "id": provider.id,
                "name": provider.name,
                "type": provider.type,
                "signinUrl": core.action_url(f"/signin/{provider.id}"),
                "callbackUrl": core.action_url(f"/callback/{provider.id}"),
            }
            for provider in sign_in_methods(core)
        }
    )


def sign_in(provider_id: str | None = None) -> Response:
    """`POST /api/auth/signin/<provider>`: redirect to the provider, or send a mail."""
    try:
        if provider_id == email.ID and get_core().email is not None:
            return email.start()
        has_fields = {password.ID: get_core().credentials_fields, passkey.ID: get_core().passkeys}
        if has_fields.get(provider_id or "") is not None:
            # Their fields are sent to the callback. This is what Auth.js does.
            provider_id = None
        return to_response(sign_in_action.sign_in(provider_id, to_request(), get_core()))
    except CrossOriginRequest as error:
        return cross_origin_page(error)


def callback(provider_id: str) -> Response:
    """`GET` and `POST /api/auth/callback/<provider>`: complete a flow. The response is always a redirect."""
    # Also on error responses, for example for an invalid body: the URL contains the code.
    after_this_request(_without_referrer)
    if request.method == "HEAD":
        # A link checker must not use the flow.
        raise MethodNotAllowed(valid_methods=["GET", "POST"])
    core = get_core()
    if provider_id == email.ID and core.email is not None:
        return _of_own_page(email.complete)
    if provider_id == password.ID and core.credentials_fields is not None and request.method == "POST":
        return _of_own_page(password.complete)
    if provider_id == passkey.ID and core.passkeys is not None and request.method == "POST":
        return _of_own_page(passkey.complete)
    response = callback_action.callback(provider_id, to_request(), core)
    set_session_result(NO_SESSION)
    return to_response(response)


def _of_own_page(view: Callable[[], Response]) -> Response:
    """Return the response of a view whose form is on a page of ours. 403 if another site caused the request."""
    try:
        return view()
    except CrossOriginRequest as error:
        return cross_origin_page(error)


def unknown_action(provider_id: str) -> Response:
    """`GET /api/auth/signin/<provider>`: an error, since a link must not start a sign-in."""
    return to_response(error_redirect(UnknownAction(), get_core()))


def sign_out_page() -> Response:
    """`GET /api/auth/signout`: a form that asks for confirmation."""
    core, request = get_core(), to_request()
    if core.pages.sign_out:
        return to_response(ActionResponse(location=core.page_url(core.pages.sign_out)))
    url = callback_url(request, core)
    queue_cookies(*callback_url_cookie(url, request, core))
    result = session_result()
    # A session that could not be read, or that a callback hides, can be signed out too.
    is_signed_out = result.cached is None and not result.failed
    return render_page(
        "genkan/sign_out.html", None, callback_url=relative_url(url, core.origin), is_signed_out=is_signed_out
    )


def sign_out() -> Response:
    """`POST /api/auth/signout`: sign out. The menu in the response shows that already."""
    core, request = get_core(), to_request()
    try:
        core.csrf.verify(request)
    except CrossOriginRequest as error:
        return cross_origin_page(error)
    except MissingCSRF as error:
        if not core.json_only and _is_outdated_form(request):
            # The menu with a new token. It submits itself once.
            return to_response(ActionResponse(template=Template(core.pages.menu, {"resubmit": True})))
        return to_response(error_redirect(error, core))
    ticket = request.body.get("ticket")
    if isinstance(ticket, str) and ticket:
        return to_response(sign_out_action.retry_sign_out(ticket, request, core))
    response = sign_out_action.sign_out(session_result(), request, core)
    set_session_result(NO_SESSION)
    for cookie in response.cookies:
        if cookie.name == core.cookie_names.csrf:
            set_csrf_pair(cookie)
    return to_response(response)


def _is_outdated_form(request: ActionRequest) -> bool:
    """Return True if the sign-out form is from before the last sign-in in another tab: same user, outdated CSRF token.

    Sec-Fetch-Site proves that a page of ours sent it, and the form names its user by the fingerprint.
    """
    if request.headers.get("sec-fetch-site") != "same-origin" or not request.is_htmx:
        return False
    fingerprint = session_fingerprint()
    return bool(fingerprint) and request.body.get("session_fingerprint") == fingerprint


def post_logout_redirect() -> Response:
    """`GET /api/auth/signout/return`: back from the provider's sign-out. Redirects to the callback URL."""
    return to_response(sign_out_action.complete_provider_logout(to_request(), get_core()))


def backchannel_logout(provider_id: str) -> Response:
    """`POST /api/auth/backchannel-logout/<provider>`: a provider revokes sessions. Reads and sets no cookie.

    404 without a database, as no session can be revoked then.
    """
    if get_core().is_stateless:
        abort(404)
    # Imported here, because it needs the OAuth client.
    from genkan.actions.backchannel_logout import backchannel_logout as revoke_sessions  # noqa: PLC0415

    result = revoke_sessions(provider_id, single_form_value("logout_token"), get_core())
    response = json_response(result.body, result.status)
    response.headers.update(result.headers)
    return response


def popup_done_page() -> Response:
    """`GET /api/auth/signed-in`: the end of a sign-in in a popup window. Notifies the opener and closes the window."""
    return render_page("genkan/popup_done.html", None, session=auth())


def verify_request_page() -> Response:
    """`GET /api/auth/verify-request`: asks the user to check their mailbox."""
    core = get_core()
    if core.pages.verify_request:
        location = add_query(core.page_url(core.pages.verify_request), to_request().query)
        return to_response(ActionResponse(location=location))
    query = to_request().query
    return email.render_verify_request(
        error_message(query["error"], query.get("reason")) if query.get("error") else None
    )


def _without_referrer(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def not_found(**_: str) -> Response:
    """Return 404 JSON, in place of a page in an application without pages."""
    return json_response({"error": "Not Found"}, 404)


ROUTES: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("GET", "/session", session),
    ("POST", "/session", update_session),
    ("GET", "/csrf", csrf),
    ("GET", "/providers", providers),
    ("GET", "/signin", sign_in_page),
    ("POST", "/signin", sign_in),
    ("GET", "/signin/<provider_id>", unknown_action),
    ("POST", "/signin/<provider_id>", sign_in),
    ("GET", "/callback/<provider_id>", callback),
    ("POST", "/callback/<provider_id>", callback),
    ("GET", "/webauthn-options/<provider_id>", passkey.webauthn_options),
    ("GET", "/signout", sign_out_page),
    ("POST", "/signout", sign_out),
    ("GET", "/signout/return", post_logout_redirect),
    ("POST", "/backchannel-logout/<provider_id>", backchannel_logout),
    ("GET", "/error", error_page),
    ("POST", "/clear-cookies", clear_cookies),
    ("GET", "/verify-request", verify_request_page),
    ("GET", "/signed-in", popup_done_page),
)
"""Auth.js's actions and a few of our own. All are public, and each unsafe one checks the CSRF token itself."""

PAGES = {sign_in_page, sign_out_page, error_page, verify_request_page, popup_done_page}
"""The views that only render pages."""


def create_blueprint(*, json_only: bool) -> Blueprint:
    """Return the blueprint to be registered below the base path. With `json_only` pages are 404, and errors JSON."""
    blueprint = own_blueprint(Blueprint("genkan_actions", __name__))
    for method, rule, view in ROUTES:
        served = csrf_exempt(public(not_found if json_only and view in PAGES else view))
        blueprint.add_url_rule(rule, view.__name__, served, methods=[method], strict_slashes=False)
    if json_only:
        blueprint.register_error_handler(HTTPException, http_error)
    return blueprint


def create_missing_pages(*paths: str) -> Blueprint:
    """Return a blueprint that responds with 404 JSON to every request for these paths and what is below them."""
    blueprint = own_blueprint(Blueprint("genkan_missing", __name__))
    for path in paths:
        for rule in (path, f"{path}/<path:rest>"):
            blueprint.add_url_rule(rule, "not_found", csrf_exempt(public(not_found)), methods=["GET", "POST"])
    return blueprint
