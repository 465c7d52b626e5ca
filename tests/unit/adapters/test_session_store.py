"""Behaviour of every session store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from genkan.adapters.sessions import Activity, Revocation, SessionStore
from tests.clock import FrozenClock
from tests.databases import LIFETIME
from tests.session_stores import ADA, BOB, DAY, NOW, Reader, ids_of, record, revocations_of


def test_a_record_is_read_as_it_was_stored(store: SessionStore) -> None:
    stored = record(provider_sid="sid-at-hub", id_token="eyJ.a.b")
    assert store.create(stored) == []
    assert store.get("one") == stored
    assert store.get("two") is None


def test_active_sessions_are_listed_with_the_last_seen_first(store: SessionStore) -> None:
    for id, seen in (("a", 1), ("b", 3), ("c", 2)):
        store.create(record(id, last_seen=NOW + seen))
    store.create(record("expired", expires=NOW))
    store.create(record("revoked"))
    store.create(record("of-bob", BOB))
    store.revoke_session("revoked", "signed-out")
    assert ids_of(store.list_active(ADA, NOW)) == ["b", "c", "a"]
    assert sorted(ids_of(store.list_all_active(NOW, 10))) == ["a", "b", "c", "of-bob"]
    assert len(store.list_all_active(NOW, 2)) == 2


def test_a_session_is_revoked_once_with_one_revocation(store: SessionStore, clock: FrozenClock) -> None:
    store.create(record())
    clock.advance(5)
    revoked = store.revoke_session("one", "ended")
    assert revoked == replace(record(), revoked_at=NOW + 5, revocation_reason="ended")
    assert store.get("one") == revoked
    clock.advance(4)
    assert store.revoke_session("one", "owner") is None
    assert store.get("one") == revoked
    assert Reader(store).read() == [Revocation("session", "one", NOW + 5, NOW + 5 + LIFETIME)]


def test_a_session_without_a_record_is_revoked_with_one_revocation(store: SessionStore) -> None:
    for _ in range(2):
        assert store.revoke_session("jti:x", "signed-out") is None
    assert Reader(store).read() == [Revocation("session", "jti:x", NOW, NOW + LIFETIME)]


def test_revoking_other_sessions_keeps_the_current_one_and_those_of_other_users(store: SessionStore) -> None:
    for id in ("a", "b", "c"):
        store.create(record(id))
    store.create(record("of-bob", BOB))
    assert store.revoke_user(ADA, except_sid="b") == 2
    assert ids_of(store.list_active(ADA, NOW)) == ["b"]
    assert ids_of(store.list_active(BOB, NOW)) == ["of-bob"]
    assert Reader(store).read() == [Revocation("user", ADA, NOW, NOW + LIFETIME, "b")]
    assert store.revoke_user(ADA) == 1
    assert store.list_active(ADA, NOW) == []
    assert ids_of(store.list_active(BOB, NOW)) == ["of-bob"]
    assert revocations_of(store) == [("user", ADA)]


def test_revoking_the_sessions_of_all_users_counts_the_active_ones(store: SessionStore) -> None:
    for id, user_id in (("a", ADA), ("b", ADA), ("c", BOB)):
        store.create(record(id, user_id))
    store.create(record("expired", expires=NOW))
    store.revoke_session("a", "ended")
    assert store.revoke_everyone() == 2
    assert store.revoke_everyone() == 0
    assert store.list_all_active(NOW, 9) == []
    assert revocations_of(store) == [("everyone", ""), ("session", "a")]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"provider_sid": "s1"}, ["a", "b"]),
        ({"user_id": ADA}, ["a", "c"]),
        ({"provider_sid": "s1", "user_id": ADA}, ["a"]),
        ({"provider_sid": "s9"}, []),
    ],
)
def test_a_provider_revokes_the_sessions_started_with_it(
    store: SessionStore, selection: dict[str, Any], expected: list[str]
) -> None:
    store.create(record("a", provider_sid="s1"))
    store.create(record("b", BOB, provider_sid="s1"))
    store.create(record("c", provider_sid="s2"))
    store.create(record("d", provider_sid="s1", provider="lab"))
    assert sorted(ids_of(store.revoke_by_provider("hub", "provider", **selection))) == expected
    assert revocations_of(store) == [("session", id) for id in expected]


def test_a_provider_must_name_a_session_or_a_user(store: SessionStore) -> None:
    store.create(record())
    with pytest.raises(ValueError, match="provider_sid, user_id or both"):
        store.revoke_by_provider("hub", "provider")
    assert ids_of(store.list_active(ADA, NOW)) == ["one"]


def test_each_reading_continues_from_the_last_one(store: SessionStore, clock: FrozenClock) -> None:
    reader = Reader(store)
    store.mark_user_changed(ADA)
    store.revoke_session("jti:x", "signed-out")
    first = reader.read()
    assert {(revocation.kind, revocation.subject) for revocation in first} == {("changed", ADA), ("session", "jti:x")}
    assert {revocation.until for revocation in first} == {NOW + LIFETIME}
    store.mark_user_changed(BOB)
    assert reader.read() == [Revocation("changed", BOB, NOW, NOW + LIFETIME)]
    assert reader.read() == []
    clock.advance(7.5)
    assert store.read_revocations(reader.position, lambda _: None).now == NOW + 7.5


def test_last_seen_is_written_at_most_once_per_interval(store: SessionStore) -> None:
    store.create(record())
    assert not store.touch("one", NOW + 299, min_interval=300)
    assert store.touch("one", NOW + 300, min_interval=300)
    assert not store.touch("one", NOW + 301, min_interval=300)
    assert not store.touch("none", NOW + 900, min_interval=300)
    found = store.get("one")
    assert found is not None
    assert (found.last_seen, found.expires) == (NOW + 300, NOW + 30 * DAY)


def test_a_revoked_session_is_not_touched(store: SessionStore) -> None:
    store.create(record())
    store.revoke_session("one", "ended")
    assert not store.touch("one", NOW + 900, min_interval=300)
    assert not store.touch("one", NOW + 900, min_interval=60, expires=NOW + 60 * DAY)


# requirement S7
def test_one_of_many_concurrent_extensions_writes(store: SessionStore) -> None:
    """Concurrent requests extend a session to nearly the same second."""
    store.create(record())
    barrier = Barrier(10, timeout=30)

    def extend(number: int) -> bool:
        barrier.wait()
        return store.touch("one", NOW + DAY + number % 3, min_interval=60, expires=NOW + 31 * DAY + number % 3)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(extend, range(50))) == 1


def test_claims_are_found_by_the_hash_of_the_token(store: SessionStore) -> None:
    claims = {"sub": ADA, "sid": "one", "half": "\ufffd", "nul": "\0", "deep": {"a": [1, None]}}
    store.create(record(), claims=claims, token_hash="h1")
    store.create(record("two"))
    assert store.get_claims("h1", NOW) == claims
    assert store.get_claims("h2", NOW) is None
    assert store.get_claims("h1", NOW + 30 * DAY) is None
    store.update("one", {"sub": ADA, "sid": "one"}, NOW + 31 * DAY, NOW + DAY)
    assert store.get_claims("h1", NOW + 30 * DAY) == {"sub": ADA, "sid": "one"}
    store.revoke_session("one", "signed-out")
    assert store.get_claims("h1", NOW + DAY) is None
    store.update("one", {"sub": ADA}, NOW + 40 * DAY, NOW + DAY)
    assert store.get_claims("h1", NOW + DAY) is None


def test_activity_is_listed_with_the_latest_first(store: SessionStore) -> None:
    for at in range(5):
        store.add_activity(
            ADA, Activity(at=NOW + at, kind="signed-in", provider="hub", device="curl", ip_address="192.0.2.1")
        )
    store.add_activity(BOB, Activity(at=NOW, kind="refused"))
    assert [entry.at - NOW for entry in store.list_activity(ADA, 3)] == [4, 3, 2]
    assert store.list_activity(BOB, 3) == [Activity(at=NOW, kind="refused")]
