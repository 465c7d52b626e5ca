"""`auth()`: who sent the current request, worked out once and remembered on the request and nowhere else (S10).

Not on the application context: a test client's request inside an open one would share it with the next request.
"""

from __future__ import annotations

import secrets
from copy import deepcopy
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from flask import Response, request

from genkan import signals
from genkan.core import BASE_PATH
from genkan.errors import NoRequestContext
from genkan.http import cookies
from genkan.http.csrf import CSRFPair
from genkan.http.messages import Cookie
from genkan.http.urls import relative_url, same_origin_url
from genkan.session import reader as sessions
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import Session
from genkan.web.compression import compress
from genkan.web.state import State, state

_SESSION, _READING, _CSRF, _COOKIES, _COMPLETE, _TIME, _ID = (
    f"genkan.{name}" for name in ("session", "reading", "csrf", "cookies", "complete", "time", "id")
)


# A documented method of the proxy in spite of its name. Each access through the proxy takes 2 µs, and one request makes
# five of them: 6 % of `GET /api/auth/session` (bench/in_process.py).
current_request = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001

STATE_KEY = "genkan.house"
"""Where the guard leaves the application's state on the request, so that it need not be looked up again."""


def auth() -> Session | None:
    """Who is signed in on the current request, or None; the same answer however often it is asked.

    The first question opens at most one token and runs the `jwt` and `session` callbacks at most once; trouble of
    any kind is None and a log line (S9). Asking makes the answer private: `Cache-Control: private, no-store` and
    `Vary: Cookie`. Raises OutsideRequestError outside a request, and where `init_app` never ran.
    """
    try:
        memo = current_request().__dict__
    except RuntimeError:
        raise NoRequestContext(
            "auth() was asked outside a request, where nobody is signed in or out. "
            "Ask it in a view or a template, or pass the session on from there as an argument."
        ) from None
    if _SESSION not in memo:
        return _ask(memo)
    found: Session | None = memo[_SESSION]
    return found


def session_result() -> SessionResult:
    """What `auth()` goes by; raises like it."""
    auth()
    found: SessionResult = current_request().__dict__[_READING]
    return found


def set_session_result(now: SessionResult) -> None:
    """From here on `auth()` says this; for the request that signed somebody in or out, which is not renewed either."""
    current_request().__dict__.update({_SESSION: now.session, _READING: now})


def csrf_token() -> str:
    """The token for this page's forms, in a spelling of its own; the browser gets its cookie if it has none."""
    return csrf_pair().mask()


def csrf_pair() -> CSRFPair:
    """The browser's pair, made now if it has none."""
    memo = current_request().__dict__
    pair: CSRFPair | None = memo.get(_CSRF)
    if pair is None:
        options = _house(memo).core
        pair = options.csrf.load(cookies.read(request.environ.get("HTTP_COOKIE", ""), options.cookie_names.csrf))
        if pair is None:
            pair = options.csrf.create()
            queue_cookies(Cookie(options.cookie_names.csrf, pair.cookie, options.secure))
        memo[_CSRF] = pair
    return pair


def set_csrf_pair(token_cookie: Cookie) -> None:
    """The pair a reply is about to set is the one its own page must use."""
    options = state().core
    current_request().__dict__[_CSRF] = options.csrf.load(token_cookie.value)


def queue_cookies(*to_set: Cookie) -> None:
    """Set these with the answer, whatever it will be."""
    current_request().__dict__.setdefault(_COOKIES, []).extend(to_set)


def request_id() -> str:
    """A name for this request that a visitor can quote and a log line can be found by."""
    found: str = current_request().__dict__.setdefault(_ID, secrets.token_hex(6))
    return found


def session_fingerprint() -> str:
    """A short opaque word for the person signed in, for noticing that it is somebody else now; "" for nobody."""
    known = session_result().known
    if known is None:
        return ""
    if not known.fingerprint:
        subject = known.token.get("sub") or known.session.user.email or known.session.user.name
        known.fingerprint = state().core.csrf.hmac_id(str(subject))
    return known.fingerprint


def return_url() -> str:
    """The path of the page the visitor is on: for a fragment the page around it, if that is ours."""
    options = state().core
    current = request.headers.get("HX-Current-URL")
    here = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else request.headers.get("Referer", "/")
    url = same_origin_url(current if current is not None else here, options.origin) or options.origin
    path = relative_url(url, options.origin)
    if path.startswith(f"{BASE_PATH}/"):
        # From a page about signing in the way back is the one it was given, not that page; after a failure it is told
        # by the cookie alone.
        remembered = cookies.read(request.environ.get("HTTP_COOKIE", ""), options.cookie_names.callback_url)
        asked_for = dict(parse_qsl(urlsplit(path).query)).get("callbackUrl") or remembered or "/"
        path = relative_url(same_origin_url(asked_for, options.origin) or options.origin, options.origin)
    return "/" if path.startswith((f"{BASE_PATH}/", "/partials/")) else path


def sign_in_url() -> str:
    """The sign-in page, with the way back to the page the visitor is on."""
    return f"{BASE_PATH}/signin?callbackUrl={quote(return_url(), safe='')}"


def add_static_headers(response: Response) -> Response:
    """Give a short JSON answer that no cache keeps all its headers at once, for a route that is asked all the time."""
    memo = current_request().__dict__
    house = _house(memo)
    for name, value in house.json_headers:
        response.headers.add(name, value)
    memo[_COMPLETE] = response
    return response


def process_response(house: State, response: Response) -> Response:
    """The last thing done to every answer: parked cookies, renewal, privacy and the standing headers."""
    request = current_request()
    memo = request.__dict__
    is_complete = memo.get(_COMPLETE) is response
    if not is_complete:
        compress(request, response)
    asked: SessionResult | None = memo.get(_READING)
    to_set: list[Cookie] = memo.get(_COOKIES, [])
    if asked is not None and asked.cookie_names:
        to_set = [*sessions.refresh(asked, house.core), *to_set]
    for cookie in to_set:
        response.headers.add("Set-Cookie", cookie.to_header())
    if house.server_timing and _TIME in memo:
        response.headers.add("Server-Timing", f"auth;dur={memo[_TIME] * 1000:.3f}")
    if is_complete:
        return response
    private = asked is not None or bool(to_set) or _CSRF in memo
    house.headers.apply(response.headers, private=private, signed_in=asked is not None and asked.known is not None)
    return response


def _house(memo: dict[str, Any]) -> State:
    found: State = memo.get(STATE_KEY) or state()
    return found


def _ask(memo: dict[str, Any]) -> Session | None:
    house = _house(memo)
    started = perf_counter() if house.server_timing else 0.0
    # Nobody until proven otherwise, also for a callback that asks auth() while it is being asked.
    memo[_READING], memo[_SESSION] = NO_SESSION, None
    found = sessions.read(memo["environ"].get("HTTP_COOKIE", ""), house.core)
    memo[_READING], memo[_SESSION] = found, found.session
    if found.known is not None and signals.session.receivers:
        signals.send(signals.session, session=found.known.session, token=deepcopy(found.known.token))
    if house.server_timing:
        memo[_TIME] = perf_counter() - started
    return found.session
