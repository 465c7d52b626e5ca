"""Shared cache: JSON only, and a failure is a miss."""

from __future__ import annotations

import builtins
import json
import logging
import pickle
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import perf_counter
from typing import Any

import pytest
import redis

from genkan.cache.shared import RETRY_SECONDS, SOCKET_SECONDS, CachelibCache, JSONSerializer
from genkan.types import JSON
from tests.clock import FrozenClock
from tests.servers.redis_server import RedisServer

VALUES: list[JSON] = [
    {"id": "1", "name": "Ada", "role": None}, [1, 2.5, "x"], "text", "", 0, 7, True, False, {}, [], "é€😀", {"deep": [{"er": [None]}]},
]  # fmt: skip


class PickleBomb:
    """Object that sets a flag when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import builtins; builtins.genkan_bomb_ran = True",))


INVALID_DATA = [
    pickle.dumps(PickleBomb()), b"!" + pickle.dumps(PickleBomb()), pickle.dumps(PickleBomb(), 0), b"\x80\x05.", b"!", b"", b"{", b"\xff\xfe",
    b"[" * 200_000, b"NaN" * 3, b"9" * 5000, b"'x'",
]  # fmt: skip


@pytest.fixture(name="remote")
def _remote(redis_url: str) -> CachelibCache:
    return CachelibCache(redis_url)


@pytest.fixture(name="local")
def _local() -> CachelibCache:
    return CachelibCache(None)


@pytest.fixture(name="silent_port")
def _silent_port() -> Iterator[int]:
    """Port of a server that accepts connections and sends nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def both(local: CachelibCache, remote: CachelibCache) -> tuple[CachelibCache, CachelibCache]:
    return local, remote


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_read_as_stored_in_process_and_in_redis(
    local: CachelibCache, remote: CachelibCache, value: JSON
) -> None:
    for cache in both(local, remote):
        cache.set("key", value, 60)
        assert cache.get("key") == value
        cache.delete("key")
        assert cache.get("key") is None


def test_redis_holds_json_with_a_prefix_and_an_expiry(remote: CachelibCache, redis_url: str) -> None:
    remote.set("profile:1", {"name": "Ada"}, 60)
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == [b"genkan:profile:1"]
        stored = client.get("genkan:profile:1")
        assert isinstance(stored, bytes)
        assert json.loads(stored) == {"name": "Ada"}
        assert client.ttl("genkan:profile:1") in range(50, 61)


def test_two_workers_share_the_values_in_redis(remote: CachelibCache, redis_url: str) -> None:
    other = CachelibCache(redis_url)
    other.set("key", [1], 60)

    assert remote.get("key") == [1]


@pytest.mark.parametrize("data", INVALID_DATA, ids=lambda data: repr(data[:12]))
def test_other_data_in_redis_is_a_miss_and_is_not_executed(remote: CachelibCache, redis_url: str, data: bytes) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("genkan:key", data)

    assert remote.get("key") is None
    assert not hasattr(builtins, "genkan_bomb_ran")
    remote.set("other", 1, 60)
    assert remote.get("other") == 1  # invalid data is not a failure of Redis


def test_the_pickle_bomb_runs_code_when_unpickled() -> None:
    pickle.loads(pickle.dumps(PickleBomb()))  # noqa: S301 (the purpose of this test)

    assert builtins.__dict__.pop("genkan_bomb_ran") is True


def test_a_value_that_json_does_not_support_is_not_stored(local: CachelibCache) -> None:
    local.set("key", {1, 2}, 60)  # type: ignore[arg-type]

    assert JSONSerializer().loads(None) is None
    assert local.get("key") is None


def test_an_unreachable_redis_is_a_miss_until_it_is_back(
    remote: CachelibCache, redis_server: RedisServer, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    remote._clock = clock
    remote.set("key", 1, 60)
    redis_server.stop()
    with caplog.at_level(logging.WARNING):
        assert [remote.get("key") for _ in range(100)] == [None] * 100
        remote.set("key", 2, 60)
        remote.delete("key")
    assert len(caplog.records) == 1

    redis_server.start()
    assert remote.get("key") is None
    clock.advance(RETRY_SECONDS)
    remote.set("key", 3, 60)
    assert remote.get("key") == 3


def test_a_redis_that_does_not_respond_delays_one_call_only(silent_port: int, clock: FrozenClock) -> None:
    cache = CachelibCache(f"redis://127.0.0.1:{silent_port}/0")
    cache._clock = clock
    started = perf_counter()
    assert [cache.get("key") for _ in range(100)] == [None] * 100

    assert perf_counter() - started < 20 * SOCKET_SECONDS


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "redis://nowhere.invalid:6379/0", "redis://user:secret-word@127.0.0.1:1/0"]
)
def test_a_failure_is_logged_without_address_and_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert CachelibCache(url).get("key") is None

    assert not any(
        word in str(vars(record)) for record in caplog.records for word in ("secret-word", "nowhere.invalid")
    )


def test_the_in_process_cache_has_a_limited_number_of_entries(local: CachelibCache) -> None:
    for number in range(2200):
        local.set(f"key {number}", number, 60)

    assert sum(local.get(f"key {number}") is not None for number in range(2200)) <= 2001


def test_a_key_is_marked_once_in_process_and_in_redis(local: CachelibCache, remote: CachelibCache) -> None:
    for cache in both(local, remote):
        assert [cache.mark("key", 60) for _ in range(3)] == [True, False, False]
        assert cache.mark("other", 60)


def test_of_many_workers_one_marks_a_key(redis_url: str) -> None:
    caches = [CachelibCache(redis_url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda cache: cache.mark("key", 60), caches)) == 1


def test_an_unreachable_redis_lets_every_mark_pass(silent_port: int) -> None:
    assert CachelibCache(f"redis://127.0.0.1:{silent_port}/0").mark("key", 60)
