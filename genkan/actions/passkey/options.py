"""`GET /api/auth/webauthn-options/passkey`: what the browser needs for a new passkey, or to sign in with one."""

from __future__ import annotations

from genkan.actions.second_factor.level import required_level
from genkan.core import Core
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import is_fresh
from genkan.passkey.options import authentication_options, registration_options
from genkan.passkey.parts import PasskeySignIn
from genkan.session import reader

FRESH_MAX_AGE = 300
"""Seconds. A user who adds or removes a passkey must have authenticated in this time."""


def options(request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> ActionResponse:
    """Return `{"action", "options"}` and the cookie with the challenge. Raises AdapterError.

    `action` of the query is `authenticate`, with `purpose=fresh` to confirm who is signed in, or `register`, which needs
    a session whose user authenticated in the last FRESH_MAX_AGE seconds: 401 otherwise. Without `action` a client that is
    not signed in authenticates. 400 for any other request, as for a registration without a session: an account needs a
    proven address.
    """
    session = reader.read(request.cookies, core.sessions)
    user_id = session.user_id if session.session is not None else None
    action = request.query.get("action") or (None if user_id else "authenticate")
    if action == "authenticate":
        is_step_up = bool(user_id) and request.query.get("purpose") == "fresh"
        challenge, cookies = passkeys.challenges.create(
            "fresh" if is_step_up else "sign_in", request.cookies, user_id=(user_id or "") if is_step_up else ""
        )
        body = {"action": action, "options": authentication_options(challenge, passkeys.rp_id)}
        return ActionResponse(body=body, cookies=cookies)
    if action != "register" or not user_id:
        return ActionResponse(status=400, body={"error": "Invalid request"})
    if not is_fresh(session.token, FRESH_MAX_AGE, core.clock(), required_level(user_id, core)):
        return ActionResponse(status=401, body={"error": "Unauthorized", "reason": "fresh"})
    return _registration(user_id, request, core, passkeys)


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
