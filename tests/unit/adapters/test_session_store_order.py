"""More of what every store of sessions must promise: what has ended stays as it was, and order is never left to chance."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import SessionStore
from tests.session_stores import ADA, BOB
from tests.unit.adapters.test_session_store import DAY, NOW, ids_of, record


@pytest.mark.parametrize("every", [0, 60])
def test_rewriting_a_session_that_has_ended_changes_nothing(store: SessionStore, every: int) -> None:
    store.create(record(), claims={"sub": ADA}, token_hash="h1")
    store.revoke(["one"], "signed-out", NOW + 5)
    ended = store.get("one")
    store.update("one", {"sub": BOB}, NOW + 60 * DAY, NOW + 9, min_interval=every)

    assert ended is not None
    assert store.get("one") == ended
    assert (ended.expires, ended.last_seen, ended.revoked_at) == (NOW + 30 * DAY, NOW, NOW + 5)


def test_sessions_that_were_seen_in_the_same_second_come_in_the_order_of_their_names(store: SessionStore) -> None:
    for id in ("d", "b", "c", "a"):
        store.create(record(id))
    store.create(record("z", last_seen=NOW + 1))

    assert ids_of(store.list_active(ADA, NOW)) == ["z", "a", "b", "c", "d"]
    assert ids_of(store.list_all_active(NOW, 3)) == ["z", "a", "b"]
