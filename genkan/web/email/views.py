"""Views of sign-in by mail: those of Auth.js, and the pages that change the address."""

from __future__ import annotations

from flask import Blueprint, Response, abort, after_this_request, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions.callback_url import error_redirect
from genkan.actions.email import change_address
from genkan.actions.email.request_link import request_link, typed_address
from genkan.actions.email.use_link import use_link
from genkan.actions.second_factor.level import required_level
from genkan.adapters.addresses import Verification
from genkan.core import Core
from genkan.email.checks import CODE_PURPOSES
from genkan.email.parts import EmailSignIn
from genkan.errors import AdapterError, AdapterUnavailable, AuthError, InvalidAddress, WrongCode
from genkan.session.reader import NO_SESSION
from genkan.types import User
from genkan.web.access import fresh_login_required, login_required, own_blueprint, public, require_fresh
from genkan.web.context import get_core, queue_cookies, session_result, set_session_result
from genkan.web.convert import to_request, to_response, wants_url
from genkan.web.error_messages import Message, error_message
from genkan.web.menu import account_url, action_url
from genkan.web.pages.errors import render_form, render_page
from genkan.web.pages.sign_in import render_sign_in
from genkan.web.responses import is_htmx, json_response, wants_json

ID = "email"
"""The id of this way to sign in, where a provider has one."""

FRESH_MAX_AGE = 300
"""Seconds since the last authentication, for changing the address or the password."""

bp = own_blueprint(Blueprint("genkan_email", __name__))
"""Registered below `Pages.account`."""


def start() -> Response:
    """`POST /api/auth/signin/email`: send a link and a code."""
    core, email_sign_in = require_email()
    action_request = to_request()
    action_response = request_link(action_request, core, email_sign_in)
    if isinstance(action_response.error, InvalidAddress) and core.pages.sign_in is None and not wants_url():
        message = error_message(action_response.error.code, action_response.error.reason)
        return render_sign_in(message, email=typed_address(action_request, core))
    return to_response(action_response)


def complete() -> Response:
    """`GET` and `POST /api/auth/callback/email`: sign in with a link or a code."""
    core, email_sign_in = require_email()
    action_response = use_link(to_request(), core, email_sign_in)
    if isinstance(action_response.error, WrongCode) and core.pages.verify_request is None and is_htmx():
        return render_verify_request(error_message(action_response.error.code, action_response.error.reason))
    if action_response.template is None:
        set_session_result(NO_SESSION)
    return to_response(action_response)


def render_verify_request(message: Message | None) -> Response:
    """Render the page that asks the user to read the mail, with a form for the code if the mail has one."""
    core = get_core()
    pending = None if core.email is None else core.email.checks.pending(to_request().cookies)
    has_code = pending is not None and pending.purpose in CODE_PURPOSES
    return render_form("genkan/verify_request.html", message, pending=pending, has_code=has_code)


def require_email() -> tuple[Core, EmailSignIn]:
    """Return the core, and sign-in by mail. 404 if that is off."""
    core = get_core()
    return core, core.email or abort(404)


def stored_user() -> User:
    """Return the stored user of this request. 404 if there is none, as for a session of another application."""
    return get_core().adapter.get_user(session_result().user_id or "") or abort(404)


def require_proof() -> Response | None:
    """Return None if the user may change a way to sign in: authenticated recently, with the second factor if there is one.

    Otherwise what asks for it, as `require_fresh`.
    """
    return require_fresh(FRESH_MAX_AGE, required_level(session_result().user_id, get_core()))


@bp.get("/address")
@fresh_login_required(within=FRESH_MAX_AGE)
def address_page() -> Response:
    """Render the form that changes the address."""
    require_email()
    return require_proof() or render_page(
        "genkan/account/address.html", None, user=stored_user(), sent_to=None, email=""
    )


@bp.post("/address")
@fresh_login_required(within=FRESH_MAX_AGE)
def request_change() -> Response:
    """Send a link to the new address."""
    core, email_sign_in = require_email()
    if (refusal := require_proof()) is not None:
        return refusal
    user, action_request = stored_user(), to_request()
    email, error, sent_to = action_request.text("email"), None, None
    try:
        sent_to = change_address.request_change(user, action_request, core, email_sign_in)
    except InvalidAddress as failure:
        error = error_message(failure.code, failure.reason)
    if error is None and wants_json():
        return json_response({"sent": True})
    return render_form("genkan/account/address.html", error, user=user, sent_to=sent_to, email=email)


@bp.get("/address/confirm")
@login_required
def confirm_page() -> Response:
    """Show the new address and a button, since a program that opens links must not change anything."""
    _, email_sign_in = require_email()
    verification = change_address.find_own_change(session_result().user_id, to_request(), email_sign_in)
    return _confirm_page(verification, "/address/confirm")


@bp.post("/address/confirm")
@login_required
def confirm() -> BaseResponse:
    """Store the new address of the signed-in user, who has asked for the link, and end the other sessions."""
    core, email_sign_in = require_email()
    cookies = change_address.confirm_change(to_request(), core, email_sign_in)
    queue_cookies(*cookies)
    set_session_result(NO_SESSION)
    return _changed("address-changed", is_signed_in=bool(cookies))


@bp.get("/address/undo")
@public
def undo_page() -> Response:
    """Show the old address and a button that restores it."""
    _, email_sign_in = require_email()
    return _confirm_page(change_address.find_change("undo", to_request(), email_sign_in), "/address/undo")


@bp.post("/address/undo")
@public
def undo() -> BaseResponse:
    """Store the old address again, and end all sessions."""
    core, email_sign_in = require_email()
    user = change_address.undo_change(to_request(), core, email_sign_in)
    return _changed("address-restored", is_signed_in=session_result().user_id not in (None, user.id))


def without_referrer(response: Response) -> Response:
    """Keep the URL of this page from other sites."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def failed(error: Exception) -> Response:
    """Redirect to the page that shows this error."""
    failure = error if isinstance(error, AuthError) else AdapterUnavailable()
    if request.method == "POST" and wants_json():
        return render_page("genkan/error.html", error_message(failure.code, failure.reason))
    return to_response(error_redirect(failure, get_core()))


for _error in (AuthError, AdapterError):
    bp.register_error_handler(_error, failed)


def _confirm_page(verification: Verification, path: str) -> Response:
    # The URL contains the token.
    after_this_request(without_referrer)
    return render_page(
        "genkan/account/confirm_address.html",
        None,
        email=verification.email,
        is_undo=verification.purpose == "undo",
        action=account_url(path),
        token=request.args["token"],
        user_id=verification.user_id,
    )


def _changed(notice: str, *, is_signed_in: bool) -> BaseResponse:
    url = f"{account_url() if is_signed_in else action_url('/signin')}?notice={notice}"
    return json_response({"url": get_core().origin + url}) if wants_json() else redirect(url, 303)
