"""The parts that reading, issuing and revoking sessions work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from genkan.adapters.sessions import SessionStore
from genkan.cache.bounded import BoundedCache
from genkan.callbacks import Callbacks
from genkan.crypto.sealer import Clock, Sealer
from genkan.http.cookies import CookieNames
from genkan.session.revocation_list import RevocationList
from genkan.session.strategies import DatabaseStrategy, JWTStrategy, Strategy
from genkan.types import Session, Token, User

StrategyName = Literal["jwt", "database"]

CACHE_CHARACTERS = 2_500_000
"""Characters of the tokens whose sessions each worker caches: about five thousand tokens of the usual size. Counted in
characters, so that long tokens can't fill a worker's memory."""

CACHE_SESSIONS = 20_000
"""Number of sessions for which each worker knows when it last wrote `last_seen`, and of users that it has checked."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Lifetimes of a session in seconds, and how a cookie stands for it."""

    max_age: int = 30 * 24 * 3600
    """Idle limit. A session that is not used for this long expires."""
    update_age: int = 24 * 3600
    """A session is re-issued at most once in this time. 0 re-issues it at every reading, as Auth.js does."""
    absolute_age: int = 90 * 24 * 3600
    """Limit counted from the sign-in. No extension exceeds it."""
    strategy: StrategyName = "jwt"
    """`jwt`: the cookie holds the encrypted session. `database`: the cookie holds a random token."""
    cookie_name: str | None = None
    """Another name for the session cookie, e.g. `__Host-authjs.session-token`. It changes the encryption key too."""


@dataclass(slots=True)
class CachedSession:
    """A decoded token and the session made from it. `revocation_version`, `touch_at` and `fingerprint` change."""

    session: Session
    token: Token
    claims: Token
    """The claims before the `jwt` callback was called."""
    body: bytes
    """The session as JSON, as `GET /api/auth/session` sends it."""
    expires: float
    """Seconds since 1970, the absolute limit included."""
    renew_at: float
    """Seconds since 1970. From then on the session is re-issued."""
    recheck_at: float
    """Seconds since 1970. From then on the callbacks are called again."""
    touch_at: float = 0.0
    """Seconds since 1970. From then on a response re-issues the session or writes `last_seen`."""
    revocation_version: int = -1
    """The version of the revocation list by which the session was valid."""
    fingerprint: str = ""
    """An opaque id of the user for the page scripts. Empty until a template asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The parts that read, issue and revoke the sessions of one application."""

    config: SessionConfig
    cookie_name: str
    secure: bool
    """True if cookies have the Secure attribute."""
    sealer: Sealer
    """Encrypts and decrypts the cookie of the `jwt` strategy."""
    strategy: Strategy
    store: SessionStore
    revocations: RevocationList
    load_user: Callable[[str], User | None]
    """Returns the stored user of an id."""
    reloads_users: bool
    """True if a session is re-issued with the stored user, because the application decides on roles or on who is active."""
    callbacks: Callbacks
    clock: Clock
    """The database's clock: see `RevocationList.now`."""
    requires_user: bool = True
    """True if a session that began here ends when its user is not stored."""
    cache: BoundedCache[CachedSession] = field(default_factory=lambda: BoundedCache(CACHE_CHARACTERS))
    """Sessions by their token. It stays in this worker's memory, which has the secret as well."""
    last_seen: BoundedCache[float] = field(default_factory=lambda: BoundedCache(CACHE_SESSIONS))
    """Seconds since 1970 when this worker last wrote `last_seen`, by session id."""
    user_checked: BoundedCache[float] = field(default_factory=lambda: BoundedCache(CACHE_SESSIONS))
    """Seconds since 1970 when this worker last saw that a user is stored and not disabled, by user id."""

    @classmethod
    def build(
        cls,
        config: SessionConfig,
        *,
        secrets: Sequence[str],
        cookie_names: CookieNames,
        secure: bool,
        store: SessionStore,
        load_user: Callable[[str], User | None],
        reloads_users: bool = False,
        callbacks: Callbacks,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        requires_user: bool = True,
    ) -> Sessions:
        """Return the sessions of one application. The first of `secrets` encrypts, all of them decrypt."""
        revocations = RevocationList(store, clock, monotonic=monotonic)
        clock = revocations.now
        sealer = Sealer(secrets, cookie_names.session, clock)
        uses_database = config.strategy == "database"
        return cls(
            config=config,
            cookie_name=cookie_names.session,
            secure=secure,
            sealer=sealer,
            strategy=DatabaseStrategy(store, clock) if uses_database else JWTStrategy(sealer, store, clock),
            store=store,
            revocations=revocations,
            load_user=load_user,
            reloads_users=reloads_users,
            callbacks=callbacks,
            clock=clock,
            requires_user=requires_user,
        )

    def now(self) -> int:
        """Return the current time in whole seconds since 1970."""
        return int(self.clock())
