"""Size limit, order and thread safety of the in-memory cache."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from genkan.cache.bounded import BoundedCache


def _key(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def test_a_stored_value_is_found() -> None:
    cache: BoundedCache[str] = BoundedCache(10)
    cache.set(b"ada", "Ada")
    assert cache.get(b"ada") == "Ada"
    assert cache.get(b"bob") is None


def test_the_newest_entries_within_the_limit_are_kept() -> None:
    cache: BoundedCache[int] = BoundedCache(1000)
    for number in range(100_000):
        cache.set(_key(number), number)
    assert len(cache) == 1000
    assert [cache.get(_key(number)) for number in (98_999, 99_000, 99_999)] == [None, 99_000, 99_999]


def test_setting_a_key_again_makes_it_the_newest() -> None:
    cache: BoundedCache[int] = BoundedCache(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)):
        cache.set(key, value)
    assert [cache.get(key) for key in (b"a", b"b", b"c")] == [3, None, 4]


def test_replacing_a_value_in_a_full_cache_drops_no_other() -> None:
    cache: BoundedCache[int] = BoundedCache(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"b", 3)):
        cache.set(key, value)
    assert [cache.get(key) for key in (b"a", b"b")] == [1, 3]


def test_the_cache_is_safe_between_threads() -> None:
    cache: BoundedCache[int] = BoundedCache(50)

    def use_cache(first: int) -> bool:
        for number in range(first, first + 2000):
            cache.set(_key(number), number)
            if cache.get(_key(number)) not in (number, None):
                return False
            cache.set(_key(number - 7), number, 51)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use_cache, range(0, 16_000, 2000)))
    assert len(cache) <= 50


def test_a_heavy_value_drops_as_many_entries_as_needed() -> None:
    cache: BoundedCache[int] = BoundedCache(10)
    for number in range(10):
        cache.set(_key(number), number)
    cache.set(b"heavy", 1, 7)
    assert len(cache) == 4
    assert [cache.get(_key(number)) for number in (6, 7, 9)] == [None, 7, 9]
    cache.set(b"heavier", 2, 10)
    assert (cache.get(b"heavier"), len(cache)) == (2, 1)


def test_a_too_heavy_value_is_not_stored_and_the_old_one_is_removed() -> None:
    cache: BoundedCache[int] = BoundedCache(10)
    cache.set(b"ada", 1, 5)
    cache.set(b"bob", 2, 5)
    cache.set(b"ada", 3, 11)
    assert [cache.get(key) for key in (b"ada", b"bob")] == [None, 2]


def test_a_dropped_value_no_longer_counts() -> None:
    cache: BoundedCache[int] = BoundedCache(10)
    for number in range(1000):
        cache.set(b"again", number, 9)
        cache.set(_key(number), number, 10)
        cache.set(_key(number), number, 11)
    cache.set(b"heavy", 1, 10)
    cache.clear()
    for number in range(10):
        cache.set(_key(number), number)
    assert len(cache) == 10


def test_the_total_weight_is_that_of_the_entries_after_random_use() -> None:
    cache: BoundedCache[tuple[int, int]] = BoundedCache(100)
    rng = random.Random(7)
    for number in range(5000):
        key, weight = _key(rng.randrange(40)), rng.randrange(1, 130)
        cache.set(key, (number, weight), weight)
        values = [value for value in map(cache.get, map(_key, range(40))) if value is not None]
        assert len(values) == len(cache)
        assert sum(weight for _, weight in values) <= 100
