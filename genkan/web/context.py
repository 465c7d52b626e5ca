"""The state of one application and of one request, `auth()` and `current_user`.

The state of a request is kept on the request and nowhere else. An application context can outlive a request: a test
client that sends a request inside an open one would share it with the next request.
"""

from __future__ import annotations

import logging
import secrets
from copy import deepcopy
from time import perf_counter
from typing import Any

from flask import Request
from werkzeug.local import LocalProxy

from genkan import signals
from genkan.core import Core
from genkan.errors import AdapterError, InvalidSettings, NoRequestContext
from genkan.http.cookies import Cookie, RequestCookies
from genkan.http.csrf import CSRFPair
from genkan.session import reader
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import CurrentUser, Session
from genkan.web.state import (
    AppState,
    RequestState,
    get_app,
    get_request,
    get_state,
    is_error_page,
    is_sent_by_own_site,
    script_root,
)

STATE = "genkan_state"
"""Attribute of a request that has its RequestState."""

_log = logging.getLogger("genkan.session")


def app_state() -> AppState:
    """Return the state of the current application. Raises NoRequestContext if it has no Genkan."""
    try:
        return get_state(get_app())
    except KeyError:
        raise NoRequestContext(
            "auth() was called in an application without Genkan. Call Genkan.init_app(app) in create_app()."
        ) from None


def get_core() -> Core:
    """Return the core of the current application. Raises NoRequestContext like `app_state`."""
    return app_state().core


def attach_state(request: Request, app: AppState) -> RequestState:
    """Attach a new state to a request that has none, and return it."""
    state = RequestState(app, RequestCookies(request.environ.get("HTTP_COOKIE")))
    setattr(request, STATE, state)
    return state


def request_state() -> RequestState:
    """Return the state of the current request. Attaches a new one if nothing in this request has asked for it yet.

    Raises NoRequestContext outside a request or without Genkan.
    """
    try:
        request = get_request()
    except RuntimeError:
        raise NoRequestContext(
            "auth() was called outside a request. Call it in a view or a template, or pass the session as an argument."
        ) from None
    state: RequestState | None = getattr(request, STATE, None)
    return attach_state(request, app_state()) if state is None else state


def auth() -> Session | None:
    """Return the session of the signed-in user of the current request. None if no user is signed in.

    The first call decodes at most one token and calls the `jwt` and `session` callbacks at most once. Any error gives
    None and a log record. The response becomes private: `Cache-Control: private, no-store` and `Vary: Cookie`. Raises
    NoRequestContext outside a request, and in an application without Genkan.
    """
    state = request_state()
    if state.result is not None:
        return state.result.session
    on_error_page = is_error_page()
    try:
        return _read_session(state).session
    except InvalidSettings:
        if not on_error_page:
            raise
        return None


def load_user() -> Any:
    """Return the object that `current_user` stands for. None if no user is signed in. Raises like `auth`.

    It is the application's own user, loaded once for each request in the application's own session. An application
    without users of its own gets a `CurrentUser`.
    """
    result, state = session_result(), request_state()
    own_users = state.app.core.own_users
    if result.session is None:
        return None
    if own_users is None:
        return CurrentUser(result.session.user)
    if state.own_user is None and result.user_id is not None:
        try:
            state.own_user = own_users.load(result.user_id)
        except AdapterError as error:
            _log.error("the application's user could not be loaded", extra={"error": type(error.__cause__).__name__})
    return state.own_user


current_user: Any = LocalProxy(load_user)
"""The signed-in user. It is false if no user is signed in: `if current_user`."""


def session_result() -> SessionResult:
    """Return the session of the current request with its claims and cookies. Raises like `auth`."""
    state = request_state()
    return _read_session(state) if state.result is None else state.result


def set_session_result(result: SessionResult) -> None:
    """Replace the session of the current request, after a sign-in, a sign-out or an update. It is not refreshed."""
    state = request_state()
    state.result, state.own_user = result, None


def csrf_token() -> str:
    """Return the CSRF token for a form of this response, masked. Sets the CSRF cookie if the browser has none."""
    return csrf_pair().mask()


def csrf_pair() -> CSRFPair:
    """Return the CSRF token and its cookie's value. Sets the cookie if the browser has none."""
    state = request_state()
    if state.csrf_pair is None:
        core = state.app.core
        state.csrf_pair = core.csrf.load(state.cookies.get(core.cookie_names.csrf))
        if state.csrf_pair is None:
            state.csrf_pair = core.csrf.create()
            state.set_cookies.append(core.csrf.cookie(state.csrf_pair))
    return state.csrf_pair


def set_csrf_pair(cookie: Cookie) -> None:
    """Use this new CSRF cookie for forms rendered later in this request."""
    state = request_state()
    state.csrf_pair = state.app.core.csrf.load(cookie.value)


def queue_cookies(*cookies: Cookie) -> None:
    """Queue cookies. They are added to the response of this request."""
    request_state().set_cookies.extend(cookies)


def request_id() -> str:
    """Return the id of this request: 12 hexadecimal characters, on error pages and in the log."""
    state = request_state()
    state.request_id = state.request_id or secrets.token_hex(6)
    return state.request_id


def session_fingerprint() -> str:
    """Return an opaque id of the signed-in user, so that a page notices when the user changes. Empty if none is."""
    cached = session_result().cached
    if cached is None:
        return ""
    if not cached.fingerprint:
        subject = cached.token.get("sub") or cached.session.user.email or cached.session.user.name
        cached.fingerprint = get_core().csrf.hmac_id(str(subject))
    return cached.fingerprint


def site_root() -> str:
    """Return the path below which browsers find the application: that of AUTH_URL, else the prefix of the request."""
    return get_core().prefix or script_root()


def base_path() -> str:
    """Return the path of Auth.js's actions, with the prefix."""
    return site_root() + get_core().pages.base_path


def _read_session(state: RequestState) -> SessionResult:
    app, request = state.app, get_request()
    if not (is_sent_by_own_site(request, app.core) or app.is_own(request.endpoint)):
        # Another site caused the request, so it has no session for any view or library that asks.
        state.result = NO_SESSION
        return NO_SESSION
    started = perf_counter() if app.server_timing else 0.0
    # A callback that calls auth() while the session is being read gets None.
    state.result = NO_SESSION
    result = state.result = reader.read(state.cookies, app.core.sessions)
    if result.cached is not None and signals.session.receivers:
        signals.send(signals.session, session=result.cached.session, token=deepcopy(result.cached.token))
    if app.server_timing:
        state.read_seconds = perf_counter() - started
        app.warn_of_unknown_cookie(result)
    return result
