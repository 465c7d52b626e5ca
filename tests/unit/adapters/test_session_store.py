"""Behaviour of every session store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from genkan.adapters.sessions import ACTIVITY_RETENTION_SECONDS, RETENTION_SECONDS, Activity, Revocation, SessionStore
from tests.databases import LIFETIME
from tests.session_stores import ADA, BOB, DAY, NOW, ids_of, record, revocations_of


def test_a_record_is_read_as_it_was_stored(store: SessionStore) -> None:
    stored = record(provider_sid="sid-at-hub", id_token="eyJ.a.b")
    assert store.create(stored)
    assert store.get("one") == stored
    assert store.get("two") is None


def test_active_sessions_are_listed_with_the_last_seen_first(store: SessionStore) -> None:
    for id, seen in (("a", 1), ("b", 3), ("c", 2)):
        store.create(record(id, last_seen=NOW + seen))
    store.create(record("expired", expires=NOW))
    store.create(record("revoked"))
    store.create(record("of-bob", BOB))
    store.revoke(["revoked"], "signed-out", NOW)
    assert ids_of(store.list_active(ADA, NOW)) == ["b", "c", "a"]
    assert sorted(ids_of(store.list_all_active(NOW, 10))) == ["a", "b", "c", "of-bob"]
    assert len(store.list_all_active(NOW, 2)) == 2


def test_a_session_is_revoked_once_with_one_revocation(store: SessionStore) -> None:
    store.create(record())
    revoked = store.revoke(["one", "none"], "ended", NOW + 5)
    assert [(expected.id, expected.revoked_at, expected.revocation_reason) for expected in revoked] == [
        ("one", NOW + 5, "ended")
    ]
    assert store.revoke(["one"], "owner", NOW + 9) == []
    assert store.revoke([], "owner", NOW + 9) == []
    assert store.revocations_since(0, 9) == [Revocation(1, "session", "one", NOW + 5, NOW + LIFETIME)]
    assert store.get("one") == revoked[0]


def test_revoking_other_sessions_keeps_the_current_one_and_those_of_other_users(store: SessionStore) -> None:
    for id in ("a", "b", "c"):
        store.create(record(id))
    store.create(record("of-bob", BOB))
    assert sorted(ids_of(store.revoke_others(ADA, "b", "ended", NOW))) == ["a", "c"]
    assert ids_of(store.list_active(ADA, NOW)) == ["b"]
    assert ids_of(store.list_active(BOB, NOW)) == ["of-bob"]
    assert sorted(revocations_of(store)) == [("session", "a"), ("session", "c"), ("user", ADA)]
    assert ids_of(store.revoke_others(ADA, None, "ended", NOW)) == ["b"]


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
    assert sorted(ids_of(store.revoke_by_provider("hub", "provider", NOW, **selection))) == expected
    assert sorted(subject for _, subject in revocations_of(store)) == expected


def test_a_provider_must_name_a_session_or_a_user(store: SessionStore) -> None:
    store.create(record())
    with pytest.raises(ValueError, match="provider_sid, user_id or both"):
        store.revoke_by_provider("hub", "provider", NOW)
    assert ids_of(store.list_active(ADA, NOW)) == ["one"]


def test_revocations_are_read_in_order_and_in_batches(store: SessionStore) -> None:
    store.mark_user_changed(ADA, NOW)
    store.revoke_unrecorded("jti:x", NOW)
    store.mark_user_changed(BOB, NOW)
    first = store.revocations_since(0, 2)
    assert [revocation.subject for revocation in first] == [ADA, "jti:x"]
    assert revocations_of(store, first[-1].id) == [("changed", BOB)]
    assert {revocation.until for revocation in first} == {NOW + LIFETIME}


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
    store.revoke(["one"], "ended", NOW)
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
    store.revoke(["one"], "signed-out", NOW + DAY)
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


def test_purge_deletes_expired_rows_only(store: SessionStore) -> None:
    store.create(record("active"))
    store.create(record("just expired", expires=NOW))
    store.create(record("expired", expires=NOW - RETENTION_SECONDS))
    store.revoke_unrecorded("a", NOW - LIFETIME - RETENTION_SECONDS)
    store.revoke_unrecorded("b", NOW)
    store.add_activity(ADA, Activity(at=NOW - ACTIVITY_RETENTION_SECONDS, kind="signed-in"))
    store.add_activity(ADA, Activity(at=NOW, kind="signed-in"))
    assert store.purge(NOW) == 3
    assert store.purge(NOW) == 0
    assert store.get("expired") is None
    assert store.get("active")
    assert store.get("just expired")
    assert revocations_of(store) == [("session", "b")]


def test_a_revocation_is_kept_for_the_longest_lifetime_of_a_token(store: SessionStore) -> None:
    store.create(record(absolute_expires=NOW + DAY))
    store.revoke(["one"], "ended", NOW + 2 * DAY)
    store.purge(NOW + LIFETIME)
    assert revocations_of(store) == [("session", "one")]
