"""The addresses of this computer in development, such as 127.0.0.1 and localhost."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast
from urllib.parse import quote, urlsplit

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from genkan.http.csrf import SAFE_METHODS
from genkan.http.urls import origin_of
from genkan.oauth.transport.limits import is_allowed_url
from genkan.web.context import app_state, site_root
from genkan.web.responses import other_address
from genkan.web.state import AppState


def redirect_to_origin(state: AppState) -> BaseResponse | None:
    """Return a redirect to the origin of AUTH_URL, or 421 if the port is another one. None for the right address.

    In development only. Called before each request.
    """
    if not state.server_timing:
        return None
    origin = state.core.origin
    if request.headers.get("X-Forwarded-Host") == urlsplit(origin).netloc:
        # A development server such as that of Next.js passes requests on under another Host. The browser is at the origin.
        return None
    # Cookies of 127.0.0.1 and localhost are separate: a sign-in that begins on one could not end on the other.
    requested = origin_of(f"{request.scheme}://{request.headers.get('Host', '')}")
    if request.method in SAFE_METHODS and requested not in (None, origin) and _are_loopback(str(requested), origin):
        if urlsplit(requested).port != urlsplit(origin).port:
            # Another program forwards the port, so the other address may lead to another computer.
            return other_address(str(requested), origin)
        query = request.query_string.decode("latin-1")
        return redirect(origin + quote(site_root() + request.path) + (f"?{query}" if query else ""), 307)
    return None


def at_origin(view: Callable[[], Response]) -> Callable[[], Response]:
    """Redirect to the origin before this view, as `redirect_to_origin` does. Not in tests, whose client has one host.

    An application that is not strict is served at every address of this computer, but a sign-in works at one only.
    """

    @wraps(view)
    def decorated() -> Response:
        other = None if current_app.testing else redirect_to_origin(app_state())
        return view() if other is None else cast("Response", other)

    return decorated


def _are_loopback(*origins: str) -> bool:
    return all(origin.startswith("http:") and is_allowed_url(origin) for origin in origins)
