"""Revoked sessions stay unchanged, and lists have a fixed order."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import SessionStore
from tests.clock import FrozenClock
from tests.session_stores import ADA, BOB, DAY, NOW, ids_of, record


@pytest.mark.parametrize("min_interval", [0, 60])
def test_updating_a_revoked_session_changes_nothing(store: SessionStore, clock: FrozenClock, min_interval: int) -> None:
    store.create(record(), claims={"sub": ADA}, token_hash="h1")
    clock.advance(5)
    store.revoke_session("one", "signed-out")
    revoked = store.get("one")
    store.update("one", {"sub": BOB}, NOW + 60 * DAY, NOW + 9, min_interval=min_interval)

    assert revoked is not None
    assert store.get("one") == revoked
    assert (revoked.expires, revoked.last_seen, revoked.revoked_at) == (NOW + 30 * DAY, NOW, NOW + 5)


def test_sessions_last_seen_in_the_same_second_are_ordered_by_id(store: SessionStore) -> None:
    for id in ("d", "b", "c", "a"):
        store.create(record(id))
    store.create(record("z", last_seen=NOW + 1))

    assert ids_of(store.list_active(ADA, NOW)) == ["z", "a", "b", "c", "d"]
    assert ids_of(store.list_all_active(NOW, 3)) == ["z", "a", "b"]
