"""Databases of the measured servers, filled with users, sessions and revocations."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from app import create_app
from bench.served import free_port
from genkan.adapters.sqlalchemy import Database, migrations
from tests.servers import postgres, redis_server
from tests.servers.postgres import PostgreSQL
from tests.servers.redis_server import RedisServer

DAY = 24 * 3600
SIGNED_IN = 200
"""Sessions whose cookies the clients send in turn."""

USERS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :users)
INSERT INTO users (id, name, email) SELECT 'user ' || n, 'Hana Example', n || '@example.com' FROM numbers
"""
SESSIONS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :sessions)
INSERT INTO genkan_sessions
    (id, user_id, provider, created, last_seen, expires, absolute_expires, device, revoked_at, revocation_reason)
SELECT 'session ' || n, 'user ' || (n % :users), 'bench', :now, :now, :now + 2592000, :now + 7776000, 'benchmark',
    CASE WHEN n >= :active THEN :now END, CASE WHEN n >= :active THEN 'signed-out' END
FROM numbers
"""
REVOCATIONS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :revoked)
INSERT INTO revocations (kind, subject, at, until)
SELECT 'session', 'session ' || (:active + n), :now, :now + (1 + n % 90) * 86400 FROM numbers
"""


@dataclass(frozen=True)
class Size:
    """Rows: sessions that may be used, and sessions that are revoked."""

    active: int = 1_000
    revoked: int = 100

    @property
    def users(self) -> int:
        """Return the number of users, who have ten sessions each."""
        return max(1, self.active // 10)

    def __str__(self) -> str:
        """Return both numbers."""
        return f"{self.active:,} sessions, {self.revoked:,} revoked"


@dataclass(frozen=True)
class Store:
    """Filled database with the variables of a server that uses it, and the Cookie headers of users who are signed in."""

    environment: Mapping[str, str]
    cookies: tuple[str, ...]

    @property
    def port(self) -> int:
        """Return the port of AUTH_URL."""
        return int(self.environment["PORT"])


@dataclass
class Services:
    """Folder for SQLite files, and the servers of PostgreSQL and Redis that all stores of a run share."""

    folder: str
    postgresql: PostgreSQL
    redis: RedisServer

    @contextmanager
    def store(self, kind: str, size: Size | None = None) -> Iterator[Store]:
        """Create a database of the kind SQLite or PostgreSQL with this many rows. The latter is used with Redis."""
        if kind == "SQLite":
            yield sqlite_store(self.folder, size or Size(), {})
        else:
            with self.postgresql.migrated_database() as url:
                yield _store({"DATABASE_URL": url, "REDIS_URL": self.redis.url}, size or Size())


@contextmanager
def services(folder: str) -> Iterator[Services]:
    """Run PostgreSQL and Redis."""
    with postgres.running() as postgresql, redis_server.running() as redis:
        yield Services(folder, postgresql, redis)


def sqlite_store(folder: str, size: Size, variables: Mapping[str, str]) -> Store:
    """Create a SQLite database in the folder with this many rows. The server gets these variables, too."""
    url = f"sqlite:///{folder}/{secrets.token_hex(4)}.db"
    migrations.upgrade(url)
    return _store({"DATABASE_URL": url, **variables}, size)


def _store(variables: Mapping[str, str], size: Size) -> Store:
    port = free_port()
    environment = {
        "GENKAN_ENV": "production",
        "AUTH_SECRET": secrets.token_urlsafe(48),
        "AUTH_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        **variables,
    }
    with closing(Database(environment["DATABASE_URL"], timeout=120)) as database:
        _fill(database, size)
    return Store(environment, _cookies(environment, size))


def _fill(database: Database, size: Size) -> None:
    rows = {"users": size.users, "sessions": size.active + size.revoked, "active": size.active, "now": int(time.time())}
    database.run(lambda session: session.execute(text(USERS), {"users": size.users}))
    database.run(lambda session: session.execute(text(SESSIONS), rows))
    if size.revoked:
        parameters = {"revoked": size.revoked, "active": size.active, "now": rows["now"]}
        database.run(lambda session: session.execute(text(REVOCATIONS), parameters))
    if database.engine.dialect.name == "postgresql":
        database.run(lambda session: session.execute(text("ANALYZE")))


def _cookies(environment: Mapping[str, str], size: Size) -> tuple[str, ...]:
    core = create_app(environment).extensions["genkan"].core
    now = int(time.time())

    def cookie(number: int) -> str:
        claims = {
            "name": "Hana Example",
            "email": f"{number}@example.com",
            "picture": None,
            "sub": f"user {number % size.users}",
            "role": "user",
            "sid": f"session {number}",
            "session_start": now,
            "auth_time": now,
        }
        token = core.sessions.sealer.seal(claims, core.sessions.config.max_age)
        pair = core.csrf.create().cookie.replace("|", "%7C")
        return f"{core.cookie_names.csrf}={pair}; {core.cookie_names.session}={token}"

    return tuple(cookie(number) for number in range(min(SIGNED_IN, size.active)))
