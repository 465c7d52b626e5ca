"""Genkan for a Flask application: what `init_app` puts in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from flask import Flask, Response, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as WerkzeugResponse

from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.http.csrf import SAFE_METHODS
from genkan.http.urls import origin_of
from genkan.oauth.transport.adapters import is_allowed_url
from genkan.web import provider_tokens
from genkan.web.access import make_check_access
from genkan.web.context import auth, csrf_token, process_response, session_fingerprint, sign_in_url
from genkan.web.convert import NO_STORE_HEADERS
from genkan.web.headers import SecurityHeaders
from genkan.web.state import EXTENSION, State

TEMPLATE_GLOBALS: dict[str, Callable[[], object]] = {
    "auth": auth,
    "csrf_token": csrf_token,
    "sign_in_url": sign_in_url,
    "session_fingerprint": session_fingerprint,
}


def init_app(app: Flask, options: Core, *, development: bool = False, trusted_proxy_hops: int = 0) -> None:
    """Put the house's door in front of `app`: its guard, its headers, and `auth()` in every template.

    `trusted_proxy_hops` proxies in front of us may say whose address and scheme a request really has; nobody may
    say the host, which is AUTH_URL's (R3). Raises ConfigurationError when the application would undo the guard.
    """
    if app.config.get("LOGIN_DISABLED"):
        raise ConfigurationError("LOGIN_DISABLED: it opens every protected view. Remove it from the configuration.")
    headers = SecurityHeaders(
        secure=options.secure,
        picture_origins=_loopback_issuers(options),
        providers=options.providers.values(),
        own_origin=options.origin,
    )
    house = State(
        options,
        headers,
        server_timing=development,
        json_headers=headers.json_headers(*NO_STORE_HEADERS.items()),
    )
    app.extensions[EXTENSION] = house
    app.jinja_env.globals.update(TEMPLATE_GLOBALS)
    if development:
        app.before_request(partial(_move_to_own_host, options.origin))
    app.before_request(make_check_access(app))
    app.after_request(lambda response: process_response(house, response))
    provider_tokens.register_error_handlers(app)
    if trusted_proxy_hops:
        proxy_fix = ProxyFix(app.wsgi_app, x_for=trusted_proxy_hops, x_proto=trusted_proxy_hops, x_host=0, x_prefix=0)
        app.wsgi_app = proxy_fix  # type: ignore[method-assign]  # Flask's documented way


def _loopback_issuers(options: Core) -> set[str]:
    issuers = {provider.issuer for provider in options.providers.values() if provider.issuer}
    local = {issuer for issuer in issuers if issuer.startswith("http:") and is_allowed_url(issuer)}
    return {origin for issuer in local if (origin := origin_of(issuer))} - {options.origin}


def _move_to_own_host(origin: str) -> WerkzeugResponse | Response | None:
    # On 127.0.0.1 and localhost cookies are apart, so a sign-in begun on one can't end on the other.
    here = origin_of(f"{request.scheme}://{request.headers.get('Host', '')}")
    if request.method in SAFE_METHODS and here is not None and here != origin and _are_loopback(here, origin):
        query = request.query_string.decode("latin-1")
        return redirect(origin + quote(request.path) + (f"?{query}" if query else ""), 307)
    return None


def _are_loopback(*origins: str) -> bool:
    return all(origin.startswith("http:") and is_allowed_url(origin) for origin in origins)
