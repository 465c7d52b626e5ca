"""Views of sign-in by password: that of Auth.js, and the pages for signing up, for a reset and for a change."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, abort, after_this_request, redirect
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect, error_url
from genkan.actions.password import authorize as authorize_action
from genkan.actions.password import change as change_action
from genkan.actions.password import reset as reset_action
from genkan.actions.password import sign_in as sign_in_action
from genkan.actions.password import sign_up as sign_up_action
from genkan.actions.second_factor.level import required_level
from genkan.core import Core
from genkan.email.parts import EmailSignIn
from genkan.errors import (
    AdapterError,
    AdapterUnavailable,
    AuthError,
    CredentialsSignin,
    CrossOriginRequest,
    InvalidAddress,
    InvalidPassword,
    ServerBusy,
)
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.http.urls import relative_url
from genkan.oauth.reauthentication import methods_of
from genkan.password.parts import PasswordSignIn
from genkan.session.reader import NO_SESSION
from genkan.web.access import login_required, own_blueprint, public
from genkan.web.context import get_core, queue_cookies, session_result, set_session_result
from genkan.web.convert import is_v4_client, to_request, to_response, wants_url
from genkan.web.email.views import failed, require_proof, stored_user, without_referrer
from genkan.web.error_messages import Message, error_message
from genkan.web.menu import account_url
from genkan.web.pages.errors import render_form, render_page
from genkan.web.pages.sign_in import render_sign_in
from genkan.web.responses import RETRY_SECONDS, json_response, sends_json, wants_json

ID = "credentials"
"""The id of this way to sign in, where a provider has one."""

bp = own_blueprint(Blueprint("genkan_password", __name__))
"""Registered below `Pages.account`."""

for _error in (AuthError, AdapterError):
    bp.register_error_handler(_error, failed)


def complete() -> Response:
    """`POST /api/auth/callback/credentials`: sign in with address and password, or what the application checks itself."""
    core, request = get_core(), to_request()
    fields = core.credentials_fields or abort(404)
    try:
        action_response = _sign_in(request, core)
    except CrossOriginRequest:
        raise
    except (AuthError, AdapterError) as error:
        failure = error if isinstance(error, AuthError) else AdapterUnavailable()
        has_form = core.pages.sign_in is None and not (core.json_only or wants_url() or sends_json())
        if isinstance(failure, (CredentialsSignin, ServerBusy)) and has_form:
            has_password = bool(request.text(fields.password))
            message = error_message(failure.code, failure.reason if has_password else "no-password")
            return render_sign_in(message, email=request.text(fields.email))
        return _failure(failure, core)
    set_session_result(NO_SESSION)
    return to_response(action_response)


def _sign_in(request: ActionRequest, core: Core) -> ActionResponse:
    if core.passwords is not None:
        return sign_in_action.sign_in(request, core, core.passwords)
    return authorize_action.sign_in(request, core, core.authorize or abort(404))


def _failure(error: AuthError, core: Core) -> Response:
    """Return the redirect to the sign-in page. Auth.js's clients get its URL, also if there is no such page."""
    action_response = error_redirect(error, core)
    if action_response.location is None and wants_url():
        action_response = replace(action_response, location=error_url(error, core.action_url("/signin")))
    response = to_response(action_response)
    if isinstance(error, CredentialsSignin) and is_v4_client():
        response.status_code = 401
    if isinstance(error, ServerBusy) and wants_url():
        # Auth.js's clients read the body for any status.
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def require_passwords() -> tuple[Core, EmailSignIn, PasswordSignIn]:
    """Return the core, sign-in by mail, and sign-in by password. 404 if passwords are off."""
    core = get_core()
    if core.email is None or core.passwords is None:
        abort(404)
    return core, core.email, core.passwords


@bp.get("/sign-up")
@public
def sign_up_page() -> Response:
    """Render the form for signing up."""
    return _sign_up_form(None)


@bp.post("/sign-up")
@public
def sign_up() -> Response:
    """Send a mail that confirms the address."""
    request = to_request()
    try:
        return to_response(sign_up_action.sign_up(request, *require_passwords()), as_json=wants_json())
    except (InvalidAddress, InvalidPassword, ServerBusy) as error:
        return _sign_up_form(error, email=request.text("email"))


@bp.get("/sign-up/confirm")
@public
def confirm_sign_up_page() -> Response:
    """Sign in with the link of a sign-up, or ask for the password in another browser."""
    return _confirm_sign_up()


@bp.post("/sign-up/confirm")
@public
def confirm_sign_up() -> Response:
    """Sign in with the link of a sign-up in another browser, with the password or without it."""
    return _confirm_sign_up()


