"""More of what every store of sessions must promise: what has ended stays as it was, and order is never left to chance."""

from __future__ import annotations

import pytest

from genkan.session_records import SessionStore
from tests.core.test_session_store import DAY, NOW, names, record
from tests.session_stores import ADA, BOB


@pytest.mark.parametrize("every", [0, 60])
def test_rewriting_a_session_that_has_ended_changes_nothing(store: SessionStore, every: int) -> None:
    store.start(record(), claims={"sub": ADA}, token_hash="h1")
    store.end(["one"], "signed-out", NOW + 5)
    ended = store.get("one")
    store.rewrite("one", {"sub": BOB}, NOW + 60 * DAY, NOW + 9, every=every)

    assert ended is not None
    assert store.get("one") == ended
    assert (ended.expires, ended.last_seen, ended.ended) == (NOW + 30 * DAY, NOW, NOW + 5)


def test_sessions_that_were_seen_in_the_same_second_come_in_the_order_of_their_names(store: SessionStore) -> None:
    for id in ("d", "b", "c", "a"):
        store.start(record(id))
    store.start(record("z", last_seen=NOW + 1))

    assert names(store.live(ADA, NOW)) == ["z", "a", "b", "c", "d"]
    assert names(store.list_live(NOW, 3)) == ["z", "a", "b"]
