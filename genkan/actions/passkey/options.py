"""`GET /api/auth/webauthn-options/passkey`: what the browser needs for a new passkey, or to sign in with one."""

from __future__ import annotations

from genkan.actions.second_factor.complete import find_waiting
from genkan.actions.second_factor.level import required_level
from genkan.core import Core
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import is_fresh
from genkan.passkey.challenges import Purpose
from genkan.passkey.options import authentication_options, registration_options
from genkan.passkey.parts import PasskeySignIn
from genkan.session import reader

FRESH_MAX_AGE = 300
"""Seconds. A user who adds or removes a passkey must have authenticated in this time."""


def options(request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> ActionResponse:
    """Return `{"action", "options"}` and the cookie with the challenge. Raises AdapterError.

    `action` of the query is `authenticate`, with `purpose=fresh` to confirm who is signed in and with `purpose=second`
    to complete the sign-in that waits in this browser (InvalidCheck if none does), or `register`, which needs a session
    whose user authenticated in the last FRESH_MAX_AGE seconds: 401 otherwise. Without `action` a client that is not
    signed in or that names such a `purpose` authenticates. 400 for any other request, as for a registration without a
    session: an account needs a proven address.
    """
    session = reader.read(request.cookies, core.sessions)
    user_id = session.user_id if session.session is not None else None
    is_proof = not user_id or request.query.get("purpose") in ("fresh", "second")
    action = request.query.get("action") or ("authenticate" if is_proof else None)
    if action == "authenticate":
        purpose, owner_id = _purpose(user_id, request, core)
        challenge, cookies = passkeys.challenges.create(purpose, request.cookies, user_id=owner_id)
        body = {"action": action, "options": authentication_options(challenge, passkeys.rp_id)}
        return ActionResponse(body=body, cookies=cookies)
    if action != "register" or not user_id:
        return ActionResponse(status=400, body={"error": "Invalid request"})
    if not is_fresh(session.token, FRESH_MAX_AGE, core.clock(), required_level(user_id, core)):
        return ActionResponse(status=401, body={"error": "Unauthorized", "reason": "fresh"})
    return _registration(user_id, request, core, passkeys)


def _purpose(user_id: str | None, request: ActionRequest, core: Core) -> tuple[Purpose, str]:
    """Return what an authentication is for, and the id of the user whose passkey it needs. Empty for that of any user."""
    purpose = request.query.get("purpose")
    if purpose == "second" and core.second_factor is not None:
        return "second", find_waiting(request, core, core.second_factor).user.id
    return ("fresh", user_id) if user_id and purpose == "fresh" else ("sign_in", "")


def _registration(user_id: str, request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> ActionResponse:
    user = core.adapter.get_user(user_id)
    if user is None:
        return ActionResponse(status=400, body={"error": "Invalid request"})
    handle = passkeys.store.handle(user.id)
    challenge, cookies = passkeys.challenges.create("register", request.cookies, user_id=user.id, handle=handle)
    name = user.email or user.name or core.host
    options = registration_options(
        challenge,
        passkeys.rp_id,
        site=core.host,
        user_name=name,
        display_name=user.name or name,
        known=passkeys.store.list(user.id),
    )
    return ActionResponse(body={"action": "register", "options": options}, cookies=cookies)
