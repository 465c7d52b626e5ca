"""The Flask extension."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import quote

from flask import Flask, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from genkan.adapters import Adapter
from genkan.adapters.sqlalchemy import Database, Revocations, SQLAlchemyAdapter, SQLAlchemySessionStore, models
from genkan.cache.base import Cache
from genkan.cache.sealed import SealedCache
from genkan.cache.shared import FlaskCache
from genkan.callbacks import Callbacks, JWTCallback, RedirectCallback, SessionCallback, SignInCallback
from genkan.core import Core, Pages
from genkan.crypto.sealer import Clock, TextSealer
from genkan.dev_provider import DevelopmentProvider
from genkan.dev_provider import views as dev_views
from genkan.errors import ConfigurationError
from genkan.http.csrf import SAFE_METHODS
from genkan.http.urls import origin_of
from genkan.oauth.transport.adapters import is_allowed_url
from genkan.providers.base import Provider
from genkan.providers.development import development
from genkan.providers.registry import (
    from_environment,
    suggest_variable,
    unknown_variables,
    unusual_issuers,
    with_logout_setting,
)
from genkan.session.sessions import SessionConfig
from genkan.settings.environment import Settings
from genkan.web import account, errors, flask_login, views
from genkan.web.access import make_check_access
from genkan.web.context import (
    EXTENSION,
    AppState,
    auth,
    csrf_token,
    process_response,
    session_fingerprint,
    sign_in_url,
)
from genkan.web.headers import SecurityHeaders
from genkan.web.menu import register_menu
from genkan.web.responses import NO_STORE_HEADERS
from genkan.web.static_files import register_package_files

TEMPLATE_GLOBALS: dict[str, Callable[[], object]] = {
    "auth": auth,
    "csrf_token": csrf_token,
    "sign_in_url": sign_in_url,
    "session_fingerprint": session_fingerprint,
}

_log = logging.getLogger("genkan.extension")


class Genkan:
    """Sign-in for a Flask application: `auth()`, the routes of Auth.js, the user menu and the account page.

    One object can serve several applications. Callbacks are registered before `init_app`.
    """

    def __init__(self) -> None:
        self._callbacks = Callbacks()

    def sign_in(self, callback: SignInCallback) -> SignInCallback:
        """Register Auth.js's `signIn` callback. It returns True, False or a URL."""
        self._callbacks = replace(self._callbacks, sign_in=callback)
        return callback

    def redirect(self, callback: RedirectCallback) -> RedirectCallback:
        """Register Auth.js's `redirect` callback. It returns the URL to redirect to."""
        self._callbacks = replace(self._callbacks, redirect=callback)
        return callback

    def jwt(self, callback: JWTCallback) -> JWTCallback:
        """Register Auth.js's `jwt` callback. It returns the token, or None for no session."""
        self._callbacks = replace(self._callbacks, jwt=callback)
        return callback

    def session(self, callback: SessionCallback) -> SessionCallback:
        """Register Auth.js's `session` callback. It returns the session, or None."""
        self._callbacks = replace(self._callbacks, session=callback)
        return callback

    def init_app(
        self, app: Flask, settings: Settings, clock: Clock | None = None, *, pages: Pages | None = None
    ) -> None:
        """Add sign-in to `app`: routes, commands, template globals, access checks and headers.

        `pages` has the paths of the pages. Call it before blueprints with `json_blueprint` are registered. Raises
        ConfigurationError that names the setting, also if LOGIN_DISABLED is set.
        """
        core, dev_provider = self._build_core(app, settings, clock, pages)
        install(app, core, development=not settings.production, trusted_proxy_hops=settings.trusted_proxy_hops)
        register_package_files(app)
        register_menu(app, core.pages.menu_path)
        app.register_blueprint(views.bp)
        app.register_blueprint(account.bp, url_prefix=core.pages.account)
        if dev_provider is not None:
            app.register_blueprint(dev_views.create_blueprint(dev_provider))

    def _build_core(
        self, app: Flask, settings: Settings, clock: Clock | None, pages: Pages | None
    ) -> tuple[Core, DevelopmentProvider | None]:
        database = Database(settings.database_url, clock=clock)
        revocations = Revocations(
            database, models.Revocation, models.SessionRecord, lifetime=settings.session_absolute_age
        )
        clock = clock or time.time
        account_sealer = TextSealer(settings.secrets, "genkan.account-tokens")
        adapter = SQLAlchemyAdapter(
            database,
            models.User,
            models.Account,
            models.UsedToken,
            seal=account_sealer.seal,
            open=account_sealer.open,
            revocations=revocations,
        )
        dev_provider = _dev_provider(settings, adapter, clock)
        core = Core.build(
            origin=settings.url,
            secrets=settings.secrets,
            providers=_providers(settings, dev_provider),
            adapter=adapter,
            cache=_cache(app, settings, clock),
            callbacks=self._callbacks,
            session_config=SessionConfig(
                max_age=settings.session_max_age,
                update_age=settings.session_update_age,
                absolute_age=settings.session_absolute_age,
                strategy=settings.session_strategy,
            ),
            session_store=_session_store(database, revocations, settings),
            pages=pages,
            clock=clock,
            # Called without the network, so that one worker with one thread can serve both sides of a sign-in.
            wsgi_apps={dev_provider.issuer: app.wsgi_app} if dev_provider else {},
        )
        return core, dev_provider


