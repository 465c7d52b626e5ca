"""Who may enter, and how: the providers, the callbacks, the session's limits, and the four names everybody uses."""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import Flask

import genkan.flask
import models
from config import Settings
from genkan import current_user
from genkan.adapters import Adapter
from genkan.caching import SharedCache
from genkan.development import DevelopmentProvider
from genkan.flask import auth, handlers, sign_in, sign_out
from genkan.identity import JSON, Session, SessionUser, Token, User, text_of
from genkan.options import Callbacks, JWTParams, Options, SessionParams, SessionPolicy
from genkan.providers.base import Provider
from genkan.providers.catalogue import from_environment, unknown_providers
from genkan.providers.development import development
from genkan.sqlalchemy import Database, SQLAlchemyAdapter
from genkan.tokens import Clock, TextSealer

__all__ = ["auth", "handlers", "sign_in", "sign_out"]

_log = logging.getLogger("genkan.auth")

PROFILE_SECONDS = 5
"""How stale a stored profile may be told; without Redis a change made by another worker shows after this time."""


def jwt(params: JWTParams) -> Token | None:
    """When somebody signs in, their role enters the token; their id is its `sub` already."""
    if params.user is None:
        return params.token
    return {**params.token, "role": params.user.role}


def session(params: SessionParams) -> Session | None:
    """Id and role travel from the token to the session, which pages, fragments and JSON routes see."""
    user = replace(params.session.user, id=text_of(params.token, "sub"), role=text_of(params.token, "role"))
    return replace(params.session, user=user)


def init_app(app: Flask, settings: Settings, clock: Clock) -> DevelopmentProvider | None:
    """Give `app` its sign-in; the development identity provider comes back where there is to be one.

    Raises ConfigurationError naming the setting that stands in the way.
    """
    sealer = TextSealer(settings.secrets, "genkan.account-tokens")
    adapter = SQLAlchemyAdapter(
        Database(settings.database_url),
        models.User,
        models.Account,
        models.SpentToken,
        seal=sealer.seal,
        open=sealer.open,
        clock=clock,
    )
    provider = _development_provider(settings, adapter, clock)
    options = Options.resolve(
        origin=settings.url,
        secrets=settings.secrets,
        providers=_providers(settings, provider),
        adapter=adapter,
        cache=SharedCache(app, settings.redis_url),
        callbacks=Callbacks(jwt=jwt, session=session),
        policy=SessionPolicy(
            max_age=settings.session_max_age,
            update_age=settings.session_update_age,
            absolute_age=settings.session_absolute_age,
        ),
        clock=clock,
        # Reached without the network, so that one worker with one thread can be both sides of a sign-in.
        back_channels={provider.issuer: app.wsgi_app} if provider else {},
    )
    genkan.flask.init_app(
        app, options, development=not settings.production, trusted_proxy_hops=settings.trusted_proxy_hops
    )
    current_user.init_app(app)
    return provider


def profile_of(session: Session) -> dict[str, JSON]:
    """`{id, name, email, image, role}` of the session's user as stored, at most PROFILE_SECONDS old.

    Somebody signed in by a Next.js front end may have no row here; then the session itself answers. Raises
    StoreError when the store does not answer.
    """
    id = session.user.id
    if id is None:
        return _fields(session.user)
    house = genkan.flask.options()
    kept = house.cache.get(f"profile:{id}")
    if isinstance(kept, dict):
        return kept
    profile = _fields(house.adapter.get_user(id) or session.user)
    house.cache.set(f"profile:{id}", profile, PROFILE_SECONDS)
    return profile


def people() -> list[User]:
    """Everybody who has signed in."""
    return genkan.flask.options().adapter.list_users()


def set_role(email: str, role: str) -> User | None:
    """The user with that address in their new role, or None when there is nobody."""
    house = genkan.flask.options()
    user = house.adapter.set_role(email, role)
    if user is not None:
        house.cache.delete(f"profile:{user.id}")
    return user


def _fields(user: User | SessionUser) -> dict[str, JSON]:
    return {"id": user.id, "name": user.name, "email": user.email, "image": user.image, "role": user.role}


def _development_provider(settings: Settings, adapter: Adapter, clock: Clock) -> DevelopmentProvider | None:
    if not settings.development_provider:
        return None
    return DevelopmentProvider(settings.url, settings.secrets[0], adapter.spend, clock, production=settings.production)


def _providers(settings: Settings, provider: DevelopmentProvider | None) -> tuple[Provider, ...]:
    configured = from_environment(settings.provider_environment)
    for id in unknown_providers(settings.provider_environment):
        _log.warning("AUTH_%s_ID is set, but there is no such provider", id.upper().replace("-", "_"))
    return configured if provider is None else (*configured, development(provider.issuer, provider.client_secret))
