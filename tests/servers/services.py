"""Fixtures for servers. Each server starts with the first test that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.servers import caching_proxy as proxies
from tests.servers import postgres
from tests.servers import redis_server as redis_process
from tests.servers.caching_proxy import CachingProxy
from tests.servers.postgres import PostgreSQL
from tests.servers.redis_server import RedisServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgreSQL]:
    """Start one PostgreSQL for the run. A test that stops it starts it again."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgreSQL) -> Iterator[str]:
    """Return the URL of a new, empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgreSQL) -> Iterator[str]:
    """Yield the URL of a new PostgreSQL database with our tables."""
    with postgres_server.migrated_database() as url:
        yield url


@pytest.fixture(scope="session")
def shared_redis_server() -> Iterator[RedisServer]:
    """Start one Redis for the run."""
    with redis_process.running() as server:
        yield server


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> Iterator[RedisServer]:
    """Return a running Redis. The test may stop and start it."""
    yield shared_redis_server
    shared_redis_server.start()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Return the URL of the Redis, emptied."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="module", params=sorted(proxies.PROXIES))
def caching_proxy(request: pytest.FixtureRequest) -> Iterator[CachingProxy]:
    """Start each caching proxy in turn, with an empty cache and without an upstream server."""
    with proxies.PROXIES[request.param]() as proxy:
        yield proxy
