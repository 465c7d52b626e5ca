"""Account page: profile, sessions, linked accounts, recent activity, and deletion of the account.

A form answers htmx requests with its section of the page, and other requests with a redirect to the page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions import users
from genkan.actions.second_factor import change as second_factors
from genkan.actions.second_factor.level import required_level
from genkan.adapters.passkeys import PROVIDER as PASSKEY
from genkan.adapters.sessions import session_id
from genkan.errors import LastAccountError
from genkan.session.activity import ClientInfo
from genkan.session.reader import SessionResult
from genkan.types import str_claim
from genkan.web.access import fresh_login_required, own_blueprint, require_fresh
from genkan.web.context import app_state, auth, get_core, session_result, set_session_result
from genkan.web.convert import to_request
from genkan.web.menu import account_url, home_url
from genkan.web.responses import is_htmx, see_other
from genkan.web.server_actions import link, sign_out

bp = own_blueprint(Blueprint("genkan_account", __name__))
"""Registered below `Pages.account`."""

FRESH_MAX_AGE = 300
"""Seconds since the last authentication at a provider, for unlinking an account and for deleting the user."""

ACTIVITY_LIMIT = 20
"""Lines of recent activity on the page."""

NOTICES = {
    "renamed", "ended", "others-ended", "unlinked", "linked", "password-changed", "address-changed", "second-factor-off",
    "device-revoked",
}  # fmt: skip
"""Values of the query parameter `notice`. Each shows the result of an action at the top of its section."""

STATELESS_VIEWS = {"index", "profile_details"}
"""Views that work without a database. The others are 404 then."""

ViewResponse = str | Response | BaseResponse

APPLICATION_VIEWS = {"rename", "delete_page", "delete"}
"""Views for what an application with users of its own does itself: to change a name, and to delete a user. 404 then."""


@bp.before_request
def _require_support() -> None:
    core, view = get_core(), (request.endpoint or "").rpartition(".")[2]
    if (core.is_stateless and view not in STATELESS_VIEWS) or (core.own_users and view in APPLICATION_VIEWS):
        abort(404)


@bp.get("")
def index() -> Response:
    """Render the whole page."""
    notice = request.args.get("notice")
    return _render_page(notice=notice if notice in NOTICES else None)


@bp.post("/name")
def rename() -> ViewResponse:
    """Change the display name."""
    name = request.form.get("name", "")
    try:
        user = users.rename(_user_id(), name, _client_info(), get_core())
    except ValueError:
        return _show_error("profile", 422, submitted_name=name[:1000])
    return _show_result("profile", "renamed", "session-changed") if user else abort(404)


@bp.post("/sessions/<sid>/end")
def revoke_session(sid: str) -> ViewResponse:
    """Revoke one session. The current session is signed out instead."""
    if sid == _current_sid():
        return _sign_out(home_url())
    return _show_result("sessions", "ended") if users.revoke_session(_user_id(), sid, get_core()) else abort(404)


@bp.post("/sessions/end-others")
def revoke_other_sessions() -> ViewResponse:
    """Revoke every session but the current one."""
    core, token = get_core(), session_result().token
    device = core.second_factor.devices.token_hash(to_request().cookies) if core.second_factor else None
    users.revoke_sessions(_user_id(), core, except_token=token, except_device=device)
    return _show_result("sessions", "others-ended")


@bp.post("/devices/<id>/revoke")
def revoke_device(id: str) -> ViewResponse:
    """Ask for the second factor on one trusted device again."""
    core = get_core()
    factor = core.second_factor or abort(404)
    is_revoked = second_factors.revoke_device(_user_id(), id, _client_info(), core, factor)
    return _show_result("second_factor", "device-revoked") if is_revoked else abort(404)


@bp.post("/accounts/<provider_id>/link")
def link_account(provider_id: str) -> ViewResponse:
    """Redirect to the provider to link one more account. `link` requires a recent authentication."""
    if get_core().adapter.get_user(_user_id()) is None:
        abort(404)
    return link(provider_id, redirect_to=f"{account_url()}?notice=linked")


@bp.post("/accounts/<provider_id>/unlink")
@fresh_login_required(within=FRESH_MAX_AGE)
def unlink_account(provider_id: str) -> ViewResponse:
    """Unlink an account, with the second factor of a user who has one. The last one cannot be unlinked.

    404 for a passkey, which its own page removes.
    """
    core = get_core()
    if (refusal := _require_proof()) is not None:
        return refusal
    if provider_id == PASSKEY and core.passkeys is not None:
        abort(404)
    try:
        unlinked = users.unlink(_user_id(), provider_id, request.form.get("account", ""), _client_info(), core)
    except LastAccountError:
        return _show_error("accounts", 409)
    return _show_result("accounts", "unlinked") if unlinked else abort(404)


@bp.get("/delete")
@fresh_login_required(within=FRESH_MAX_AGE)
def delete_page() -> ViewResponse:
    """Render the page that lists what a deletion removes and asks for confirmation."""
    if (refusal := _require_proof()) is not None:
        return refusal
    user = get_core().adapter.get_user(_user_id()) or abort(404)
    return render_template("genkan/account/delete.html", **{**_sessions(), **_accounts(), "user": user})


@bp.post("/delete")
@fresh_login_required(within=FRESH_MAX_AGE)
def delete() -> ViewResponse:
    """Delete the user and sign out. A user who has a second factor has to prove it."""
    if (refusal := _require_proof()) is not None:
        return refusal
    users.delete((get_core().adapter.get_user(_user_id()) or abort(404)).id, get_core())
    return _sign_out_revoked(f"{home_url()}?account=deleted")


def utc(seconds: int) -> datetime:
    """Return Unix time as a datetime in UTC. The template filter `genkan_utc`."""
    return datetime.fromtimestamp(seconds, UTC)


def _profile() -> dict[str, Any]:
    return {"session": auth(), "user": get_core().adapter.get_user(_user_id())}


def _sessions() -> dict[str, Any]:
    records = users.list_sessions(_user_id(), get_core())
    # The current session comes first.
    return {"records": sorted(records, key=lambda record: record.id != _current_sid()), "current_sid": _current_sid()}


def _accounts() -> dict[str, Any]:
    accounts = users.list_accounts(_user_id(), get_core())
    core = get_core()
    passkeys = core.passkeys.store.list(_user_id()) if core.passkeys is not None else []
    has_password = core.passwords is not None and core.passwords.store.password(_user_id()) is not None
    return {
        "accounts": accounts,
        "linkable": users.linkable_providers(accounts, core),
        "user": core.adapter.get_user(_user_id()),
        "has_email": core.email is not None,
        "has_passwords": core.passwords is not None,
        "has_password": has_password,
        "has_passkeys": core.passkeys is not None or core.passkeys_are_blocked,
        "passkey_count": len(passkeys),
    }


def _second_factor() -> dict[str, Any]:
    factor, user_id = get_core().second_factor, _user_id()
    if factor is None or session_result().user_id is None:
        return {"has_second_factor": False}
    request_hash = factor.devices.token_hash(to_request().cookies)
    return {
        "has_second_factor": True,
        "is_second_factor_on": factor.is_on(user_id),
        "codes_left": factor.store.codes_left(user_id),
        "trusted_devices": factor.store.list_devices(user_id),
        "current_device": request_hash,
    }


def _activity() -> dict[str, Any]:
    return {"activity": users.list_activity(_user_id(), ACTIVITY_LIMIT, get_core())}


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "profile": _profile,
    "sessions": _sessions,
    "accounts": _accounts,
    "second_factor": _second_factor,
    "activity": _activity,
}
"""The sections of the page and the functions that return their template variables."""

NO_RESULT: dict[str, Any] = {"notice": None, "error_section": None, "submitted_name": None}
"""The template variables about an action, if there was none."""


def _render_page(**more: Any) -> Response:
    context: dict[str, Any] = {"is_stateless": get_core().is_stateless, **NO_RESULT}
    for section_context in [_profile] if get_core().is_stateless else SECTIONS.values():
        context |= section_context()
    html = render_template("genkan/account/index.html", provider_name=_provider_name, **{**context, **more})
    page = make_response(html)
    # Without JavaScript, the forms that link an account are redirected to a provider, which `form-action` must allow.
    page.headers["Content-Security-Policy"] = app_state().headers.sign_in_policy
    return page


def _render_section(section: str, **more: Any) -> str:
    context = {**NO_RESULT, **SECTIONS[section](), **more}
    return render_template(f"genkan/account/_{section}.html", provider_name=_provider_name, **context)


@bp.get("/partials/facts")
def profile_details() -> str:
    """Render the details of the profile for htmx, without the form."""
    return render_template("genkan/account/_profile_details.html", **_profile())


@bp.get("/partials/sessions")
def sessions_section() -> str:
    """Render the section with the sessions for htmx."""
    return _render_section("sessions")


@bp.get("/partials/activity")
def activity_section() -> str:
    """Render the section with the recent activity for htmx."""
    return _render_section("activity")


def _show_result(section: str, notice: str, event: str = "account-changed") -> ViewResponse:
    if not is_htmx():
        return see_other(f"{account_url()}?notice={notice}")
    response = make_response(_render_section(section, notice=notice))
    # The event is sent to the body, because the element that made the request has been replaced by then.
    response.headers["HX-Trigger"] = f'{{"{event}": {{"target": "body"}}}}'
    return response


def _show_error(section: str, status: int, **more: Any) -> ViewResponse:
    # The htmx settings keep error responses out of the page, so htmx gets the section with status 200.
    if is_htmx():
        return _render_section(section, error_section=section, **more)
    return make_response(_render_page(error_section=section, **more), status)


def _sign_out(callback_url: str) -> ViewResponse:
    response = sign_out(redirect_to=callback_url)
    if not is_htmx() or "HX-Redirect" in response.headers:
        return response
    if response.status_code == 202:
        # The menu that offers to try again.
        response.headers.update({"HX-Retarget": "#user-menu", "HX-Reswap": "outerHTML"})
        return response
    return Response(status=204, headers={"HX-Redirect": callback_url})


def _sign_out_revoked(callback_url: str) -> ViewResponse:
    # The session was revoked already, so the sign-out only deletes cookies and sends no signal.
    set_session_result(SessionResult(cookie_names=session_result().cookie_names, invalid=True))
    return _sign_out(callback_url)


def _require_proof() -> Response | None:
    return require_fresh(FRESH_MAX_AGE, required_level(_user_id(), get_core()))


def _user_id() -> str:
    return str_claim(session_result().token, "sub") or ""


def _current_sid() -> str:
    return session_id(session_result().token) or ""


def _client_info() -> ClientInfo:
    return ClientInfo.of(request.headers.get("User-Agent", ""), request.remote_addr)


def _provider_name(id: str) -> str:
    return users.provider_name(id, get_core())