def install(app: Flask, core: Core, *, development: bool = False, trusted_proxy_hops: int = 0) -> None:
    """Add access checks, headers, `auth()` and Flask-Login's `current_user` to `app`.

    `trusted_proxy_hops` proxies may set the client's address and the scheme of a request. None may set the host, which
    is that of AUTH_URL. Raises ConfigurationError if LOGIN_DISABLED is set.
    """
    if app.config.get("LOGIN_DISABLED"):
        raise ConfigurationError("LOGIN_DISABLED: it opens every protected view. Remove it from the configuration.")
    headers = SecurityHeaders(
        secure=core.secure,
        picture_origins=_loopback_issuers(core),
        providers=core.providers.values(),
        own_origin=core.origin,
    )
    json_headers = headers.json_headers(*NO_STORE_HEADERS.items())
    state = AppState(core, headers, server_timing=development, json_headers=json_headers)
    app.extensions[EXTENSION] = state
    app.jinja_env.globals.update(TEMPLATE_GLOBALS)
    if development:
        app.before_request(partial(_redirect_to_origin, core.origin))
    app.before_request(make_check_access(app))
    app.after_request(partial(process_response, state))
    errors.register_error_handlers(app)
    if trusted_proxy_hops:
        proxy_fix = ProxyFix(app.wsgi_app, x_for=trusted_proxy_hops, x_proto=trusted_proxy_hops, x_host=0, x_prefix=0)
        app.wsgi_app = proxy_fix  # type: ignore[method-assign]  # as Flask documents it
    flask_login.init_app(app)


def _cache(app: Flask, settings: Settings, clock: Clock) -> Cache:
    cache = FlaskCache(app, settings.redis_url)
    if settings.redis_url is None:
        return cache
    # Other programs may be able to write to Redis. What is cached decides where the client secret is sent and which
    # keys are trusted.
    sealer = TextSealer(settings.secrets, "genkan.cache")
    return SealedCache(cache, sealer.seal, sealer.open, clock)


def _session_store(database: Database, revocations: Revocations, settings: Settings) -> SQLAlchemySessionStore:
    sealer = TextSealer(settings.secrets, "genkan.session-records")
    return SQLAlchemySessionStore(
        database,
        users=models.User,
        sessions=models.SessionRecord,
        revocations=revocations,
        activity=models.Activity,
        max_sessions=settings.session_limit,
        seal=sealer.seal,
        open=sealer.open,
    )


def _dev_provider(settings: Settings, adapter: Adapter, clock: Clock) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
    return DevelopmentProvider(
        settings.url, settings.secrets[0], adapter.use_once, clock, production=settings.production
    )


def _providers(settings: Settings, dev_provider: DevelopmentProvider | None) -> tuple[Provider, ...]:
    enabled = from_environment(settings.provider_environment)
    for warning in unusual_issuers(enabled):
        _log.warning(warning)
    unknown = unknown_variables(settings.provider_environment)
    if unknown:
        # A warning only: they may be for a Next.js front end that shares the environment and has more providers.
        _log.warning("%s: no provider here has this variable. %s", ", ".join(unknown), _suggestion(unknown))
    if dev_provider is None:
        return enabled
    own = development(dev_provider.issuer, dev_provider.client_secret)
    return (*enabled, with_logout_setting(own, settings.provider_environment))


def _suggestion(unknown: tuple[str, ...]) -> str:
    names = [name for name in map(suggest_variable, unknown) if name]
    return f"Is {', '.join(names)} meant?" if names else "Remove it, unless something else reads it."


def _loopback_issuers(core: Core) -> set[str]:
    issuers = {provider.issuer for provider in core.providers.values() if provider.issuer}
    local = {issuer for issuer in issuers if issuer.startswith("http:") and is_allowed_url(issuer)}
    return {origin for issuer in local if (origin := origin_of(issuer))} - {core.origin}


def _redirect_to_origin(origin: str) -> Response | None:
    # Cookies of 127.0.0.1 and localhost are separate: a sign-in that begins on one could not end on the other.
    requested = origin_of(f"{request.scheme}://{request.headers.get('Host', '')}")
    if request.method in SAFE_METHODS and requested not in (None, origin) and _are_loopback(str(requested), origin):
        query = request.query_string.decode("latin-1")
        return redirect(origin + quote(request.path) + (f"?{query}" if query else ""), 307)
    return None


def _are_loopback(*origins: str) -> bool:
    return all(origin.startswith("http:") and is_allowed_url(origin) for origin in origins)
