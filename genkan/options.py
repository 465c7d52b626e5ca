"""Everything an action may know, resolved once at start and frozen; wrong settings stop the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from genkan.adapters import Adapter
from genkan.cookies import CookieNames
from genkan.csrf import CSRF
from genkan.errors import ConfigurationError
from genkan.identity import JSON, Account, Profile, Session, Token, User
from genkan.memory import Memory
from genkan.providers.base import Provider
from genkan.redirects import is_web_url, own_url
from genkan.tokens import Clock, Sealer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

BASE_PATH = "/api/auth"

Trigger = Literal["signIn", "signUp", "update"]

REMEMBERED_CHARACTERS = 2_500_000
"""Of tokens whose finished sessions each worker keeps: five thousand ordinary ones, some four kB each. Counted in
characters and not in tokens, so that nobody fills a worker with long ones."""


@dataclass(frozen=True, slots=True)
class SignInParams:
    """May this person come in? `user` is the stored one if the account is known, else the one about to be made."""

    user: User
    account: Account
    profile: Profile


@dataclass(frozen=True, slots=True)
class RedirectParams:
    """Where to, after signing in or out? `base_url` is our origin, without a path."""

    url: str
    base_url: str


@dataclass(frozen=True, slots=True)
class JWTParams:
    """What goes into the token? At sign-in everything is given; later only `token`, and `session` on an update."""

    token: Token
    user: User | None = None
    account: Account | None = None
    profile: Profile | None = None
    is_new_user: bool | None = None
    trigger: Trigger | None = None
    session: JSON = None


@dataclass(frozen=True, slots=True)
class SessionParams:
    """What is the application, and the browser, told? `session` is the default answer, `token` all there is."""

    session: Session
    token: Token


def allow_everybody(params: SignInParams) -> bool:
    """The default `sign_in` callback."""
    return True


def stay_here(params: RedirectParams) -> str:
    """The default `redirect` callback: anything of our own origin, and our front page for the rest (R1)."""
    return own_url(params.url, params.base_url) or params.base_url


def keep_token(params: JWTParams) -> Token | None:
    """The default `jwt` callback."""
    return params.token


def keep_session(params: SessionParams) -> Session | None:
    """The default `session` callback: name, email and image."""
    return params.session


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The application's say, in Auth.js's order and meaning (protocol.md 4.5).

    `sign_in` returns True, False (AccessDenied) or a URL to go to instead; `jwt` a token, or None to end the
    session; `session` what to tell, or None. Whatever they raise is logged; a session that cannot be worked out
    is no session.
    """

    sign_in: Callable[[SignInParams], bool | str] = allow_everybody
    redirect: Callable[[RedirectParams], str] = stay_here
    jwt: Callable[[JWTParams], Token | None] = keep_token
    session: Callable[[SessionParams], Session | None] = keep_session


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives, all in seconds."""

    max_age: int = 30 * 24 * 3600
    """Idle limit: a session that is not seen for this long ends."""
    update_age: int = 24 * 3600
    """A session that is seen is prolonged at most once in this time."""
    absolute_age: int = 90 * 24 * 3600
    """From the sign-in on; no prolonging goes past it (S6)."""
    cookie_name: str | None = None
    """Another name for the session cookie, e.g. `__Host-authjs.session-token`; it changes the key as well."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Own pages in place of the built-in ones, as paths; and the fragment that answers a sign-out by HTMX."""

    sign_in: str | None = None
    sign_out: str | None = None
    error: str | None = None
    verify_request: str | None = None
    new_user: str | None = None
    menu: str = "partials/_user_menu.html"


class Cache(Protocol):
    """A store for JSON that may forget at any time and never raises."""

    def get(self, key: str) -> Any:
        """What was kept, or None."""

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Keep it for at most this long."""

    def delete(self, key: str) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A token that was opened, and what came of it."""

    session: Session
    token: Token
    body: bytes
    """The session as JSON, as `GET /api/auth/session` answers it."""
    until: float
    """Seconds since 1970 when it ends, the absolute limit included."""
    renew_at: float
    """Seconds since 1970 from which on it is to be re-issued."""
    stale_at: float
    """Seconds since 1970 when the callbacks are asked anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `Options.resolve` worked out."""

    origin: str
    secure: bool
    names: CookieNames
    providers: Mapping[str, Provider]
    adapter: Adapter
    callbacks: Callbacks
    policy: SessionPolicy
    pages: Pages
    cache: Cache
    clock: Clock
    sessions: Sealer
    flows: Sealer
    csrf: CSRF
    memory: Memory[Known] = field(default_factory=lambda: Memory(REMEMBERED_CHARACTERS))
    back_channels: Mapping[str, WSGIApplication] = field(default_factory=dict)
    """URL prefixes that are answered inside this process instead of over the network."""

    @classmethod
    def resolve(
        cls,
        *,
        origin: str,
        secrets: Sequence[str],
        providers: Sequence[Provider],
        adapter: Adapter,
        cache: Cache,
        callbacks: Callbacks | None = None,
        policy: SessionPolicy | None = None,
        pages: Pages | None = None,
        clock: Clock = time.time,
        back_channels: Mapping[str, WSGIApplication] | None = None,
    ) -> Options:
        """Options for one origin; raises ConfigurationError where the house could not stand."""
        policy = policy or SessionPolicy()
        _check(origin, secrets, providers, policy)
        secure = origin.startswith("https:")
        names = CookieNames.of(secure=secure, session=policy.cookie_name)
        return cls(
            origin=origin,
            secure=secure,
            names=names,
            providers={provider.id: provider for provider in providers},
            adapter=adapter,
            callbacks=callbacks or Callbacks(),
            policy=policy,
            pages=pages or Pages(),
            cache=cache,
            clock=clock,
            sessions=Sealer(secrets, names.session, clock),
            flows=Sealer(secrets, "authjs.flow", clock),
            csrf=CSRF(secrets, origin),
            back_channels=back_channels or {},
        )

    def url(self, path: str) -> str:
        """The absolute URL of an action, e.g. `/signin`."""
        return f"{self.origin}{BASE_PATH}{path}"


def _check(origin: str, secrets: Sequence[str], providers: Sequence[Provider], policy: SessionPolicy) -> None:
    if not is_web_url(origin) or origin.endswith("/"):
        raise ConfigurationError("AUTH_URL: not an origin. Set it to scheme and host, such as https://app.example.com.")
    if not secrets or not all(secrets):
        raise ConfigurationError("AUTH_SECRET: missing. Set it to 32 random bytes or more (openssl rand -base64 33).")
    ids = [provider.id for provider in providers]
    for twice in {name for name in ids if ids.count(name) > 1}:
        raise ConfigurationError(f"providers: two are called {twice!r}. Give each its own id.")
    if not 0 < policy.update_age <= policy.max_age <= policy.absolute_age:
        raise ConfigurationError("session policy: it must hold that 0 < update_age <= max_age <= absolute_age.")
