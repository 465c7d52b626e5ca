"""Who may enter, and how: the providers, the callbacks, the session's limits, and the five names everybody uses."""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import Flask

import genkan.web
from genkan.adapters import Adapter
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore, models
from genkan.cache.shared import FlaskCache
from genkan.callbacks import Callbacks, JWTParams, SessionParams
from genkan.core import Core, SessionConfig
from genkan.crypto.sealer import Clock, TextSealer
from genkan.dev_provider import DevelopmentProvider
from genkan.providers.base import Provider
from genkan.providers.development import development
from genkan.providers.registry import (
    from_environment,
    suggest_variable,
    unknown_variables,
    unusual_issuers,
    with_logout_setting,
)
from genkan.settings.environment import Settings
from genkan.types import Session, Token, str_claim
from genkan.web import access_token, auth, flask_login, sign_in, sign_out, update, views

__all__ = ["access_token", "auth", "sign_in", "sign_out", "update", "views"]

_log = logging.getLogger("genkan.auth")


def jwt(params: JWTParams) -> Token | None:
    """When somebody signs in, their role enters the token; their id is its `sub` already."""
    if params.user is None:
        return params.token
    return {**params.token, "role": params.user.role}


def session(params: SessionParams) -> Session | None:
    """Id and role travel from the token to the session, which pages, fragments and JSON routes see."""
    user = replace(params.session.user, id=str_claim(params.token, "sub"), role=str_claim(params.token, "role"))
    return replace(params.session, user=user)


def init_app(app: Flask, settings: Settings, clock: Clock) -> DevelopmentProvider | None:
    """Give `app` its sign-in; the development identity provider comes back where there is to be one.

    Raises ConfigurationError naming the setting that stands in the way.
    """
    sealer = TextSealer(settings.secrets, "genkan.account-tokens")
    database = Database(settings.database_url)
    adapter = SQLAlchemyAdapter(
        database,
        models.User,
        models.Account,
        models.UsedToken,
        seal=sealer.seal,
        open=sealer.open,
        clock=clock,
    )
    provider = _development_provider(settings, adapter, clock)
    options = Core.build(
        origin=settings.url,
        secrets=settings.secrets,
        providers=_providers(settings, provider),
        adapter=adapter,
        cache=FlaskCache(app, settings.redis_url),
        callbacks=Callbacks(jwt=jwt, session=session),
        session_config=SessionConfig(
            max_age=settings.session_max_age,
            update_age=settings.session_update_age,
            absolute_age=settings.session_absolute_age,
            strategy=settings.session_strategy,
        ),
        session_store=_session_store(database, settings),
        clock=clock,
        # Reached without the network, so that one worker with one thread can be both sides of a sign-in.
        wsgi_apps={provider.issuer: app.wsgi_app} if provider else {},
    )
    genkan.web.init_app(
        app, options, development=not settings.production, trusted_proxy_hops=settings.trusted_proxy_hops
    )
    flask_login.init_app(app)
    return provider


def _session_store(database: Database, settings: Settings) -> SQLAlchemySessionStore:
    sealer = TextSealer(settings.secrets, "genkan.session-records")
    return SQLAlchemySessionStore(
        database,
        users=models.User,
        sessions=models.SessionRecord,
        revocations=models.Revocation,
        activity=models.Activity,
        lifetime=settings.session_absolute_age,
        seal=sealer.seal,
        open=sealer.open,
    )


def _development_provider(settings: Settings, adapter: Adapter, clock: Clock) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
    return DevelopmentProvider(
        settings.url, settings.secrets[0], adapter.use_once, clock, production=settings.production
    )


def _providers(settings: Settings, provider: DevelopmentProvider | None) -> tuple[Provider, ...]:
    configured = from_environment(settings.provider_environment)
    for warning in unusual_issuers(configured):
        _log.warning(warning)
    unknown = unknown_variables(settings.provider_environment)
    if unknown:
        # Not refused: they may be meant for a Next.js front end that has more providers and the same environment.
        _log.warning("%s: no provider here knows these. %s", ", ".join(unknown), _remedy(unknown))
    if provider is None:
        return configured
    own = development(provider.issuer, provider.client_secret)
    return (*configured, with_logout_setting(own, settings.provider_environment))


def _remedy(unknown: tuple[str, ...]) -> str:
    meant = [name for name in map(suggest_variable, unknown) if name]
    return f"Is {', '.join(meant)} meant?" if meant else "Remove them, unless something else reads them."
