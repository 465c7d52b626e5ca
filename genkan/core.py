"""Everything an action may know, resolved once at start and frozen; wrong settings stop the start."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from genkan.adapters import Adapter
from genkan.adapters.sessions import SessionStore
from genkan.cache.bounded import BoundedCache
from genkan.callbacks import Callbacks
from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import ConfigurationError
from genkan.http.cookies import CookieNames
from genkan.http.csrf import CSRF
from genkan.http.rate_limit import RateLimit
from genkan.http.urls import origin_of
from genkan.providers.base import Provider
from genkan.session.revocation_list import RevocationList
from genkan.session.strategies import DatabaseStrategy, JWTStrategy, Strategy
from genkan.types import JSON, Session, Token

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

BASE_PATH = "/api/auth"

StrategyName = Literal["jwt", "database"]

CACHE_CHARACTERS = 2_500_000
"""Of tokens whose finished sessions each worker keeps: five thousand ordinary ones, some four kB each. Counted in
characters and not in tokens, so that nobody fills a worker with long ones."""

CACHE_SESSIONS = 20_000

RATE_LIMIT_BURST = 120
"""That one address may begin with a worker: an office or a school has one address between them."""

SECONDS_PER_SIGN_IN = 0.5
"""Until it may begin one more, after those."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How long a session lives, all in seconds."""

    max_age: int = 30 * 24 * 3600
    """Idle limit: a session that is not seen for this long ends."""
    update_age: int = 24 * 3600
    """A session that is read is re-issued at most once in this time; with 0, as in Auth.js, at every reading."""
    absolute_age: int = 90 * 24 * 3600
    """From the sign-in on; no prolonging goes past it (S6)."""
    strategy: StrategyName = "jwt"
    """Whether the cookie holds the session, sealed, or names one that is kept in the database."""
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
    menu: str = "genkan/menu.html"


class Cache(Protocol):
    """A store for JSON that may forget at any time and never raises."""

    def get(self, key: str) -> Any:
        """What was kept, or None."""

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Keep it for at most this long."""

    def delete(self, key: str) -> None:
        """Forget it."""


@dataclass(slots=True)
class CachedSession:
    """A token that was opened, and what came of it. Only `judged`, `attend_at` and `word` ever change."""

    session: Session
    token: Token
    claims: Token
    """As it was before the `jwt` callback had its say."""
    body: bytes
    """The session as JSON, as `GET /api/auth/session` answers it."""
    expires: float
    """Seconds since 1970 when it ends, the absolute limit included."""
    renew_at: float
    """Seconds since 1970 from which on it is to be re-issued."""
    recheck_at: float
    """Seconds since 1970 when the callbacks are asked anew."""
    touch_at: float = 0.0
    """Seconds since 1970 from which on an answer has something to do for it: re-issue it or note that it was seen."""
    revocation_version: int = -1
    """The version of the endings by which it was found to be alive."""
    fingerprint: str = ""
    """A short opaque word for the person, once somebody has asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What `Options.resolve` worked out."""

    origin: str
    secure: bool
    cookie_names: CookieNames
    providers: Mapping[str, Provider]
    adapter: Adapter
    callbacks: Callbacks
    session_config: SessionConfig
    pages: Pages
    cache: Cache
    clock: Clock
    sessions: Sealer
    """Seals and opens the session cookie of the `jwt` strategy, for whoever makes one as another application would."""
    strategy: Strategy
    session_store: SessionStore
    revocations: RevocationList
    flow_sealer: Sealer
    logout_sealer: Sealer
    csrf: CSRF
    updatable_fields: Mapping[str, type]
    session_cache: BoundedCache[CachedSession] = field(default_factory=lambda: BoundedCache(CACHE_CHARACTERS))
    last_seen_cache: BoundedCache[float] = field(default_factory=lambda: BoundedCache(CACHE_SESSIONS))
    """When this worker last noted, by session, that it was seen."""
    rate_limit: RateLimit = field(
        default_factory=lambda: RateLimit(RATE_LIMIT_BURST, SECONDS_PER_SIGN_IN, time.monotonic)
    )
    """Flows that an address has begun with this worker."""
    wsgi_apps: Mapping[str, WSGIApplication] = field(default_factory=dict)
    """URL prefixes that are answered inside this process instead of over the network."""

    @classmethod
    def build(
        cls,
        *,
        origin: str,
        secrets: Sequence[str],
        providers: Sequence[Provider],
        adapter: Adapter,
        session_store: SessionStore,
        cache: Cache,
        callbacks: Callbacks | None = None,
        session_config: SessionConfig | None = None,
        pages: Pages | None = None,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        updatable_fields: Mapping[str, type] | None = None,
        wsgi_apps: Mapping[str, WSGIApplication] | None = None,
    ) -> Core:
        """Return the options for one origin. Raises ConfigurationError for a setting that cannot work.

        `updatable` names the fields, with their type (str, int, float, bool), that a client may hand to the `jwt`
        callback by `POST /api/auth/session`. Other fields are left out.
        """
        session_config = session_config or SessionConfig()
        _check(origin, secrets, providers, session_config)
        secure = origin.startswith("https:")
        names = CookieNames.of(secure=secure, session=session_config.cookie_name)
        sessions = Sealer(secrets, names.session, clock)
        stored = session_config.strategy == "database"
        return cls(
            origin=origin,
            secure=secure,
            cookie_names=names,
            providers={provider.id: provider for provider in providers},
            adapter=adapter,
            callbacks=callbacks or Callbacks(),
            session_config=session_config,
            pages=pages or Pages(),
            cache=cache,
            clock=clock,
            sessions=sessions,
            strategy=DatabaseStrategy(session_store, clock) if stored else JWTStrategy(sessions, session_store, clock),
            session_store=session_store,
            revocations=RevocationList(session_store, clock, monotonic=monotonic),
            updatable_fields=updatable_fields or {},
            flow_sealer=Sealer(secrets, "authjs.flow", clock),
            logout_sealer=Sealer(secrets, "authjs.sign-out", clock),
            csrf=CSRF(secrets, origin),
            rate_limit=RateLimit(RATE_LIMIT_BURST, SECONDS_PER_SIGN_IN, monotonic),
            wsgi_apps=wsgi_apps or {},
        )

    def action_url(self, path: str) -> str:
        """The absolute URL of an action, e.g. `/signin`."""
        return f"{self.origin}{BASE_PATH}{path}"


def _check(origin: str, secrets: Sequence[str], providers: Sequence[Provider], policy: SessionConfig) -> None:
    if origin_of(origin) != origin:
        # As browsers spell it in `Origin`, or every form of our own would look like another site's.
        raise ConfigurationError(
            "AUTH_URL: not an origin. Set it to scheme and host, in lower case, such as https://app.example.com."
        )
    if not secrets or not all(secrets):
        raise ConfigurationError("AUTH_SECRET: missing. Set it to 32 random bytes or more (openssl rand -base64 33).")
    ids = [provider.id for provider in providers]
    for twice in {name for name in ids if ids.count(name) > 1}:
        raise ConfigurationError(f"providers: two are called {twice!r}. Give each its own id.")
    if not (0 <= policy.update_age <= policy.max_age <= policy.absolute_age and policy.max_age > 0):
        raise ConfigurationError(
            "session policy: it must hold that 0 <= update_age <= max_age <= absolute_age and 0 < max_age."
        )
