"""Encrypted cache: a value that was not sealed by the application for its key is a miss."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from genkan.cache.base import Cache
from genkan.cache.sealed import SealedCache
from genkan.cache.shared import CachelibCache
from genkan.crypto.sealer import TextSealer
from genkan.types import JSON
from tests.clock import FrozenClock

SECRET, OLD_SECRET, UNKNOWN_SECRET = (f"tests-only-secret-number-{number}-of-three" for number in range(3))

VALUES: list[JSON] = [
    {"id": "1", "name": "Ada", "role": None}, [1, 2.5, "x"], "text", "", 0, 7, True, False, {}, [], "é€😀", {"deep": [{"er": [None]}]},
]  # fmt: skip


class Memory:
    """Cache that keeps every value, also after its time."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Store the value."""
        self.values[key] = value

    def mark(self, key: str, seconds: int) -> bool:
        """Mark the key."""
        is_new = key not in self.values
        self.values[key] = True
        return is_new

    def delete(self, key: str) -> None:
        """Remove the value."""
        self.values.pop(key, None)


def sealed_by(memory: Cache, clock: FrozenClock, *secrets: str, salt: str = "genkan.cache") -> SealedCache:
    sealer = TextSealer(secrets, salt)
    return SealedCache(memory, sealer.seal, sealer.open, clock)


@pytest.fixture(name="memory")
def _memory() -> Memory:
    return Memory()


@pytest.fixture(name="cache")
def _cache(memory: Memory, clock: FrozenClock) -> SealedCache:
    return sealed_by(memory, clock, SECRET, OLD_SECRET)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_read_as_stored_until_it_is_deleted(cache: SealedCache, value: JSON) -> None:
    cache.set("key", value, 60)
    assert cache.get("key") == value

    cache.delete("key")
    assert cache.get("key") is None


def test_a_value_and_its_key_are_not_readable(cache: SealedCache, memory: Memory) -> None:
    cache.set("profile:1", {"name": "Ada"}, 60)

    assert "Ada" not in memory.values["profile:1"]
    assert "profile" not in memory.values["profile:1"]


def test_a_document_of_a_mebibyte_is_sealed(cache: SealedCache) -> None:
    document = {"keys": [{"n": "x" * 1024}] * 1024}
    cache.set("keys", document, 60)

    assert cache.get("keys") == document


def test_a_value_that_was_moved_to_another_key_is_a_miss(cache: SealedCache, memory: Memory) -> None:
    cache.set("keys:attacker", {"keys": []}, 60)
    cache.set("keys:google", {"keys": [1]}, 60)
    memory.values["keys:google"] = memory.values["keys:attacker"]

    assert cache.get("keys:google") is None


def test_a_value_is_a_miss_after_its_time_although_it_is_still_there(
    cache: SealedCache, memory: Memory, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache.set("key", 1, 60)
    clock.advance(59)
    assert cache.get("key") == 1

    clock.advance(1)
    assert "key" in memory.values
    assert cache.get("key") is None
    assert caplog.records == []


@pytest.mark.parametrize(
    "forged",
    [
        {"at": 1, "document": {}}, json.dumps({"key": "key", "expires": 10**12, "value": 1}), "", "a.b.c.d.e", "a..b.c.d",
        "eyJhbGciOiJub25lIn0..AA.AA.AA", "x" * 100_000, "\u2603", 0, 7, True, False, [], {}, ["x"],
    ],
    ids=lambda forged: repr(forged)[:20],
)  # fmt: skip
def test_a_forged_value_is_a_miss_and_is_not_logged(
    cache: SealedCache, memory: Memory, forged: JSON, caplog: pytest.LogCaptureFixture
) -> None:
    memory.values["key"] = forged
    with caplog.at_level(logging.DEBUG):
        assert cache.get("key") is None

    (record,) = caplog.records
    assert len(record.getMessage()) < 120
    assert record.args == ()


def test_a_changed_value_is_a_miss(cache: SealedCache, memory: Memory) -> None:
    cache.set("key", "value", 60)
    sealed = memory.values["key"]
    for place in range(0, len(sealed), 7):
        memory.values["key"] = f"{sealed[:place]}{'A' if sealed[place] != 'A' else 'B'}{sealed[place + 1 :]}"
        assert cache.get("key") is None


def test_a_value_that_was_sealed_with_an_old_secret_of_the_list_is_read(
    cache: SealedCache, memory: Memory, clock: FrozenClock
) -> None:
    sealed_by(memory, clock, OLD_SECRET).set("key", "value", 60)

    assert cache.get("key") == "value"


def test_a_value_that_was_sealed_with_an_unknown_secret_is_a_miss(
    cache: SealedCache, memory: Memory, clock: FrozenClock
) -> None:
    sealed_by(memory, clock, UNKNOWN_SECRET).set("key", "value", 60)

    assert cache.get("key") is None


def test_a_value_that_was_sealed_for_another_purpose_is_a_miss(
    cache: SealedCache, memory: Memory, clock: FrozenClock
) -> None:
    sealed_by(memory, clock, SECRET, salt="genkan.account-tokens").set("key", "value", 60)

    assert cache.get("key") is None


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes"], ids=repr)
def test_a_value_that_json_does_not_support_is_not_stored(cache: SealedCache, memory: Memory, value: Any) -> None:
    cache.set("key", value, 60)

    assert memory.values == {}


def test_two_workers_share_sealed_values_in_redis(redis_url: str, clock: FrozenClock) -> None:
    one, other = (sealed_by(CachelibCache(redis_url), clock, SECRET) for _ in range(2))
    one.set("key", {"name": "Ada"}, 60)

    assert other.get("key") == {"name": "Ada"}
