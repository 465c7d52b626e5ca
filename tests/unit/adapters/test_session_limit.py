"""Limit of the active sessions of one user."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import insert

from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore, models
from genkan.adapters.sqlalchemy.session_store import COLUMNS, MAX_REVOKED
from tests.databases import store_in
from tests.session_stores import ADA, BOB, NOW, ids_of, record, revocations_of

LIMIT = 3

pytestmark = pytest.mark.usefixtures("user_adapter")


@pytest.fixture(name="limited")
def _limited(session_database: Database) -> SQLAlchemySessionStore:
    return store_in(session_database, max_sessions=LIMIT)


def test_the_least_recently_seen_session_above_the_limit_is_revoked(limited: SQLAlchemySessionStore) -> None:
    for id, seen in (("a", 3), ("b", 1), ("c", 2)):
        assert limited.create(record(id, last_seen=NOW + seen)) == []
    revoked = limited.create(record("d", last_seen=NOW + 4))
    assert revoked is not None
    assert [(row.id, row.revoked_at, row.revocation_reason) for row in revoked] == [("b", NOW, "limit")]
    assert ids_of(limited.list_active(ADA, NOW)) == ["d", "a", "c"]
    assert revocations_of(limited) == [("session", "b")]


def test_the_new_session_stays_if_it_is_the_least_recently_seen(limited: SQLAlchemySessionStore) -> None:
    """Its time may be from another host."""
    for id in ("a", "b", "c"):
        limited.create(record(id, last_seen=NOW + 100))
    limited.create(record("new"))
    active = ids_of(limited.list_active(ADA, NOW))
    assert len(active) == LIMIT
    assert "new" in active


def test_sessions_of_other_users_do_not_count(limited: SQLAlchemySessionStore) -> None:
    for number in range(LIMIT):
        assert limited.create(record(f"ada {number}")) == []
        assert limited.create(record(f"bob {number}", BOB)) == []
    revoked = limited.create(record("new"))
    assert revoked is not None
    assert [row.user_id for row in revoked] == [ADA]
    assert len(limited.list_active(BOB, NOW)) == LIMIT


def test_sessions_that_have_ended_do_not_count(limited: SQLAlchemySessionStore) -> None:
    limited.create(record("expired", expires=NOW))
    limited.create(record("signed out"))
    limited.revoke_session("signed out", "signed-out")
    limited.create(record("covered by a rule"))
    limited.revoke_user(ADA)
    for number in range(LIMIT):
        assert limited.create(record(str(number), created=NOW + 1)) == []
    assert len(limited.list_active(ADA, NOW)) == LIMIT


def test_a_session_that_is_replaced_is_revoked_with_its_reason(limited: SQLAlchemySessionStore) -> None:
    limited.create(record("old"))
    revoked = limited.create(record("new"), replaces="old")
    assert revoked is not None
    assert [(row.id, row.revocation_reason) for row in revoked] == [("old", "replaced")]
    assert ids_of(limited.list_active(ADA, NOW)) == ["new"]
    assert revocations_of(limited) == [("session", "old")]


def test_a_session_without_a_record_can_be_replaced(limited: SQLAlchemySessionStore) -> None:
    assert limited.create(record("new"), replaces="jti:old") == []
    assert revocations_of(limited) == [("session", "jti:old")]


def test_a_refused_sign_in_revokes_nothing(limited: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter) -> None:
    limited.create(record("of-bob", BOB))
    user_adapter.update_user(ADA, disabled=True)
    before = revocations_of(limited)
    assert limited.create(record("new"), replaces="of-bob") is None
    assert ids_of(limited.list_active(BOB, NOW)) == ["of-bob"]
    assert revocations_of(limited) == before


def test_one_sign_in_revokes_a_hundred_sessions_at_most(
    limited: SQLAlchemySessionStore, session_database: Database
) -> None:
    """A sign-in after the limit was lowered must not take long. The next ones revoke the rest."""
    rows = [record(f"{number:03}", last_seen=NOW - number) for number in range(MAX_REVOKED + 50)]
    values = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
    session_database.run(lambda session: session.execute(insert(models.SessionRecord), values))
    counts = []
    for number in range(4):
        revoked = limited.create(record(f"new {number}", last_seen=NOW + 1 + number))
        counts.append(len(revoked or []))
    assert counts == [MAX_REVOKED, 50 - LIMIT + 1 + 1, 1, 1]
    assert ids_of(limited.list_active(ADA, NOW)) == ["new 3", "new 2", "new 1"]


def test_concurrent_sign_ins_of_one_user_do_not_exceed_the_limit(
    limited: SQLAlchemySessionStore, session_database: Database
) -> None:
    """Each is counted by those that commit after it."""
    threads = 8
    for turn in range(5):
        barrier = Barrier(threads, timeout=30)

        def sign_in(number: int, turn: int = turn, barrier: Barrier = barrier) -> int:
            store = store_in(session_database, max_sessions=LIMIT)
            barrier.wait()
            assert store.create(record(f"{turn}-{number}", last_seen=NOW + turn)) is not None
            return len(store.list_active(ADA, NOW))

        with ThreadPoolExecutor(threads) as pool:
            counts = list(pool.map(sign_in, range(threads)))
        assert max(counts) <= LIMIT
        assert len(limited.list_active(ADA, NOW)) == LIMIT
    assert len(revocations_of(limited)) == 5 * threads - LIMIT
