"""Views of sign-in with passkeys: those of Auth.js, and the page where a user manages them."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions.callback_url import error_redirect
from genkan.actions.second_factor.level import required_level
from genkan.adapters.passkeys import PROVIDER, Passkey
from genkan.core import Core
from genkan.errors import (
    AdapterError,
    AdapterUnavailable,
    AuthError,
    CrossOriginRequest,
    InvalidCheck,
    LastAccountError,
    UnknownPasskey,
)
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import is_fresh
from genkan.passkey.credential import encode, read_credential, to_base64url
from genkan.passkey.parts import PasskeySignIn
from genkan.session.reader import NO_SESSION
from genkan.types import JSON
from genkan.web.access import fresh_login_required, login_required, own_blueprint
from genkan.web.context import get_core, session_result, set_session_result
from genkan.web.convert import to_request, to_response, wants_url
from genkan.web.email.views import FRESH_MAX_AGE, require_proof, stored_user
from genkan.web.error_messages import error_message
from genkan.web.menu import account_url
from genkan.web.pages.errors import render_page
from genkan.web.pages.sign_in import render_sign_in
from genkan.web.responses import is_htmx, json_response, see_other, wants_json

ID = PROVIDER
"""The id of this way to sign in, where a provider has one."""

NOTICES = {"added", "renamed", "removed"}
"""Values of the query parameter `notice` of the page."""

PROBLEMS = {
    "last": "This is your only way to sign in, so it stays. Add another one first.",
    "name": "Please type a name.",
}
"""Sentences for the reasons of a refusal."""

bp = own_blueprint(Blueprint("genkan_passkey", __name__))
"""Registered below `Pages.account`."""

_log = logging.getLogger("genkan.passkey")


def webauthn_options(provider_id: str) -> Response:
    """`GET /api/auth/webauthn-options/passkey`: what the browser needs to use or to make a passkey."""
    core = get_core()
    if provider_id != ID or core.passkeys is None:
        return to_response(ActionResponse(status=404, body={"error": "Not Found"}))
    # Imported here, as below, because an application without passkeys needs none of it.
    from genkan.actions.passkey.options import options  # noqa: PLC0415

    try:
        return to_response(options(to_request(), core, core.passkeys))
    except InvalidCheck:
        return to_response(ActionResponse(status=400, body={"error": "Invalid request"}))


def complete() -> Response:
    """`POST /api/auth/callback/passkey`: sign in with a passkey, complete a sign-in with one, or add one to the user."""
    from genkan.actions.passkey import register as register_action  # noqa: PLC0415
    from genkan.actions.passkey import sign_in as sign_in_action  # noqa: PLC0415

    core, passkeys = require_passkeys()
    action_request = to_request()
    is_registration = action_request.text("action") == "register"
    try:
        core.csrf.verify(action_request)
        if is_registration:
            action_response = register_action.register(action_request, core, passkeys)
        elif _is_second(action_request) and core.second_factor is not None:
            action_response = sign_in_action.complete_waiting(action_request, core, passkeys, core.second_factor)
        else:
            action_response = sign_in_action.sign_in(action_request, core, passkeys)
    except CrossOriginRequest:
        raise
    except (AuthError, AdapterError) as error:
        return _failed(error, action_request, core, is_registration=is_registration)
    if not is_registration:
        set_session_result(NO_SESSION)
    return to_response(action_response)


def require_passkeys() -> tuple[Core, PasskeySignIn]:
    """Return the core, and sign-in with passkeys. 404 if that is off."""
    core = get_core()
    return core, core.passkeys or abort(404)


@bp.get("/passkeys")
@login_required
def passkeys_page() -> Response:
    """Render the page with the user's passkeys. Where browsers have none, the page says why."""
    core = get_core()
    if core.passkeys is None and not core.passkeys_are_blocked:
        abort(404)
    if wants_json():
        listed = core.passkeys.store.list(stored_user().id) if core.passkeys is not None else []
        return json_response({"passkeys": [_as_json(passkey) for passkey in listed]})
    notice = request.args.get("notice")
    return render_page("genkan/account/passkeys.html", None, **_context(notice if notice in NOTICES else None))


