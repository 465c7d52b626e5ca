"""Everything an action may know, resolved once at start and frozen; wrong settings stop the start."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from genkan.adapters import Adapter
from genkan.callbacks import Callbacks
from genkan.cookies import CookieNames
from genkan.csrf import CSRF
from genkan.endings import Endings
from genkan.errors import ConfigurationError
from genkan.identity import JSON, Session, Token
from genkan.memory import Memory
from genkan.providers.base import Provider
from genkan.redirects import origin_of
from genkan.session_records import SessionStore
from genkan.strategies import SealedTokens, StoredTokens, Strategy
from genkan.throttle import Throttle
from genkan.tokens import Clock, Sealer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

BASE_PATH = "/api/auth"

Strategies = Literal["jwt", "database"]

REMEMBERED_CHARACTERS = 2_500_000
"""Of tokens whose finished sessions each worker keeps: five thousand ordinary ones, some four kB each. Counted in
characters and not in tokens, so that nobody fills a worker with long ones."""

REMEMBERED_SESSIONS = 20_000

SIGN_INS_AT_ONCE = 120
"""That one address may begin with a worker: an office or a school has one address between them."""

SECONDS_PER_SIGN_IN = 0.5
"""Until it may begin one more, after those."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives, all in seconds."""

    max_age: int = 30 * 24 * 3600
    """Idle limit: a session that is not seen for this long ends."""
    update_age: int = 24 * 3600
    """A session that is read is re-issued at most once in this time; with 0, as in Auth.js, at every reading."""
    absolute_age: int = 90 * 24 * 3600
    """From the sign-in on; no prolonging goes past it (S6)."""
    strategy: Strategies = "jwt"
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
    menu: str = "partials/_user_menu.html"


class Cache(Protocol):
    """A store for JSON that may forget at any time and never raises."""

    def get(self, key: str) -> Any:
        """What was kept, or None."""

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Keep it for at most this long."""

    def delete(self, key: str) -> None:
        """Forget it."""


@dataclass(slots=True)
class Known:
    """A token that was opened, and what came of it. Only `judged`, `attend_at` and `word` ever change."""

    session: Session
    token: Token
    opened: Token
    """As it was before the `jwt` callback had its say."""
    body: bytes
    """The session as JSON, as `GET /api/auth/session` answers it."""
    until: float
    """Seconds since 1970 when it ends, the absolute limit included."""
    renew_at: float
    """Seconds since 1970 from which on it is to be re-issued."""
    stale_at: float
    """Seconds since 1970 when the callbacks are asked anew."""
    attend_at: float = 0.0
    """Seconds since 1970 from which on an answer has something to do for it: re-issue it or note that it was seen."""
    judged: int = -1
    """The version of the endings by which it was found to be alive."""
    word: str = ""
    """A short opaque word for the person, once somebody has asked for it."""


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
    """Seals and opens the session cookie of the `jwt` strategy, for whoever makes one as another application would."""
    strategy: Strategy
    store: SessionStore
    endings: Endings
    flows: Sealer
    returns: Sealer
    csrf: CSRF
    updatable: Mapping[str, type]
    memory: Memory[Known] = field(default_factory=lambda: Memory(REMEMBERED_CHARACTERS))
    seen: Memory[float] = field(default_factory=lambda: Memory(REMEMBERED_SESSIONS))
    """When this worker last noted, by session, that it was seen."""
    begun: Throttle = field(default_factory=lambda: Throttle(SIGN_INS_AT_ONCE, SECONDS_PER_SIGN_IN, time.monotonic))
    """Flows that an address has begun with this worker."""
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
        store: SessionStore,
        cache: Cache,
        callbacks: Callbacks | None = None,
        policy: SessionPolicy | None = None,
        pages: Pages | None = None,
        clock: Clock = time.time,
        pace: Clock = time.monotonic,
        updatable: Mapping[str, type] | None = None,
        back_channels: Mapping[str, WSGIApplication] | None = None,
    ) -> Options:
        """Return the options for one origin. Raises ConfigurationError for a setting that cannot work.

        `updatable` names the fields, with their type (str, int, float, bool), that a client may hand to the `jwt`
        callback by `POST /api/auth/session`. Other fields are left out.
        """
        policy = policy or SessionPolicy()
        _check(origin, secrets, providers, policy)
        secure = origin.startswith("https:")
        names = CookieNames.of(secure=secure, session=policy.cookie_name)
        sessions = Sealer(secrets, names.session, clock)
        stored = policy.strategy == "database"
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
            sessions=sessions,
            strategy=StoredTokens(store, clock) if stored else SealedTokens(sessions, store, clock),
            store=store,
            endings=Endings(store, clock, pace=pace),
            updatable=updatable or {},
            flows=Sealer(secrets, "authjs.flow", clock),
            returns=Sealer(secrets, "authjs.sign-out", clock),
            csrf=CSRF(secrets, origin),
            begun=Throttle(SIGN_INS_AT_ONCE, SECONDS_PER_SIGN_IN, pace),
            back_channels=back_channels or {},
        )

    def url(self, path: str) -> str:
        """The absolute URL of an action, e.g. `/signin`."""
        return f"{self.origin}{BASE_PATH}{path}"


def _check(origin: str, secrets: Sequence[str], providers: Sequence[Provider], policy: SessionPolicy) -> None:
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
