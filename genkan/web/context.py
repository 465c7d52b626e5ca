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

from flask import Response, current_app, request
from werkzeug.local import LocalProxy

from genkan import signals
from genkan.core import Core
from genkan.errors import AdapterError, InvalidSettings, NoRequestContext
from genkan.http.cookies import Cookie, RequestCookies
from genkan.http.csrf import CSRFPair
from genkan.session import reader
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import CurrentUser, Session
from genkan.web.compression import compress
from genkan.web.state import AppState, RequestState, get_state, is_error_page, is_sent_by_own_site, script_root

_ATTRIBUTE = "genkan_state"

_log = logging.getLogger("genkan.session")


def app_state() -> AppState:
    """Return the state of the current application. Raises NoRequestContext if it has no Genkan."""
    try:
        return get_state(current_app)
    except KeyError:
        raise NoRequestContext(
            "auth() was called in an application without Genkan. Call Genkan.init_app(app) in create_app()."
        ) from None


def get_core() -> Core:
    """Return the core of the current application. Raises NoRequestContext like `app_state`."""
    return app_state().core


def start_request(app: AppState) -> RequestState:
    """Return the state of the current request. Attaches a new one if nothing in this request has asked for it yet."""
    state: RequestState | None = getattr(request, _ATTRIBUTE, None)
    return _attach_state(app) if state is None else state


def _attach_state(app: AppState) -> RequestState:
    state = RequestState(app, RequestCookies(request.environ.get("HTTP_COOKIE")))
    setattr(request, _ATTRIBUTE, state)
    return state


def request_state() -> RequestState:
    """Return the state of the current request. Raises NoRequestContext outside a request or without Genkan."""
    try:
        state: RequestState | None = getattr(request, _ATTRIBUTE, None)
    except RuntimeError:
        raise NoRequestContext(
            "auth() was called outside a request. Call it in a view or a template, or pass the session as an argument."
        ) from None
    return _attach_state(app_state()) if state is None else state


def auth() -> Session | None:
    """Return the session of the signed-in user of the current request. None if no user is signed in.

    The first call decodes at most one token and calls the `jwt` and `session` callbacks at most once. Any error gives
    None and a log record. The response becomes private: `Cache-Control: private, no-store` and `Vary: Cookie`. Raises
    NoRequestContext outside a request, and in an application without Genkan.
    """
    on_error_page = is_error_page()
    try:
        return session_result().session
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


def add_static_headers(response: Response) -> Response:
    """Add all headers of an uncached JSON response at once, for routes that are called often."""
    state = request_state()
    for name, value in state.app.json_headers:
        response.headers.add(name, value)
    state.final_response = response
    return response


def process_response(app: AppState, response: Response) -> Response:
    """Add to a response: compression, queued cookies, a refreshed session, and the headers. Called after every view."""
    is_strict = app.strict or app.is_own(request.endpoint)
    is_asked = getattr(request, _ATTRIBUTE, None) is not None
    if not app.is_built:
        return _keep_from_shared_caches(response) if _may_ask_later(response) else response
    if not is_strict and (app.is_static(request.endpoint) or not (is_asked or _may_ask_later(response))):
        return response
    state = start_request(app)
    is_final = state.final_response is response and "no-store" in response.headers.get("Cache-Control", "")
    if not is_final:
        _read_ahead(response, state, is_strict=is_strict)
    if not is_final and is_strict:
        compress(request, response)
    _add_cookies(response, state)
    if state.read_seconds is not None and is_strict:
        response.headers.add("Server-Timing", f"auth;dur={state.read_seconds * 1000:.3f}")
    if not is_final:
        _add_headers(response, state, is_strict=is_strict)
    return response


def _add_cookies(response: Response, state: RequestState) -> None:
    core, result = state.app.core, state.result
    if state.cookies.is_unreadable:
        return  # A cookie of ours would replace one that was not seen, such as a valid session.
    if result is not None and result.cookie_names:
        state.set_cookies = [*reader.refresh(result, core.sessions), *state.set_cookies]
    for cookie in state.set_cookies:
        response.headers.add("Set-Cookie", cookie.to_header(core.cookie_path))


def _add_headers(response: Response, state: RequestState, *, is_strict: bool) -> None:
    result = state.result
    private = result is not None or bool(state.set_cookies) or state.csrf_pair is not None or _may_ask_later(response)
    signed_in = result is not None and result.cached is not None
    if is_strict:
        state.app.headers.apply(response.headers, private=private, signed_in=signed_in)
    elif private:
        _mark_private(response, state, signed_in=signed_in)


def _mark_private(response: Response, state: RequestState, *, signed_in: bool) -> None:
    """Let no shared cache keep an answer of the application's own view that depends on the session."""
    if signed_in or state.set_cookies or _may_ask_later(response):
        _keep_from_shared_caches(response)
    else:
        response.vary.add("Cookie")


def _may_ask_later(response: Response) -> bool:
    """Return True for the body of a generator, which may ask for the session after the headers have been sent."""
    return _is_generated(response) and _has_session_cookie(app_state())


def _is_generated(response: Response) -> bool:
    return response.is_streamed and not response.direct_passthrough


def _read_ahead(response: Response, state: RequestState, *, is_strict: bool) -> None:
    """Read the session and the CSRF token for a page from a generator, whose body may ask when no header can be added.

    Without a session cookie only a strict application has forms for such a page. One that says `public` has none.
    """
    # Werkzeug's own error pages are iterators, too, and ask for nothing.
    if not _is_generated(response) or response.mimetype != "text/html" or response.status_code >= 400:
        return
    if _has_session_cookie(state.app):
        session_result()
    elif not is_strict or response.cache_control.public:
        return
    csrf_pair()


def _has_session_cookie(app: AppState) -> bool:
    # Before the settings are needed, every cookie with the last part of our name counts.
    name = app.core.cookie_names.session if app.is_built else "session-token"
    return name in request.environ.get("HTTP_COOKIE", "")


def _keep_from_shared_caches(response: Response) -> Response:
    response.vary.add("Cookie")
    if not (response.cache_control.private or response.cache_control.no_store):
        response.headers["Cache-Control"] = "private, no-store"
    return response


def _read_session(state: RequestState) -> SessionResult:
    app = state.app
    if not app.is_own(request.endpoint) and not is_sent_by_own_site(app.core):
        # Another site caused the request, so it has no session for any view or library that asks.
        state.result = NO_SESSION
        return NO_SESSION
    started = perf_counter()
    # A callback that calls auth() while the session is being read gets None.
    state.result = NO_SESSION
    result = state.result = reader.read(state.cookies, app.core.sessions)
    if result.cached is not None and signals.session.receivers:
        signals.send(signals.session, session=result.cached.session, token=deepcopy(result.cached.token))
    if app.server_timing:
        state.read_seconds = perf_counter() - started
        app.warn_of_unknown_cookie(result)
    return result
