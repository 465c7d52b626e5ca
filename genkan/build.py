"""Build the core of an application from its settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from genkan.adapters import Adapter
from genkan.adapters.own_users import UserHooks
from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase, DatabaseOptions
from genkan.adapters.sqlalchemy.stores import Stores, StoreSettings, open_own_stores
from genkan.adapters.sqlalchemy.tables import Naming
from genkan.cache.base import Cache
from genkan.cache.sealed import SealedCache
from genkan.cache.shared import CachelibCache, FlaskCache
from genkan.callbacks import Callbacks
from genkan.core import Core, Pages
from genkan.crypto.sealer import Clock, TextSealer
from genkan.dev_provider import PATH, DevelopmentProvider
from genkan.errors import ConfigurationError
from genkan.http.urls import is_path, origin_of
from genkan.oauth.transport.limits import is_allowed_url
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
from genkan.settings.package import PREFIXES, collect

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

PATHS = {
    "GENKAN_ACCOUNT_PATH": "account",
    "GENKAN_BASE_PATH": "base_path",
    "GENKAN_MENU_PATH": "menu_path",
    "GENKAN_STATIC_PATH": "static_path",
}
"""Variables for paths, and the fields of `Pages`."""

DATABASE_KEYWORDS = ("db", "engine", "metadata", "session", "user")

INTERNAL = {"variables", "json_only"}
"""Fields of `Options` that are no keywords of `Genkan`."""

_log = logging.getLogger("genkan.extension")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keywords of `Genkan`."""

    strict: bool = False
    providers: tuple[Provider, ...] = ()
    """Providers in addition to those that variables enable."""
    scope: Mapping[str, str] = field(default_factory=dict)
    """Scopes by provider id, in addition to the provider's own. The same as `AUTH_<ID>_SCOPE`."""
    updatable_fields: Mapping[str, type] = field(default_factory=dict)
    environment: Mapping[str, str] | None = None
    """All variables, checked at once, in place of the configuration and the environment."""
    clock: Clock | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    """The keywords that are variables."""
    pages: Pages = field(default_factory=Pages)
    json_only: bool = False
    """True for `pages=False`: JSON, and no page of ours."""
    tables: Naming = "genkan"
    """`authjs`: the tables of an Auth.js database, which is created or adopted."""
    db: Any = None
    engine: Any = None
    metadata: Any = None
    session: Any = None
    user: Any = None
    """This and the four above: see `DatabaseOptions`."""

    @classmethod
    def of(cls, keywords: Mapping[str, object], config: Mapping[str, object], environ: Mapping[str, str]) -> Options:
        """Return the options. Raises ConfigurationError for a keyword that is none."""
        known = {name: value for name, value in keywords.items() if name in cls.__slots__ and name not in INTERNAL}
        variables = {name: value for name, value in keywords.items() if name.startswith(PREFIXES)}
        for name in keywords.keys() - known.keys() - variables.keys():
            raise ConfigurationError(f"Genkan({name}=…): there is no such setting. Remove it, or correct its name.")
        scope: Any = known.get("scope", {})
        variables |= {f"AUTH_{id.upper().replace('-', '_')}_SCOPE": value for id, value in scope.items()}
        pages = known.get("pages", True)
        if isinstance(pages, bool):
            known["pages"] = Pages()
        elif not isinstance(pages, Pages):
            raise ConfigurationError("Genkan(pages=…): it is neither Pages nor a boolean. Give False for JSON only.")
        options = cls(variables=variables, json_only=pages is False, **known)  # type: ignore[arg-type]  # each value has the type of its field
        found = collect(variables, config, environ) if options.environment is None else options.environment
        return replace(options, pages=_with_paths(options.pages, found))

    @property
    def dev_path(self) -> str:
        """The path of the development provider. An application that is not strict may have a page at /development."""
        return PATH if self.strict else f"{self.pages.base_path}{PATH}"


def _with_paths(pages: Pages, variables: Mapping[str, str]) -> Pages:
    """Return the pages with the paths of the variables. A path that `pages` sets itself is kept."""
    paths = {field: variables[name] for name, field in PATHS.items() if variables.get(name)}
    for name, field_name in PATHS.items():
        if field_name in paths and not is_path(paths[field_name]):
            raise ConfigurationError(f"{name}: it is not a path. Set it to one such as /auth, without a final slash.")
    default = Pages()
    return replace(
        pages, **{name: path for name, path in paths.items() if getattr(pages, name) == getattr(default, name)}
    )


def application_database(options: Options) -> ApplicationDatabase | None:
    """Return the database that the keywords name, with our tables in its metadata. None if they name none.

    Raises ConfigurationError if a keyword is missing.
    """
    given = {name: getattr(options, name) for name in DATABASE_KEYWORDS if getattr(options, name) is not None}
    return ApplicationDatabase(DatabaseOptions(**given)) if given else None


def open_stores(
    app: Flask, settings: Settings, options: Options, host: ApplicationDatabase | None, hooks: UserHooks
) -> Stores:
    """Return where users, accounts and sessions are kept. Raises ConfigurationError."""
    store_settings = StoreSettings(
        secrets=settings.secrets,
        lifetime=settings.session_absolute_age,
        max_sessions=settings.session_limit,
        clock=options.clock,
    )
    if host is not None:
        return host.open_stores(app.app_context, hooks, store_settings)
    if hooks.new_user is not None or hooks.existing_user is not None:
        raise ConfigurationError("new_user: the application has no users. Give Genkan(db=…, user=…) as well.")
    return open_own_stores(settings.database_url, options.tables, store_settings)


def build_core(
    app: Flask, settings: Settings, callbacks: Callbacks, options: Options, stores: Stores
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
        cache=_cache(app, settings, clock, options),
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
        wsgi_apps={dev_provider.issuer: _wsgi_app(app, settings.prefix)} if dev_provider else {},
    )
    return replace(core, json_only=options.json_only, error_url=_error_url(settings)), dev_provider


def _warn_of_prefix(prefix: str) -> None:
    if has_request_context() and request.script_root and not prefix:
        _log.warning("AUTH_URL: it lacks the path below which the application is served. Add that path to it.")


def request_url() -> str | None:
    """Return origin and prefix of the request. None without a request, and for a URL that is not on this computer."""
    origin = origin_of(request.host_url) if has_request_context() else None
    if origin is None or not is_allowed_url(origin):
        return None
    return origin + request.script_root if is_path(request.script_root) else origin


def _cache(app: Flask, settings: Settings, clock: Clock, options: Options) -> Cache:
    # An instance of Flask-Caching on the application would take over its `{% cache %}`.
    cache = FlaskCache(app, settings.redis_url) if options.strict else CachelibCache(settings.redis_url)
    if settings.redis_url is None:
        return cache
    # Other programs may be able to write to Redis. What is cached decides where the client secret is sent and which
    # keys are trusted.
    sealer = TextSealer(settings.secrets, "genkan.cache")
    return SealedCache(cache, sealer.seal, sealer.open, clock)


def _error_url(settings: Settings) -> str | None:
    path = settings.error_url
    return f"{settings.url}{settings.prefix}{path}" if path and path.startswith("/") else path


def _wsgi_app(app: Flask, prefix: str) -> WSGIApplication:
    # Without middleware of the application, which may remove the prefix as well.
    return DispatcherMiddleware(NotFound(), {prefix: partial(type(app).wsgi_app, app)}) if prefix else app.wsgi_app


def _dev_provider(settings: Settings, adapter: Adapter, clock: Clock, options: Options) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
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
