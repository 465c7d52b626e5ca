"""What one worker remembers: so much and no more, the newest, and safe between threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from genkan.memory import Memory


def _key(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def test_what_was_put_is_found_and_nothing_else() -> None:
    memory: Memory[str] = Memory(10)
    memory.put(b"ada", "Ada")
    assert memory.get(b"ada") == "Ada"
    assert memory.get(b"bob") is None


def test_a_hundred_thousand_keys_leave_no_more_than_the_limit_and_those_are_the_newest() -> None:
    memory: Memory[int] = Memory(1000)
    for number in range(100_000):
        memory.put(_key(number), number)
    assert len(memory) == 1000
    assert [memory.get(_key(number)) for number in (98_999, 99_000, 99_999)] == [None, 99_000, 99_999]


def test_putting_again_replaces_and_makes_it_the_newest() -> None:
    memory: Memory[int] = Memory(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)):
        memory.put(key, value)
    assert [memory.get(key) for key in (b"a", b"b", b"c")] == [3, None, 4]


def test_putting_again_when_full_drops_nothing_else() -> None:
    memory: Memory[int] = Memory(2)
    for key, value in ((b"a", 1), (b"b", 2), (b"b", 3)):
        memory.put(key, value)
    assert [memory.get(key) for key in (b"a", b"b")] == [1, 3]


@pytest.mark.parametrize("key", [b"ada", b"nobody"])
def test_what_is_forgotten_is_gone_and_forgetting_nothing_is_fine(key: bytes) -> None:
    memory: Memory[int] = Memory(2)
    memory.put(b"ada", 1)
    memory.forget(key)
    memory.forget(key)
    assert memory.get(key) is None
    assert len(memory) == (0 if key == b"ada" else 1)


def test_eight_threads_at_once_neither_fail_nor_mix_up_nor_go_past_the_limit() -> None:
    memory: Memory[int] = Memory(50)

    def work(first: int) -> bool:
        for number in range(first, first + 2000):
            memory.put(_key(number), number)
            if memory.get(_key(number)) not in (number, None):
                return False
            memory.forget(_key(number - 7))
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(0, 16_000, 2000)))
    assert len(memory) <= 50
