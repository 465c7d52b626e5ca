"""Add compression, cookies and headers to every response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Request, Response
from werkzeug.datastructures import Headers

from genkan.session import reader
from genkan.web.compression import compress
from genkan.web.context import STATE, attach_state, csrf_pair, request_state, session_result
from genkan.web.headers import add_valid
from genkan.web.state import AppState, RequestState, get_request

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


class SessionResponse(Response):
    """Response with status 200 and all its headers, for a route that is called often.

    Werkzeug corrects a copy of the headers before it sends them. These need no correction, unless the application has
    changed the status.
    """

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers to send."""
        return self.headers if self.status_code == 200 else super().get_wsgi_headers(environ)


def session_response(body: bytes) -> Response:
    """Return an uncached JSON response that has all its headers already."""
    state, response = request_state(), SessionResponse(body, content_type="application/json")
    add_valid(response.headers, state.app.json_headers)
    state.final_response = response
    return response


def process_response(app: AppState, response: Response) -> Response:
    """Add to a response: compression, queued cookies, a refreshed session, and the headers. Called after every view."""
    request = get_request()
    state: RequestState | None = getattr(request, STATE, None)
    is_strict, is_generated = app.strict or app.is_own(request.endpoint), _is_generated(response)
    if state is None and not is_generated:
        # Nothing has asked for the session, and nothing will.
        if is_strict and app.is_built:
            _add_strict_headers(request, response, app)
        return response
    may_ask_later = is_generated and _has_session_cookie(request, app)
    if not app.is_built:
        return _keep_from_shared_caches(response) if may_ask_later else response
    if not is_strict and (app.is_static(request.endpoint) or (state is None and not may_ask_later)):
        return response
    state = attach_state(request, app) if state is None else state
    is_final = state.final_response is response and "no-store" in response.headers.get("Cache-Control", "")
    if is_generated and not is_final:
        _read_ahead(response, may_ask_later, is_strict=is_strict)
    _add_cookies(response, state)
    if state.read_seconds is not None and is_strict:
        response.headers.add("Server-Timing", f"auth;dur={state.read_seconds * 1000:.3f}")
    if not is_final:
        _add_headers(request, response, state, is_strict=is_strict, may_ask_later=may_ask_later)
    return response


def _add_cookies(response: Response, state: RequestState) -> None:
    core, result = state.app.core, state.result
    if state.cookies.is_unreadable:
        return  # A cookie of ours would replace one that was not seen, such as a valid session.
    if result is not None and result.cookie_names:
        state.set_cookies = [*reader.refresh(result, core.sessions), *state.set_cookies]
    for cookie in state.set_cookies:
        response.headers.add("Set-Cookie", cookie.to_header(core.cookie_path))


def _add_headers(
    request: Request, response: Response, state: RequestState, *, is_strict: bool, may_ask_later: bool
) -> None:
    result = state.result
    private = result is not None or bool(state.set_cookies) or state.csrf_pair is not None or may_ask_later
    signed_in = result is not None and result.cached is not None
    if is_strict:
        _add_strict_headers(request, response, state.app, private=private, signed_in=signed_in)
    elif signed_in or state.set_cookies or may_ask_later:
        # No shared cache may keep an answer of the application's own view that depends on the session.
        _keep_from_shared_caches(response)
    elif private:
        response.vary.add("Cookie")


def _add_strict_headers(
    request: Request, response: Response, app: AppState, *, private: bool = False, signed_in: bool = False
) -> None:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if is_page:
        compress(request, response)
    app.headers.apply(response.headers, page=is_page, private=private, signed_in=signed_in)


def _is_generated(response: Response) -> bool:
    """Return True for the body of a generator, which may ask for the session after the headers have been sent."""
    return response.is_streamed and not response.direct_passthrough


def _read_ahead(response: Response, has_session_cookie: bool, *, is_strict: bool) -> None:
    """Read the session and the CSRF token for a page from a generator, whose body may ask when no header can be added.

    Without a session cookie only a strict application has forms for such a page. One that says `public` has none.
    """
    # Werkzeug's own error pages are iterators, too, and ask for nothing.
    if response.mimetype != "text/html" or response.status_code >= 400:
        return
    if has_session_cookie:
        session_result()
    elif not is_strict or response.cache_control.public:
        return
    csrf_pair()


def _has_session_cookie(request: Request, app: AppState) -> bool:
    # Before the settings are needed, every cookie with the last part of our name counts.
    name = app.core.cookie_names.session if app.is_built else "session-token"
    return name in request.environ.get("HTTP_COOKIE", "")


def _keep_from_shared_caches(response: Response) -> Response:
    response.vary.add("Cookie")
    if not (response.cache_control.private or response.cache_control.no_store):
        response.headers["Cache-Control"] = "private, no-store"
    return response
