"""The parts that the sign-in of one application consists of."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from genkan.adapters import Adapter
from genkan.adapters.own_users import OwnUsers
from genkan.adapters.sessions import SessionStore
from genkan.adapters.stateless import StatelessAdapter
from genkan.cache.base import Cache
from genkan.callbacks import Callbacks
from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import ConfigurationError
from genkan.http.cookies import CookieNames
from genkan.http.csrf import CSRF
from genkan.http.rate_limit import RateLimit
from genkan.http.urls import is_path, origin_of
from genkan.oauth.checks import Checks
from genkan.oauth.transport.limits import Network
from genkan.providers.base import Provider
from genkan.session.sessions import SessionConfig, Sessions

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from genkan.email.parts import EmailSignIn
    from genkan.oauth.client import OAuthClient
    from genkan.oauth.logout import ProviderLogout
    from genkan.passkey.parts import PasskeySignIn
    from genkan.password.parts import AuthorizeSignIn, Fields, PasswordSignIn
    from genkan.second_factor.parts import SecondFactor

_DIRECT = Network()

RATE_LIMIT_BURST = 120
"""Flows that clients of one IP address may start with a worker at once. An office or a school often has one address."""

SECONDS_PER_SIGN_IN = 0.5
"""Seconds until such an address may start one more."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Paths of the application's own pages in place of the built-in ones, and where the package's own pages are."""

    sign_in: str | None = None
    sign_out: str | None = None
    error: str | None = None
    verify_request: str | None = None
    new_user: str | None = None
    menu: str = "genkan/menu.html"
    """Template of the user menu."""
    menu_path: str = "/genkan/menu"
    """Path of the fragment that refreshes the user menu."""
    account: str = "/genkan/account"
    """Path of the account page. The routes of its forms and fragments are below it."""
    base_path: str = "/api/auth"
    """Path of Auth.js's actions, which are below it."""
    static_path: str = "/genkan/static"
    """Path of the package's static files, which are below it."""

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a path that a route cannot have, and for one that is given twice."""
        own = {name: getattr(self, name) for name in ("base_path", "static_path", "menu_path", "account")}
        for name, path in own.items():
            if not is_path(path):
                raise ConfigurationError(f"pages.{name}: not a path. Give one such as /account, without a final slash.")
            if list(own.values()).count(path) > 1:
                raise ConfigurationError(f"pages.{name}: another path of Genkan is the same. Give each its own path.")


@dataclass(frozen=True, kw_only=True)
class Core:
    """The parts that the sign-in of one application consists of. Built once for each application, and frozen."""

    origin: str
    prefix: str
    """Path below which the application is served, such as `/shop`. Empty if it is served at the root of the origin."""
    origins: tuple[str, ...]
    """All origins of the site, `origin` first. A request that one of them caused is the site's own."""
    secure: bool
    """True if the origin is https, so that cookies are Secure."""
    cookie_path: str
    """The Path attribute of all cookies."""
    cookie_names: CookieNames
    providers: Mapping[str, Provider]
    """The enabled providers by id, in the order of the buttons."""
    adapter: Adapter
    own_users: OwnUsers | None
    """The users of the application itself. None if it has none."""
    callbacks: Callbacks
    pages: Pages
    json_only: bool = False
    """True if none of the package's pages is served."""
    error_url: str | None = None
    """The absolute URL that a failed sign-in redirects to, in place of a page of ours."""
    cache: Cache
    clock: Clock
    csrf: CSRF
    sessions: Sessions
    checks: Checks
    wsgi_apps: Mapping[str, WSGIApplication]
    """URL prefixes that a WSGI application in this process serves, in place of a provider's server."""
    network: Network
    provider_logout_states: Sealer
    """Seals the state of a sign-out at the provider."""
    sign_out_tickets: Sealer
    """Seals the tickets with which a sign-out that failed is tried again."""
    updatable_fields: Mapping[str, type]
    """Fields, with their type, that a client may send to `POST /api/auth/session`."""
    rate_limit: RateLimit
    """Limits the flows that one IP address starts with this worker."""
    email: EmailSignIn | None = None
    """Sign-in by mail. None if it is off."""
    passwords: PasswordSignIn | None = None
    """Sign-in by password. None if it is off."""
    second_factor: SecondFactor | None = None
    """Second factors of users. None if they are off."""
    authorize: AuthorizeSignIn | None = None
    """Sign-in with credentials that the application checks itself. None if it is off. Never on together with
    `passwords`."""
    passkeys: PasskeySignIn | None = None
    """Sign-in with passkeys. None if it is off, or if browsers have no passkeys at this origin."""
    passkeys_are_blocked: bool = False
    """True if passkeys are on, but browsers have none at this origin, such as one with an IP address."""

    @property
    def credentials_fields(self) -> Fields | None:
        """The form fields of a sign-in with credentials. None if there is no such way to sign in."""
        way = self.passwords or self.authorize
        return None if way is None else way.fields

    @property
    def is_stateless(self) -> bool:
        """True without a database: the cookie holds everything, and nothing about users and sessions is stored."""
        return isinstance(self.adapter, StatelessAdapter)

    def require_database(self, function: str) -> None:
        """Raise ConfigurationError without a database. `function` is the name of what needs one."""
        if self.is_stateless:
            raise ConfigurationError(f"{function} needs a database, and Genkan(database=None) has none.")

    def __post_init__(self) -> None:
        """Raise ConfigurationError if a browser would not send the cookies to a page of ours (RFC 6265 5.1.4)."""
        folder = self.cookie_path.rstrip("/")
        for path in (self.pages.base_path, self.pages.account, self.pages.menu_path):
            if not f"{self.prefix}{path}".startswith(f"{folder}/"):
                raise ConfigurationError(
                    "GENKAN_COOKIE_PATH: browsers would send no cookie to the sign-in, the menu or the account page. Set it "
                    "to / or to the path of AUTH_URL."
                )

    @classmethod
    def build(
        cls,
        *,
        origin: str,
        prefix: str = "",
        further_origins: Sequence[str] = (),
        cookie_prefix: str = "authjs",
        cookie_path: str = "/",
        secrets: Sequence[str],
        providers: Sequence[Provider],
        adapter: Adapter,
        session_store: SessionStore,
        own_users: OwnUsers | None = None,
        cache: Cache,
        callbacks: Callbacks | None = None,
        session_config: SessionConfig | None = None,
        pages: Pages | None = None,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        updatable_fields: Mapping[str, type] | None = None,
        wsgi_apps: Mapping[str, WSGIApplication] | None = None,
        network: Network = _DIRECT,
    ) -> Core:
        """Return the core of one application. Raises ConfigurationError for a setting that cannot work.

        The first of `secrets` encrypts, all of them decrypt. `updatable_fields` maps names to str, int, float or bool.
        `wsgi_apps` maps URL prefixes to WSGI applications that serve them in this process. `network` says how providers are
        reached.
        """
        config, pages, callbacks = session_config or SessionConfig(), pages or Pages(), callbacks or Callbacks()
        _check(origin, secrets, providers, config)
        secure = origin.startswith("https:")
        names = CookieNames.of(secure=secure, session=config.cookie_name, prefix=cookie_prefix, path=cookie_path)
        return cls(
            origin=origin,
            prefix=prefix,
            origins=(origin, *further_origins),
            secure=secure,
            cookie_path=cookie_path,
            cookie_names=names,
            providers={provider.id: provider for provider in providers},
            adapter=adapter,
            own_users=own_users,
            callbacks=callbacks,
            pages=pages,
            cache=cache,
            clock=clock,
            csrf=CSRF(secrets, origin, names.csrf, further_origins),
            sessions=Sessions.build(
                config,
                secrets=secrets,
                cookie_names=names,
                secure=secure,
                store=session_store,
                load_user=adapter.get_user,
                requires_user=not isinstance(adapter, StatelessAdapter),
                reloads_users=own_users is not None or callbacks.role is not None,
                callbacks=callbacks,
                clock=clock,
                monotonic=monotonic,
            ),
            checks=Checks(Sealer(secrets, "authjs.flow", clock), names.flow_prefix, secure, clock),
            wsgi_apps=wsgi_apps or {},
            network=network,
            provider_logout_states=Sealer(secrets, "authjs.sign-out", clock),
            sign_out_tickets=Sealer(secrets, "genkan.sign-out-ticket", clock),
            updatable_fields=updatable_fields or {},
            rate_limit=RateLimit(RATE_LIMIT_BURST, SECONDS_PER_SIGN_IN, monotonic),
        )

    def action_url(self, path: str) -> str:
        """Return the absolute URL of an action, e.g. `/signin`."""
        return f"{self.origin}{self.prefix}{self.pages.base_path}{path}"

    def page_url(self, path: str) -> str:
        """Return the absolute URL of a page of the application, e.g. `/dashboard`."""
        return f"{self.origin}{self.prefix}{path}"

    @property
    def host(self) -> str:
        """The host that users know, with its port if that is not the usual one."""
        return self.origin.partition("://")[2]

    @property
    def front_page(self) -> str:
        """The absolute URL of the application's front page. It is the origin if there is no prefix, as in Auth.js."""
        return f"{self.origin}{self.prefix}/" if self.prefix else self.origin

    # The modules of these two are imported at the first sign-in or sign-out that needs them. A second instance, which two
    # threads may build at once, does no harm: they keep nothing between requests but the cache.
    @cached_property
    def oauth(self) -> OAuthClient:
        """The OAuth client."""
        from genkan.oauth.client import OAuthClient  # noqa: PLC0415
        from genkan.oauth.discovery import Discovery  # noqa: PLC0415

        discovery = Discovery(self.cache, self.clock)
        return OAuthClient(self.action_url("/callback/"), discovery, self.clock, self.wsgi_apps, self.network)

    @cached_property
    def provider_logout(self) -> ProviderLogout:
        """The sign-out at providers."""
        from genkan.oauth.logout import POST_LOGOUT_REDIRECT_PATH, ProviderLogout  # noqa: PLC0415

        return ProviderLogout(
            self.oauth,
            self.provider_logout_states,
            self.cookie_names.sign_out,
            self.front_page,
            self.action_url(POST_LOGOUT_REDIRECT_PATH),
            self.clock,
        )


def _check(origin: str, secrets: Sequence[str], providers: Sequence[Provider], config: SessionConfig) -> None:
    if origin_of(origin) != origin:
        # It is compared with the Origin header, so it has to be spelled as browsers spell it.
        raise ConfigurationError(
            "AUTH_URL: not an origin. Set it to scheme and host, in lower case, such as https://app.example.com."
        )
    if not secrets or not all(secrets):
        raise ConfigurationError("AUTH_SECRET: missing. Set it to 32 random bytes or more (openssl rand -base64 33).")
    ids = [provider.id for provider in providers]
    for id in {id for id in ids if ids.count(id) > 1}:
        raise ConfigurationError(f"providers: two have the id {id!r}. Give each its own id.")
    if not 0 <= config.update_age <= config.max_age <= config.absolute_age or not config.max_age:
        raise ConfigurationError(
            "session lifetimes: 0 <= update_age <= max_age <= absolute_age must hold, and max_age must not be 0."
        )
