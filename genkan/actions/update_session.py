"""Changing what a session says while it lasts: what a client, or the application itself, asks for."""

from __future__ import annotations

import logging
from typing import Any

from genkan.callbacks import JWTParams
from genkan.core import CachedSession, Core
from genkan.errors import InvalidSessionUpdate
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse, Cookie
from genkan.session import issuer
from genkan.session.reader import SessionResult, decode_session, reload_user
from genkan.session.revoker import revoke_token
from genkan.types import JSON

_log = logging.getLogger("genkan.session")

MAX_TEXT = 1000
"""Characters of a text that a client may set."""


def update(request: ActionRequest, options: Core) -> ActionResponse:
    """`POST /api/auth/session`: the jwt callback decides what of `data` it takes; the new session, or null.

    It is handed only what `options.updatable` lists; a value of another type than stands there is a failure, and any
    failure is 400 with null and changes nothing.
    """
    cookie = cookies.read_session(request.cookie_header, options.cookie_names.session)
    try:
        options.csrf.check_origin(request.headers)
        options.csrf.check(cookies.read(request.cookie_header, options.cookie_names.csrf), request.csrf_token)
        if cookie is None:
            return ActionResponse()
        data = _allowed(request.body.get("data"), options)
        known, written = apply_update(
            data, SessionResult(cookie_names=cookie.names, cookie_value=cookie.token or ""), options
        )
        return ActionResponse(body=known.session.to_json() if known else None, cookies=written)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises, nothing changes)
        _log.warning("session not updated", extra={"error": type(error).__name__})
        return ActionResponse(400)


def apply_update(data: JSON, reading: SessionResult, options: Core) -> tuple[CachedSession | None, tuple[Cookie, ...]]:
    """The session after the jwt callback was asked with `trigger="update"`, and its cookies.

    None, and cookies that delete it, where it has ended, or where the callback ends it, for every copy of its cookie.
    Raises whatever the callback does.
    """
    options.revocations.refresh()
    found = decode_session(reading.cookie_value, options.clock(), options)
    # News of the user first: nobody keeps a role that they have lost by re-issuing what they had.
    claims = found and (reload_user(found[0], options) if found[1] == "changed" else found[0])
    changed = claims and options.callbacks.jwt(JWTParams(token=dict(claims), trigger="update", session=data))
    if claims is None or changed is None:
        if found is not None:
            revoke_token(found[0], "owner", options)
        return None, cookies.clear(reading.cookie_names, secure=options.secure)
    # Whatever the callback took over from the browser, the sign-in was when it was (S6).
    return issuer.update_session(
        issuer.keep_reserved_claims(claims, changed), reading.cookie_names, options, text=reading.cookie_value
    )


def _allowed(data: Any, options: Core) -> JSON:
    """What of a client's wishes it may have at all; one that is not of its type is an error, the rest is left out."""
    if not isinstance(data, dict):
        return None
    wished = {name: value for name, value in data.items() if name in options.updatable_fields}
    for name, value in wished.items():
        is_too_long = isinstance(value, str) and len(value) > MAX_TEXT
        if type(value) is not options.updatable_fields[name] or is_too_long:
            raise InvalidSessionUpdate("not of the type that it has to be")
    return wished