@bp.get("/reset")
@public
def reset_page() -> Response:
    """Render the form that asks for the address."""
    require_passwords()
    return render_page("genkan/reset.html", None, is_sent=False, email="")


@bp.post("/reset")
@public
def request_reset() -> Response:
    """Send a link with which a new password can be chosen."""
    request, error = to_request(), None
    try:
        reset_action.request_reset(request, *require_passwords())
    except InvalidAddress as failure:
        error = error_message(failure.code, failure.reason)
    if error is None and wants_json():
        return json_response({"sent": True})
    return render_form("genkan/reset.html", error, is_sent=error is None, email=request.text("email"))


@bp.get("/reset/open")
@public
def open_reset() -> Response:
    """Take the token out of the URL."""
    core, _, _ = require_passwords()
    return to_response(reset_action.open_link(to_request(), core))


@bp.get("/reset/new")
@public
def new_password_page() -> Response:
    """Render the form for the new password."""
    return _new_password_form(None)


@bp.post("/reset/new")
@public
def new_password() -> Response:
    """Store the new password."""
    try:
        return to_response(reset_action.reset(to_request(), *require_passwords()), as_json=wants_json())
    except (InvalidPassword, ServerBusy) as error:
        return _new_password_form(error)


@bp.get("/password")
@login_required
def password_page() -> Response:
    """Render the form that changes the password."""
    return _require_level() or _password_form(None)


@bp.post("/password")
@login_required
def change_password() -> Response:
    """Store a new password."""
    core, email_sign_in, passwords = require_passwords()
    user = stored_user()
    has_password = passwords.store.password(user.id) is not None
    if (refusal := _require_level() if has_password else require_proof()) is not None:
        return refusal
    url = f"{core.page_url(core.pages.account)}?notice=password-changed"
    try:
        token = session_result().token
        action_response = change_action.change_password(user, token, url, to_request(), core, email_sign_in, passwords)
    except (CredentialsSignin, InvalidPassword, InvalidAddress, ServerBusy) as error:
        return _password_form(error)
    set_session_result(NO_SESSION)
    return to_response(action_response, as_json=wants_json())


def change_password_redirect() -> BaseResponse:
    """`GET /.well-known/change-password`: where password managers lead their users to."""
    require_passwords()
    return redirect(account_url("/password"), 302)


def _sign_up_form(error: AuthError | None, email: str = "") -> Response:
    core, _, passwords = require_passwords()
    request, minimum = to_request(), passwords.policy.minimum
    # As on the sign-in page: the cookie is for the link that leads there.
    url = callback_url(request, core)
    queue_cookies(*callback_url_cookie(url, request, core))
    return render_form(
        "genkan/sign_up.html",
        _message(error),
        email=email,
        minimum=minimum,
        callback_url=relative_url(url, core.origin),
    )


def _confirm_sign_up() -> Response:
    # The URL contains the token.
    after_this_request(without_referrer)
    core, email_sign_in, passwords = require_passwords()
    request = to_request()
    try:
        action_response = sign_up_action.confirm_sign_up(request, core, email_sign_in, passwords)
    except (CredentialsSignin, ServerBusy) as error:
        message = error_message(error.code, error.reason or "wrong-password")
        return render_form(
            "genkan/confirm_sign_up.html", message, email=request.text("email"), token=request.text("token")
        )
    if action_response.template is None:
        set_session_result(NO_SESSION)
    return to_response(action_response, as_json=wants_json())


def _new_password_form(error: AuthError | None) -> Response:
    core, email_sign_in, passwords = require_passwords()
    verification = reset_action.find_reset(to_request(), core, email_sign_in, passwords)
    minimum = passwords.policy.minimum
    return render_form("genkan/new_password.html", _message(error), email=verification.email, minimum=minimum)


def _require_level() -> Response | None:
    """Return None unless the user has a second factor that the session does not have. Otherwise what asks for it."""
    level = required_level(session_result().user_id, get_core())
    is_proven = level is None or level in methods_of(session_result().token)
    return None if is_proven else require_proof()


def _password_form(error: AuthError | None) -> Response:
    _, _, passwords = require_passwords()
    user = stored_user()
    has_password = passwords.store.password(user.id) is not None
    return render_form(
        "genkan/account/password.html",
        _message(error),
        user=user,
        has_password=has_password,
        minimum=passwords.policy.minimum,
    )


def _message(error: AuthError | None) -> Message | None:
    """Return what a form shows about this error. None without one."""
    if isinstance(error, InvalidPassword):
        return Message(error.code, "Choose another password", str(error), 422, error.reason)
    if isinstance(error, CredentialsSignin) and error.reason is None:
        return Message(error.code, "That is not your current password", "Nothing has changed. Please try again.", 422)
    return None if error is None else error_message(error.code, error.reason)
