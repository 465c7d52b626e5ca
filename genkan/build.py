"""Build the core of an application from its settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flask import Flask

from genkan.adapters import Adapter
from genkan.adapters.own_users import UserHooks
from genkan.adapters.stateless import StatelessAdapter, StatelessSessionStore
from genkan.adapters.stores import Stores
from genkan.cache.base import Cache
from genkan.cache.sealed import SealedCache
from genkan.callbacks import Callbacks
from genkan.core import Core, Pages
from genkan.crypto.sealer import Clock, TextSealer
from genkan.errors import ConfigurationError
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
    from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase
    from genkan.adapters.sqlalchemy.tables import Naming
    from genkan.dev_provider.endpoints import DevelopmentProvider

PATHS = {"GENKAN_ACCOUNT_PATH": "account", "GENKAN_MENU_PATH": "menu_path"}
"""Variables for paths, and the fields of `Pages`."""

DATABASE_KEYWORDS = ("db", "engine", "metadata", "session", "user")

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
    database: str | None = ""
    """URL of the database. None: no database, the cookie holds everything. Empty: that of GENKAN_DATABASE_URL."""
    cache: object | None = None
    """The application's instance of Flask-Caching, in place of GENKAN_REDIS_URL."""
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
        known = {name: value for name, value in keywords.items() if name in cls.__slots__ and name != "variables"}
        variables = {name: value for name, value in keywords.items() if name.startswith(PREFIXES)}
        for name in keywords.keys() - known.keys() - variables.keys():
            raise ConfigurationError(f"Genkan({name}=…): there is no such setting. Remove it, or correct its name.")
        scope: Any = known.get("scope", {})
        variables |= {f"AUTH_{id.upper().replace('-', '_')}_SCOPE": value for id, value in scope.items()}
        database = known.get("database")
        if not isinstance(database, str | None):
            raise ConfigurationError("Genkan(database=…): it is neither a URL as text nor None. Correct it.")
        if database:
            variables["GENKAN_DATABASE_URL"] = database
        found = collect(variables, config, environ)
        paths = {field: found[name] for name, field in PATHS.items() if name in found}
        options = cls(variables=variables, **known)  # type: ignore[arg-type]  # each value has the type of its field
        return replace(options, pages=replace(options.pages, **paths)) if paths and "pages" not in known else options


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
    return open_own_stores(settings.database_url, options.tables, store_settings)


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
    dev_provider = _dev_provider(settings, stores.adapter, clock)
    core = Core.build(
        origin=settings.url,
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
        wsgi_apps={dev_provider.issuer: app.wsgi_app} if dev_provider else {},
    )
    if core.is_stateless:
        _refuse_provider_logout(core)
    return core, dev_provider


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


def _dev_provider(settings: Settings, adapter: Adapter, clock: Clock) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
    # Imported here, because production needs neither the provider nor Authlib's server.
    from genkan.dev_provider.endpoints import DevelopmentProvider  # noqa: PLC0415

    return DevelopmentProvider(
        settings.url,
        settings.secrets[0],
        adapter.use_once,
        clock,
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
