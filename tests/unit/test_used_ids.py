"""Used ids of an application without a database: once in a process, in bounded memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from genkan.adapters.stateless import MAX_USED_IDS, StatelessAdapter
from genkan.cache.shared import CachelibCache
from tests.clock import FrozenClock


def test_an_id_is_used_once_until_it_expires(clock: FrozenClock) -> None:
    adapter = StatelessAdapter(clock)
    assert [adapter.use_once("flow", clock() + 900) for _ in range(3)] == [True, False, False]
    assert adapter.use_once("other", clock() + 900)
    assert (adapter.is_used("flow"), adapter.is_used("unknown")) == (True, False)
    clock.advance(900)
    assert not adapter.is_used("flow")
    assert adapter.use_once("flow", clock() + 900)


def test_of_many_threads_one_uses_an_id(clock: FrozenClock) -> None:
    adapter = StatelessAdapter(clock)
    with ThreadPoolExecutor(16) as pool:
        used = list(pool.map(lambda number: adapter.use_once(f"flow {number % 50}", clock() + 900), range(2000)))
    assert sum(used) == 50


def test_the_latest_ids_are_remembered(clock: FrozenClock) -> None:
    adapter = StatelessAdapter(clock)
    for number in range(MAX_USED_IDS + 1000):
        adapter.use_once(f"flow {number}", clock() + 900)
    assert len(adapter._used) == MAX_USED_IDS
    assert adapter.is_used(f"flow {MAX_USED_IDS + 999}")
    assert not adapter.is_used("flow 0")


def test_of_many_workers_with_one_redis_one_uses_an_id(clock: FrozenClock, redis_url: str) -> None:
    adapters = [StatelessAdapter(clock, CachelibCache(redis_url)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda adapter: adapter.use_once("flow", clock() + 900), adapters)) == 1


def test_without_its_redis_a_worker_refuses_what_it_has_seen_itself(clock: FrozenClock) -> None:
    adapter = StatelessAdapter(clock, CachelibCache("redis://127.0.0.1:1/0"))
    assert [adapter.use_once("flow", clock() + 900) for _ in range(2)] == [True, False]


def test_an_id_that_has_expired_already_can_be_marked(clock: FrozenClock, redis_url: str) -> None:
    adapter = StatelessAdapter(clock, CachelibCache(redis_url))
    assert adapter.use_once("flow", clock() - 5)
    assert not adapter.is_used("flow")
