"""Fixtures for the servers that tests talk to; each starts when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.servers import caching_proxy as proxies
from tests.servers import postgres as postgres_peer
from tests.servers import redis_server as redis_peer
from tests.servers.caching_proxy import CachingProxy
from tests.servers.postgres import PostgreSQL
from tests.servers.redis_server import RedisServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgreSQL]:
    """One PostgreSQL for the whole run; a test that stops it starts it again."""
    with postgres_peer.running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgreSQL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def shared_redis_server() -> Iterator[RedisServer]:
    """One Redis for the whole run."""
    with redis_peer.running() as server:
        yield server


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> Iterator[RedisServer]:
    """A running, empty Redis; the test may stop and start it as it likes."""
    yield shared_redis_server
    shared_redis_server.start()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="module", params=sorted(proxies.PROXIES))
def caching_proxy(request: pytest.FixtureRequest) -> Iterator[CachingProxy]:
    """Each of the caching proxies in turn, empty, with nobody at its back yet."""
    with proxies.PROXIES[request.param]() as proxy:
        yield proxy