@bp.get("/passkeys/add")
@fresh_login_required(within=FRESH_MAX_AGE)
def add_page() -> Response:
    """Render the same page, which has the form to add a passkey now that the user has authenticated."""
    return require_proof() or passkeys_page()


@bp.post("/passkeys/rename")
@login_required
def rename() -> Response | BaseResponse:
    """Store the name of a passkey."""
    from genkan.actions.passkey import manage  # noqa: PLC0415

    _, passkeys = require_passkeys()
    try:
        renamed = manage.rename(stored_user(), to_request(), passkeys)
    except ValueError:
        return _show(None, 422, problem="name")
    return _show("renamed") if renamed else abort(404)


@bp.post("/passkeys/remove")
@fresh_login_required(within=FRESH_MAX_AGE)
def remove() -> Response | BaseResponse:
    """Remove a passkey. The last way to sign in can't be removed."""
    from genkan.actions.passkey import manage  # noqa: PLC0415

    core, _ = require_passkeys()
    if (refusal := require_proof()) is not None:
        return refusal
    try:
        removed = manage.remove(stored_user(), to_request(), core)
    except LastAccountError:
        return _show(None, 409, problem="last")
    return _show("removed") if removed else abort(404)


def _show(notice: str | None, status: int = 200, problem: str | None = None) -> Response | BaseResponse:
    """Return the list for htmx, else a redirect to the page, or the page itself if there is a problem. JSON if that is
    wanted."""
    if is_htmx():
        # The htmx settings keep error responses out of the page.
        return make_response(render_template("genkan/account/_passkeys.html", **_context(notice, problem)))
    if problem is None:
        return see_other(f"{account_url('/passkeys')}?notice={notice}")
    if wants_json():
        return json_response({"error": "Configuration", "reason": problem, "message": PROBLEMS[problem]}, status)
    page = render_page("genkan/account/passkeys.html", None, **_context(notice, problem))
    page.status_code = status
    return page


def _context(notice: str | None, problem: str | None = None) -> dict[str, Any]:
    core, user, passkeys = get_core(), stored_user(), get_core().passkeys
    listed = passkeys.store.list(user.id) if passkeys is not None else []
    known = None
    if passkeys is not None:
        name = user.email or user.name or core.host
        known = {
            "rpId": passkeys.rp_id,
            "userId": encode(passkeys.store.handle(user.id).encode()),
            "allAcceptedCredentialIds": [to_base64url(passkey.credential_id) for passkey in listed],
            "name": name,
            "displayName": user.name or name,
        }
    return {
        "passkeys": listed,
        "notice": notice,
        "problem": PROBLEMS[problem] if problem else None,
        "known": known,
        "origin": core.origin,
        "is_fresh": is_fresh(session_result().token, FRESH_MAX_AGE, core.clock(), required_level(user.id, core)),
        "callback_url": f"{account_url('/passkeys')}?notice=added",
    }


def _as_json(passkey: Passkey) -> dict[str, JSON]:
    return {
        "id": passkey.credential_id,
        "name": passkey.name,
        "createdAt": passkey.created_at,
        "lastUsedAt": passkey.last_used_at,
        "isSynced": passkey.is_synced,
    }


def _is_second(action_request: ActionRequest) -> bool:
    return action_request.text("purpose") == "second"


def _failed(
    error: AuthError | AdapterError, action_request: ActionRequest, core: Core, *, is_registration: bool
) -> Response:
    failure = error if isinstance(error, AuthError) else AdapterUnavailable()
    extra = {"event": "sign-in-failed", "provider": ID, "code": failure.code, "reason": failure.reason}
    _log.warning("passkey not accepted", extra={**extra, "detail": str(failure)})
    if wants_url():
        return to_response(error_redirect(failure, core))
    message = error_message(failure.code, failure.reason)
    if is_registration:
        return render_page("genkan/error.html", message, retry_url=account_url("/passkeys"))
    if _is_second(action_request):
        return render_page("genkan/error.html", message, retry_url=account_url("/second"))
    is_unknown = isinstance(error, UnknownPasskey)
    unknown = to_base64url(read_credential(action_request.text("data")).id) if is_unknown else ""
    return render_sign_in(message, unknown_passkey=unknown)
