"""Changing what a session says while it lasts: what a client, or the application itself, asks for."""

from __future__ import annotations

import logging
from typing import Any

from genkan import cookies
from genkan.actions import issuing
from genkan.actions.ending import end_token
from genkan.actions.session import Reading, opened, refreshed
from genkan.callbacks import JWTParams
from genkan.errors import ForbiddenUpdate
from genkan.http import Cookie, Reply, Request
from genkan.identity import JSON
from genkan.options import Known, Options

_log = logging.getLogger("genkan.session")

MAX_TEXT = 1000
"""Characters of a text that a client may set."""


def update(request: Request, options: Options) -> Reply:
    """`POST /api/auth/session`: the jwt callback decides what of `data` it takes; the new session, or null.

    It is handed only what `options.updatable` lists; a value of another type than stands there is a failure, and any
    failure is 400 with null and changes nothing.
    """
    cookie = cookies.read_session(request.cookie_header, options.names.session)
    try:
        options.csrf.check_origin(request.headers)
        options.csrf.check(cookies.read(request.cookie_header, options.names.csrf), request.csrf_token)
        if cookie is None:
            return Reply()
        data = _allowed(request.body.get("data"), options)
        known, written = change(data, Reading(names=cookie.names, text=cookie.token or ""), options)
        return Reply(body=known.session.to_json() if known else None, cookies=written)
    except Exception as error:  # noqa: BLE001 (a callback is the application's code: whatever it raises, nothing changes)
        _log.warning("session not updated", extra={"error": type(error).__name__})
        return Reply(400)


def change(data: JSON, reading: Reading, options: Options) -> tuple[Known | None, tuple[Cookie, ...]]:
    """The session after the jwt callback was asked with `trigger="update"`, and its cookies.

    None, and cookies that delete it, where it has ended, or where the callback ends it, for every copy of its cookie.
    Raises whatever the callback does.
    """
    options.endings.current()
    found = opened(reading.text, options.clock(), options)
    # News of the user first: nobody keeps a role that they have lost by re-issuing what they had.
    claims = found and (refreshed(found[0], options) if found[1] == "changed" else found[0])
    changed = claims and options.callbacks.jwt(JWTParams(token=dict(claims), trigger="update", session=data))
    if claims is None or changed is None:
        if found is not None:
            end_token(found[0], "owner", options)
        return None, cookies.clear(reading.names, secure=options.secure)
    # Whatever the callback took over from the browser, the sign-in was when it was (S6).
    return issuing.issue(issuing.held(claims, changed), reading.names, options, text=reading.text)


def _allowed(data: Any, options: Options) -> JSON:
    """What of a client's wishes it may have at all; one that is not of its type is an error, the rest is left out."""
    if not isinstance(data, dict):
        return None
    wished = {name: value for name, value in data.items() if name in options.updatable}
    for name, value in wished.items():
        is_too_long = isinstance(value, str) and len(value) > MAX_TEXT
        if type(value) is not options.updatable[name] or is_too_long:
            raise ForbiddenUpdate("not of the type that it has to be")
    return wished
