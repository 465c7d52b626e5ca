"""What one worker remembers: so much and no more, the newest, and safe between threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from genkan.cache.bounded import BoundedCache


def _key(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def test_what_was_put_is_found_and_nothing_else() -> None:
    memory: BoundedCache[str] = BoundedCache(10)
    memory.set(b"ada", "Ada")
    assert memory.get(b"ada") == "Ada"
    assert memory.get(b"bob") is None


def test_a_hundred_thousand_keys_leave_no_more_than_the_limit_and_those_are_the_newest() -> None:
    memory: BoundedCache[int] = BoundedCache(1000)
    for number in range(100_000):
        memory.set(_key(number), number)
    assert len(memory) == 1000
    assert [memory.get(_key(number)) for number in (98_999, 99_000, 99_999)] == [None, 99_000, 99_999]


def test_putting_again_replaces_and_makes_it_the_newest() -> None:
    memory: BoundedCache[int] = BoundedCache(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)):
        memory.set(key, value)
    assert [memory.get(key) for key in (b"a", b"b", b"c")] == [3, None, 4]


def test_putting_again_when_full_drops_nothing_else() -> None:
    memory: BoundedCache[int] = BoundedCache(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"b", 3)):
        memory.set(key, value)
    assert [memory.get(key) for key in (b"a", b"b")] == [1, 3]


def test_eight_threads_at_once_neither_fail_nor_mix_up_nor_go_past_the_limit() -> None:
    memory: BoundedCache[int] = BoundedCache(50)

    def work(first: int) -> bool:
        for number in range(first, first + 2000):
            memory.set(_key(number), number)
            if memory.get(_key(number)) not in (number, None):
                return False
            memory.set(_key(number - 7), number, 51)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(0, 16_000, 2000)))
    assert len(memory) <= 50


def test_heavy_values_push_out_as_many_as_they_need_the_place_of() -> None:
    memory: BoundedCache[int] = BoundedCache(10)
    for number in range(10):
        memory.set(_key(number), number)
    memory.set(b"heavy", 1, 7)
    assert len(memory) == 4
    assert [memory.get(_key(number)) for number in (6, 7, 9)] == [None, 7, 9]
    memory.set(b"heavier", 2, 10)
    assert (memory.get(b"heavier"), len(memory)) == (2, 1)


def test_what_is_too_heavy_is_not_kept_and_what_it_would_have_replaced_is_gone() -> None:
    memory: BoundedCache[int] = BoundedCache(10)
    memory.set(b"ada", 1, 5)
    memory.set(b"bob", 2, 5)
    memory.set(b"ada", 3, 11)
    assert [memory.get(key) for key in (b"ada", b"bob")] == [None, 2]


def test_what_is_dropped_weighs_nothing_any_more() -> None:
    memory: BoundedCache[int] = BoundedCache(10)
    for number in range(1000):
        memory.set(b"again", number, 9)
        memory.set(_key(number), number, 10)
        memory.set(_key(number), number, 11)
    memory.set(b"heavy", 1, 10)
    memory.clear()
    for number in range(10):
        memory.set(_key(number), number)
    assert len(memory) == 10


def test_whatever_is_put_and_dropped_the_weights_are_those_of_what_is_there() -> None:
    memory: BoundedCache[tuple[int, int]] = BoundedCache(100)
    chance = random.Random(7)
    for number in range(5000):
        key, weight = _key(chance.randrange(40)), chance.randrange(1, 130)
        memory.set(key, (number, weight), weight)
        kept = [value for value in map(memory.get, map(_key, range(40))) if value is not None]
        assert len(kept) == len(memory)
        assert sum(weight for _, weight in kept) <= 100
