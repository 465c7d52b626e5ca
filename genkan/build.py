"""Build the core of an application from its settings."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, has_request_context, request
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from genkan.adapters import Adapter
from genkan.adapters.own_users import UserHooks
from genkan.adapters.stateless import StatelessAdapter, StatelessSessionStore
from genkan.adapters.stores import Stores
from genkan.cache.base import Cache
from genkan.cache.sealed import SealedCache
from genkan.callbacks import Callbacks
from genkan.core import Core
from genkan.crypto.sealer import Clock, TextSealer
from genkan.errors import ConfigurationError
from genkan.oauth.transport.limits import Network, is_allowed_url
from genkan.options import DATABASE_KEYWORDS, PATHS, Options
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
from genkan.web.email.setup import with_email_and_passwords
from genkan.web.passkey.setup import with_passkeys
from genkan.web.password.setup import with_authorize
from genkan.web.second_factor.setup import with_second_factor
from genkan.web.state import request_origin, script_root
from genkan.web.urls.shared_routes import shared_routes

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase
    from genkan.dev_provider.endpoints import DevelopmentProvider

_log = logging.getLogger("genkan.extension")


def application_database(options: Options) -> ApplicationDatabase | None:
    """Return the database that the keywords name, with our tables in its metadata. None if they name none.

    Raises ConfigurationError if a keyword is missing.
    """
    given = {name: getattr(options, name) for name in DATABASE_KEYWORDS if getattr(options, name) is not None}
    if not given:
        return None
    if options.database != "":
        raise ConfigurationError(f"Genkan(database=…, {next(iter(given))}=…): each names a database. Give one of them.")
    # Imported here, because without a database SQLAlchemy may be absent.
    from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase, DatabaseOptions  # noqa: PLC0415

    return ApplicationDatabase(DatabaseOptions(**given))


def warn_of_mistakes(app: Flask, options: Options) -> None:
    """Log what is likely a mistake of the application."""
    late, shared = options.late_variables(app.config, os.environ), shared_routes(app)
    if late:
        _log.warning("%s: set after Genkan was added, so without an effect. Set it before.", ", ".join(late))
    if shared:
        _log.warning(
            "%s: the application and Genkan both have this route, and one of the two is never reached. Set %s to other paths.",
            ", ".join(shared),
            ", ".join(PATHS),
        )


def open_stores(
    app: Flask,
    settings: Settings,
    options: Options,
    host: ApplicationDatabase | None,
    hooks: UserHooks,
    cache: Cache,
) -> Stores:
    """Return the stores of users, accounts and sessions. Raises ConfigurationError."""
    if host is None and (hooks.new_user is not None or hooks.existing_user is not None):
        raise ConfigurationError("new_user: the application has no users. Give Genkan(db=…, user=…) as well.")
    if options.adapter is not None:
        return _given_stores(options.adapter, host, options)
    if options.session_store is not None:
        raise ConfigurationError("Genkan(session_store=…): adapter= is missing. Give the store of users as well.")
    if options.database is None:
        return _stateless_stores(settings, options.clock or time.time, cache)
    # Imported here, because without a database SQLAlchemy may be absent. It takes a tenth of a second.
    from genkan.adapters.sqlalchemy.stores import StoreSettings, open_own_stores  # noqa: PLC0415

    store_settings = StoreSettings(
        secrets=settings.secrets,
        lifetime=settings.session_absolute_age,
        max_sessions=settings.session_limit,
        clock=options.clock,
    )
    if host is not None:
        return host.open_stores(app.app_context, hooks, store_settings)
    if settings.production and settings.is_default_database:
        _log.warning(
            "GENKAN_DATABASE_URL: it is not set, so users are stored in genkan.db in the instance folder of this computer. "
            "Set it, to the same file if that is what you want."
        )
    return open_own_stores(settings.database_url, options.tables, store_settings)


def _given_stores(adapter: Adapter, host: ApplicationDatabase | None, options: Options) -> Stores:
    if host is not None or options.database:
        raise ConfigurationError("Genkan(adapter=…): a database is given as well. Give one of them.")
    return Stores(adapter, options.session_store or StatelessSessionStore(options.clock or time.time))


def _stateless_stores(settings: Settings, clock: Clock, cache: Cache) -> Stores:
    if settings.session_strategy == "database":
        raise ConfigurationError("AUTH_SESSION_STRATEGY is database, but Genkan(database=None) has none. Remove one.")
    # The cache of one process would forget marks before their time, and the adapter has a memory of its own.
    shared = cache if isinstance(cache, SealedCache) else None
    return Stores(StatelessAdapter(clock, shared), StatelessSessionStore(clock))


def _refuse_provider_logout(core: Core) -> None:
    for provider in core.providers.values():
        if provider.rp_initiated_logout:
            name = provider.variable("SIGN_OUT")
            raise ConfigurationError(f"{name} is provider, which needs the stored session of a database. Remove it.")


def build_core(
    app: Flask, settings: Settings, callbacks: Callbacks, options: Options, stores: Stores, cache: Cache
) -> tuple[Core, DevelopmentProvider | None]:
    """Return the core, and the development provider if it is on. Raises ConfigurationError."""
    clock = options.clock or time.time
    dev_provider = _dev_provider(settings, stores.adapter, clock, options)
    _warn_of_prefix(settings.prefix)
    core = Core.build(
        origin=settings.url,
        prefix=settings.prefix,
        further_origins=settings.further_origins,
        cookie_prefix=settings.cookie_prefix,
        cookie_path=settings.cookie_path,
        secrets=settings.secrets,
        providers=(*options.providers, *_providers(settings, dev_provider)),
        adapter=stores.adapter,
        cache=cache,
        callbacks=callbacks,
        session_config=SessionConfig(
            max_age=settings.session_max_age,
            update_age=settings.session_update_age,
            absolute_age=settings.session_absolute_age,
            strategy=settings.session_strategy,
        ),
        session_store=stores.sessions,
        own_users=stores.own_users,
        pages=options.pages,
        clock=clock,
        updatable_fields=options.updatable_fields,
        # Called without the network, so that one worker with one thread can serve both sides of a sign-in.
        network=Network(settings.ca_bundle, settings.proxy),
        wsgi_apps={dev_provider.issuer: _wsgi_app(app, settings.prefix)} if dev_provider else {},
    )
    if core.is_stateless:
        _refuse_provider_logout(core)
    core = replace(core, json_only=options.json_only, error_url=_error_url(settings))
    fields = options.credentials_fields
    core = with_email_and_passwords(core, settings, stores, options.send_mail, fields)
    core = with_authorize(core, settings, stores, fields)
    core = with_passkeys(core, settings, stores)
    return with_second_factor(core, settings, stores), dev_provider


def _warn_of_prefix(prefix: str) -> None:
    if has_request_context() and request.script_root and not prefix:
        _log.warning("AUTH_URL: it lacks the path below which the application is served. Add that path to it.")


def request_url() -> str | None:
    """Return origin and prefix of the request. None without a request, and for a URL that is not on this computer."""
    origin = request_origin() if has_request_context() else None
    return None if origin is None or not is_allowed_url(origin) else origin + script_root()


def create_cache(app: Flask, settings: Settings, options: Options) -> Cache:
    """Return the application's cache, or one of our own. Raises ConfigurationError."""
    # Imported here, because cachelib is needed with the first request only.
    from genkan.cache.shared import CachelibCache, FlaskCache  # noqa: PLC0415

    # Never an instance of Flask-Caching of our own: on the application it would take over its `{% cache %}`.
    cache = CachelibCache(settings.redis_url) if options.cache is None else FlaskCache(app, options.cache)
    if cache.in_process:
        return cache
    # Other programs may be able to write to Redis or to a file. What is cached decides where the client secret is sent and which
    # keys are trusted.
    sealer = TextSealer(settings.secrets, "genkan.cache")
    return SealedCache(cache, sealer.seal, sealer.open, options.clock or time.time)


def _error_url(settings: Settings) -> str | None:
    path = settings.error_url
    return f"{settings.url}{settings.prefix}{path}" if path and path.startswith("/") else path


def _wsgi_app(app: Flask, prefix: str) -> WSGIApplication:
    # Without middleware of the application, which may remove the prefix as well.
    return DispatcherMiddleware(NotFound(), {prefix: partial(type(app).wsgi_app, app)}) if prefix else app.wsgi_app


def _dev_provider(settings: Settings, adapter: Adapter, clock: Clock, options: Options) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
    # Imported here, because production needs neither the provider nor Authlib's server.
    from genkan.dev_provider.endpoints import DevelopmentProvider  # noqa: PLC0415

    return DevelopmentProvider(
        settings.url,
        settings.secrets[0],
        adapter.use_once,
        clock,
        path=settings.prefix + options.dev_path,
        redirect_uri=f"{settings.url}{settings.prefix}{options.pages.base_path}/callback/development",
        production=settings.production,
        admits_private_peers=settings.admits_private_peers,
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
