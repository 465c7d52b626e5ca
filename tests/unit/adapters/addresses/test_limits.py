"""Counters that all workers share: periods, growing delays, and parallel attempts."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from genkan.adapters.addresses import AddressStores, LimitStore
from genkan.adapters.memory_limits import MemoryLimitStore
from genkan.adapters.sqlalchemy import Database
from tests.clock import FrozenClock

RULE: dict[str, Any] = {"free": 5, "first_delay": 2, "max_delay": 15, "period": 3600}


@pytest.fixture(name="limits", params=["database", "memory"])
def _limits(request: pytest.FixtureRequest, local: AddressStores, clock: FrozenClock) -> LimitStore:
    return local.limits if request.param == "database" else MemoryLimitStore(clock)


def test_a_count_starts_again_after_its_period(limits: LimitStore, clock: FrozenClock) -> None:
    assert [limits.count("a", 60) for _ in range(3)] == [1, 2, 3]
    assert limits.count("b", 60) == 1
    clock.advance(59)
    assert limits.count("a", 60) == 4
    clock.advance(1)
    assert limits.count("a", 60) == 1
    limits.clear("a")
    assert limits.count("a", 60) == 1


def test_a_hundred_parallel_counts_are_all_counted(limits: LimitStore) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(lambda _: limits.count("a", 60), range(100))) == list(range(1, 101))


def test_counts_are_taken_back_down_to_zero(limits: LimitStore) -> None:
    for key in ("a", "a", "b"):
        limits.count(key, 60)
    for _ in range(2):
        limits.uncount("a", "b", "c")

    assert [limits.count(key, 60) for key in ("a", "b", "c")] == [1, 1, 1]


def test_of_a_hundred_parallel_attempts_the_free_ones_are_allowed(limits: LimitStore) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(lambda _: limits.attempt("a", **RULE), range(100))) == {0: 5, 2: 95}


@pytest.mark.parametrize(("free", "delays"), [(5, [0, 0, 0, 0, 2, 4, 8, 15, 15]), (1, [2, 4, 8, 15])])
def test_each_further_attempt_doubles_the_delay(
    limits: LimitStore, clock: FrozenClock, free: int, delays: list[int]
) -> None:
    rule = {**RULE, "free": free}
    for delay in delays:
        assert limits.attempt("a", **rule) == 0
        for waited in range(delay):
            assert limits.attempt("a", **rule) == delay - waited
            clock.advance(1)


def test_a_counter_ends_after_the_last_attempt_or_when_it_is_cleared(limits: LimitStore, clock: FrozenClock) -> None:
    for _ in range(5):
        assert limits.attempt("a", **RULE) == 0
    clock.advance(3599)
    assert limits.attempt("a", **RULE) == 0
    assert limits.attempt("a", **RULE) == 4
    limits.clear("a")
    assert [limits.attempt("a", **RULE) for _ in range(6)] == [0] * 5 + [2]
    clock.advance(3600)
    assert [limits.attempt("a", **RULE) for _ in range(6)] == [0] * 5 + [2]


def test_an_attempt_is_allowed_a_part_of_a_second_too_late_and_never_too_early(
    limits: LimitStore, clock: FrozenClock
) -> None:
    clock.advance(0.75)
    assert [limits.attempt("a", **RULE) for _ in range(6)] == [0] * 5 + [3]
    clock.advance(2)
    assert limits.attempt("a", **RULE) == 1
    clock.advance(0.25)
    assert limits.attempt("a", **RULE) == 0


def test_what_is_counted_is_not_stored(local: AddressStores, database: Database) -> None:
    local.limits.count("code:hana@example.org", 60)
    with database.read() as session:
        [key] = session.execute(text("SELECT key FROM genkan_limits")).scalars()
    assert len(key) == 64
    assert "hana" not in key
