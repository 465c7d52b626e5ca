"""Views of second factors: the page between the first factor and the session, and those that change the second one."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions.callback_url import error_redirect
from genkan.actions.second_factor import change, enrol
from genkan.actions.second_factor.complete import complete_second_factor, find_waiting, finish
from genkan.actions.second_factor.level import has_passkey
from genkan.actions.second_factor.require import second_factor_url
from genkan.adapters.sessions import session_id
from genkan.core import Core
from genkan.errors import AdapterError, AuthError, InvalidSecondFactor
from genkan.http.messages import ActionResponse
from genkan.oauth.reauthentication import MFA
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.recovery import FEW
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import User
from genkan.web.access import fresh_login_required, login_required, own_blueprint, public, require_fresh
from genkan.web.context import get_core, queue_cookies, session_result, set_session_result
from genkan.web.convert import to_request, to_response
from genkan.web.email.views import FRESH_MAX_AGE, failed, stored_user
from genkan.web.error_messages import error_message
from genkan.web.menu import account_url
from genkan.web.pages.errors import render_form, render_page
from genkan.web.responses import json_response, see_other, wants_json

bp = own_blueprint(Blueprint("genkan_second_factor", __name__))
"""Registered below `Pages.account`."""

for _error in (AuthError, AdapterError):
    bp.register_error_handler(_error, failed)


def require_second_factor() -> tuple[Core, SecondFactor]:
    """Return the core and the second factors. 404 if they are off."""
    core = get_core()
    return core, core.second_factor or abort(404)


@bp.get("/second")
@public
def second_page() -> Response:
    """Render the form that asks for a code of the authenticator app, or for a recovery code."""
    return _second_form(None)


@bp.post("/second")
@public
def second() -> Response:
    """Check the code and start the session."""
    core, factor = require_second_factor()
    try:
        action_response = complete_second_factor(to_request(), core, factor)
    except InvalidSecondFactor as error:
        if error.reason == "second-factor-ended":
            queue_cookies(*factor.pending.clear(to_request().cookies))
            return to_response(error_redirect(error, core), as_json=wants_json())
        return _second_form(error)
    set_session_result(NO_SESSION)
    return to_response(action_response, as_json=wants_json())


@bp.get("/second/enrol")
@public
def enrol_page() -> Response:
    """Render the page where a user who needs a second factor adds one before the session starts."""
    return _required_enrolment(None)


@bp.post("/second/enrol")
@public
def enrol_before_session() -> Response:
    """Turn the second factor on, start the session, and show the recovery codes."""
    core, factor = require_second_factor()
    action_request = to_request()
    waiting = enrol.find_enrolling(action_request, core, factor)
    owner = waiting.stored.id_hash
    try:
        codes = enrol.confirm(waiting.user, owner, action_request, core, factor, replaces=False)
    except InvalidSecondFactor as error:
        return _required_enrolment(error)
    enrol.end_sessions(waiting.user, core)
    action_response = finish(waiting, ("otp",), action_request, core, factor)
    queue_cookies(*action_response.cookies)
    set_session_result(NO_SESSION)
    return _codes_page(codes, action_response.location or account_url())


@bp.get("/totp")
@login_required
def totp_page() -> Response:
    """Render the state of the second factor, or with `?replace` or if it is off, the page that adds an app."""
    _, factor = require_second_factor()
    user = stored_user()
    is_on = factor.is_on(user.id)
    if is_on and "replace" not in request.args:
        left = factor.store.codes_left(user.id)
        if wants_json():
            return json_response({"recoveryCodesLeft": left})
        return render_page("genkan/account/totp.html", None, codes_left=left, few_codes=FEW)
    return _fresh(is_on) or _enrolment(user, is_on, None)


@bp.post("/totp")
@login_required
def turn_on() -> Response:
    """Turn the second factor on, or replace the app, and show the recovery codes."""
    core, factor = require_second_factor()
    user, action_request = stored_user(), to_request()
    is_on = factor.is_on(user.id)
    if (refusal := _fresh(is_on)) is not None:
        return refusal
    try:
        codes = enrol.confirm(user, _owner(), action_request, core, factor, replaces=is_on)
    except InvalidSecondFactor as error:
        return _enrolment(user, is_on, error)
    result = session_result()
    cookies = enrol.raise_level(result, core)
    queue_cookies(*cookies)
    names = dict.fromkeys((*result.cookie_names, *(cookie.name for cookie in cookies)))
    # For the page. Without the value of the cookie, which is of the session that has ended.
    set_session_result(SessionResult(result.cached, tuple(names)))
    return _codes_page(codes, account_url())


@bp.post("/totp/off")
@fresh_login_required(within=FRESH_MAX_AGE, level=MFA)
def turn_off() -> BaseResponse:
    """Turn the second factor off."""
    core, factor = require_second_factor()
    is_off = change.turn_off(stored_user(), to_request(), core, factor)
    return see_other(f"{account_url()}?notice=second-factor-off") if is_off else abort(404)


@bp.post("/totp/codes")
@fresh_login_required(within=FRESH_MAX_AGE, level=MFA)
def make_codes() -> Response:
    """Make new recovery codes and show them."""
    core, factor = require_second_factor()
    return _codes_page(change.make_codes(stored_user(), to_request(), core, factor), account_url())


def _fresh(is_on: bool) -> Response | None:
    """Return None if the user may change the second factor now: with the present one, if there is one."""
    return require_fresh(FRESH_MAX_AGE, MFA if is_on else None)


def _owner() -> str:
    return enrol.owner_of_session(session_id(session_result().token) or "")


def _second_form(error: InvalidSecondFactor | None) -> Response:
    core, factor = require_second_factor()
    waiting = find_waiting(to_request(), core, factor)
    if not factor.is_on(waiting.user.id):
        return to_response(ActionResponse(location=second_factor_url(core, is_on=False)))
    message = None if error is None else error_message(error.code, error.reason)
    return render_form(
        "genkan/second.html",
        message,
        can_trust=not waiting.data.is_fresh,
        is_recovery="recovery" in request.args,
        has_passkeys=has_passkey(waiting.user.id, core),
        purpose="second",
        callback_url="",
        last_used=None,
        unknown_passkey="",
    )


def _required_enrolment(error: InvalidSecondFactor | None) -> Response:
    core, factor = require_second_factor()
    waiting = enrol.find_enrolling(to_request(), core, factor)
    if factor.is_on(waiting.user.id):
        # Otherwise the first factor alone would replace the second one.
        return to_response(ActionResponse(location=second_factor_url(core, is_on=True)))
    enrolment = enrol.begin(waiting.user, waiting.stored.id_hash, core, factor)
    return _enrolment_page(enrolment, account_url("/second/enrol"), error, is_required=True, is_on=False)


def _enrolment(user: User, is_on: bool, error: InvalidSecondFactor | None) -> Response:
    core, factor = require_second_factor()
    enrolment = enrol.begin(user, _owner(), core, factor)
    return _enrolment_page(enrolment, account_url("/totp"), error, is_required=False, is_on=is_on)


def _enrolment_page(
    enrolment: enrol.Enrolment, action: str, error: InvalidSecondFactor | None, *, is_required: bool, is_on: bool
) -> Response:
    if error is None and wants_json():
        return json_response({"uri": enrolment.uri, "secret": enrolment.secret.replace(" ", "")})
    message = None if error is None else error_message(error.code, error.reason)
    return render_form(
        "genkan/account/totp_enrol.html",
        message,
        uri=enrolment.uri,
        qr_code=Markup(enrolment.qr_code),  # noqa: S704 (made by the library from a URL of ours)
        secret=enrolment.secret,
        action=action,
        is_required=is_required,
        is_on=is_on,
    )


def _codes_page(codes: tuple[str, ...], url: str) -> Response:
    if wants_json():
        return json_response({"recoveryCodes": list(codes), "url": url})
    return render_page("genkan/account/recovery_codes.html", None, codes=codes, continue_url=url)
