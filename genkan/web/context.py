"""The state of one application and of one request, and `auth()`.

The state of a request is kept on the request and nowhere else. An application context can outlive a request: a test
client that sends a request inside an open one would share it with the next request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import parse_qsl, quote, urlsplit

from flask import Response, current_app, request
from flask.sansio.app import App

from genkan import signals
from genkan.core import BASE_PATH, Core
from genkan.errors import NoRequestContext
from genkan.http.cookies import Cookie, RequestCookies
from genkan.http.csrf import CSRFPair
from genkan.http.urls import relative_url, same_origin_url
from genkan.session import reader
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import Session
from genkan.web.compression import compress
from genkan.web.headers import SecurityHeaders

EXTENSION = "genkan"
"""The key in `app.extensions`."""

_ATTRIBUTE = "genkan_state"


@dataclass(slots=True)
class AppState:
    """The state of one application. Endpoints and blueprints are complete at the first request."""

    core: Core
    headers: SecurityHeaders
    server_timing: bool
    """True in development: the Server-Timing header tells how long reading the session took."""
    json_headers: list[tuple[str, str]]
    """All headers of an uncached JSON response, except type and length."""
    public: set[str] = field(default_factory=set)
    """Endpoints that need no session."""
    csrf_exempt: set[str] = field(default_factory=set)
    """Endpoints that check the CSRF token themselves."""
    json_blueprints: set[str] = field(default_factory=set)
    """Blueprints whose refusals are JSON."""
    exempt_blueprints: set[str] = field(default_factory=set)
    """Blueprints without session check and CSRF check."""
    before_request: list[Callable[[], None]] = field(default_factory=list)
    """Functions called at the start of every request. Flask inspects each hook of its own at each request (2 µs)."""


@dataclass(slots=True)
class RequestState:
    """The state of one request."""

    app: AppState
    cookies: RequestCookies
    result: SessionResult | None = None
    """The session. None until `auth()` was called."""
    csrf_pair: CSRFPair | None = None
    """The CSRF token for the forms of this response. None until a form needs it."""
    set_cookies: list[Cookie] = field(default_factory=list)
    request_id: str = ""
    final_response: Response | None = None
    """The response that has all its headers already."""
    has_menu_assets: bool = False
    """True if the page has the style sheet and the script of the user menu."""
    read_seconds: float | None = None
    """Seconds that reading the session took. Only measured in development."""


def get_state(app: App) -> AppState:
    """Return the state of this application. Raises KeyError if it has no Genkan."""
    state: AppState = app.extensions[EXTENSION]
    return state


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
    state = RequestState(app, RequestCookies(request.environ.get("HTTP_COOKIE", "")))
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
    return session_result().session


def session_result() -> SessionResult:
    """Return the session of the current request with its claims and cookies. Raises like `auth`."""
    state = request_state()
    return _read_session(state) if state.result is None else state.result


def set_session_result(result: SessionResult) -> None:
    """Replace the session of the current request, after a sign-in, a sign-out or an update. It is not refreshed."""
    request_state().result = result


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


def return_url() -> str:
    """Return the path to come back to after signing in. For htmx requests this is the path in HX-Current-URL."""
    state = request_state()
    core = state.app.core
    current = request.headers.get("HX-Current-URL")
    root = request.script_root
    actions = f"{root}{BASE_PATH}/"
    here = request.headers.get("Referer", f"{root}/")
    if request.method in ("GET", "HEAD"):
        here = root + request.full_path.rstrip("?")
    url = same_origin_url(current if current is not None else here, core.origin) or core.origin
    path = relative_url(url, core.origin)
    if path.startswith(actions):
        # A page about signing in was given a callback URL in its query or, after an error, in the cookie.
        remembered = state.cookies.get(core.cookie_names.callback_url)
        callback_url = dict(parse_qsl(urlsplit(path).query)).get("callbackUrl") or remembered or f"{root}/"
        path = relative_url(same_origin_url(callback_url, core.origin) or core.origin, core.origin)
    fragments = (f"{root}/partials/", f"{root}{core.pages.account}/partials/", root + core.pages.menu_path)
    return f"{root}/" if path.startswith((actions, *fragments)) else path


def sign_in_url() -> str:
    """Return the path of the sign-in page, with `return_url()` as its callback URL."""
    return f"{request.script_root}{BASE_PATH}/signin?callbackUrl={quote(return_url(), safe='')}"


def add_static_headers(response: Response) -> Response:
    """Add all headers of an uncached JSON response at once, for routes that are called often."""
    state = request_state()
    for name, value in state.app.json_headers:
        response.headers.add(name, value)
    state.final_response = response
    return response


def process_response(app: AppState, response: Response) -> Response:
    """Add to a response: compression, queued cookies, a refreshed session, and the headers. Called after every view."""
    state = start_request(app)
    is_final = state.final_response is response
    if not is_final:
        compress(request, response)
    result = state.result
    cookies = state.set_cookies
    if result is not None and result.cookie_names:
        cookies = [*reader.refresh(result, app.core.sessions), *cookies]
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie.to_header())
    if state.read_seconds is not None:
        response.headers.add("Server-Timing", f"auth;dur={state.read_seconds * 1000:.3f}")
    if not is_final:
        private = result is not None or bool(cookies) or state.csrf_pair is not None
        signed_in = result is not None and result.cached is not None
        app.headers.apply(response.headers, private=private, signed_in=signed_in)
    return response


def _read_session(state: RequestState) -> SessionResult:
    app = state.app
    started = perf_counter()
    # A callback that calls auth() while the session is being read gets None.
    state.result = NO_SESSION
    result = state.result = reader.read(state.cookies, app.core.sessions)
    if result.cached is not None and signals.session.receivers:
        signals.send(signals.session, session=result.cached.session, token=deepcopy(result.cached.token))
    if app.server_timing:
        state.read_seconds = perf_counter() - started
    return result
