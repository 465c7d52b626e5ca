"""`POST /api/auth/session` and `update()`: change the claims of a session through the jwt callback."""

from __future__ import annotations

import logging
from typing import Any

from genkan.adapters.sessions import session_id
from genkan.callbacks import JWTParams
from genkan.core import Core
from genkan.errors import AdapterError, InvalidSessionUpdate
from genkan.http import cookies
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.session import issuer
from genkan.session.reader import decode_session, find_cookie, reload_user
from genkan.session.revoker import revoke_id
from genkan.session.sessions import CachedSession, Sessions
from genkan.types import JSON

_log = logging.getLogger("genkan.session")

MAX_TEXT = 1000
"""Characters of a text that a client may send."""


def update(request: ActionRequest, core: Core) -> ActionResponse:
    """Pass the allowed fields of `data` to the jwt callback and respond with the new session, or null.

    Needs the CSRF token. 503 with null if the store fails, and 400 with null for any other error. Then nothing has changed.
    """
    result = find_cookie(request.cookies, core.sessions)
    names, cookie_value = result.cookie_names, result.cookie_value
    try:
        core.csrf.verify(request)
        if not names or (result.invalid and not cookie_value):
            return ActionResponse(cookies=cookies.clear(names, secure=core.secure))
        data = _allowed_fields(request.body.get("data"), core)
        cached, set_cookies = apply_update(data, cookie_value, names, core.sessions)
        return ActionResponse(body=cached.session.to_json() if cached else None, cookies=set_cookies)
    except AdapterError:
        return ActionResponse(503, headers={"Retry-After": "5"})
    except Exception as error:  # noqa: BLE001 (a callback of the application may raise anything)
        _log.warning("session was not updated", extra={"error": type(error).__name__})
        return ActionResponse(400)


def apply_update(
    data: JSON, cookie_value: str, cookie_names: tuple[str, ...], sessions: Sessions
) -> tuple[CachedSession | None, tuple[Cookie, ...]]:
    """Call the jwt callback with `trigger="update"`. Returns the session and its cookies.

    The session is None, and the cookies delete it, if it is invalid or the callback returns None, which revokes it.
    Raises what the callbacks raise, and AdapterError.
    """
    sessions.revocations.refresh()
    decoded = decode_session(cookie_value, sessions.clock(), sessions)
    # If the stored user has changed, reload it first: an update must not re-issue a role that was taken away.
    claims = decoded and (reload_user(decoded[0], sessions) if decoded[1] == "changed" else decoded[0])
    token = claims and sessions.callbacks.jwt(JWTParams(token=dict(claims), trigger="update", session=data))
    if claims is None or token is None:
        if decoded is not None:
            sid = session_id(decoded[0])
            if sid is not None:
                revoke_id(sid, "owner", sessions)
        return None, cookies.clear(cookie_names, secure=sessions.secure)
    if isinstance(data, dict) and data and token == claims and not data.keys() & token.keys():
        _log.warning('update() has changed nothing: the jwt callback has no code for trigger="update"')
    token = issuer.keep_reserved_claims(claims, token)
    return issuer.update_session(token, cookie_value, cookie_names, sessions)


def _allowed_fields(data: Any, core: Core) -> JSON:
    """Return the fields that are allowed. Raises InvalidSessionUpdate for a value of another type or a long text."""
    if not isinstance(data, dict):
        return None
    allowed = {name: value for name, value in data.items() if name in core.updatable_fields}
    for name, value in allowed.items():
        is_too_long = isinstance(value, str) and len(value) > MAX_TEXT
        if type(value) is not core.updatable_fields[name] or is_too_long:
            raise InvalidSessionUpdate("a field is of another type, or too long")
    return allowed
