"""Session store of SQLAlchemy: disabled users, invalid ids, indexes and batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, text

from genkan.adapters.sessions import RETENTION_SECONDS, Activity, SessionStore
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.adapters.sqlalchemy.purge import BATCH_SIZE
from genkan.errors import AdapterError
from tests.clock import FrozenClock
from tests.databases import LIFETIME
from tests.session_stores import ADA, BOB, NOW, Reader, ids_of, record


def test_ids_of_deleted_revocations_are_not_reused(store: SQLAlchemySessionStore, clock: FrozenClock) -> None:
    """Otherwise a worker that has read up to an id would not read the next revocation."""
    reader = Reader(store)
    clock.now = NOW - LIFETIME - RETENTION_SECONDS
    for id in ("a", "b"):
        store.revoke_session(id, "ended")
    assert reader.subjects() == ["a", "b"]
    clock.now = NOW
    assert store.purge() == 2
    store.revoke_session("c", "ended")
    assert reader.subjects() == ["c"]


def test_many_expired_rows_are_deleted_in_batches(store: SQLAlchemySessionStore, session_database: Database) -> None:
    rows = [{"id": str(n), "until": NOW - RETENTION_SECONDS} for n in range(1, 2 * BATCH_SIZE + 8)]
    insert = text("INSERT INTO revocations (kind, subject, at, until) VALUES ('session', :id, 0, :until)")
    session_database.run(lambda session: session.execute(insert, rows))
    store.create(record())
    assert len(Reader(store).read()) == BATCH_SIZE + 7
    store.create(record("two"))
    assert len(Reader(store).read()) == 7
    assert store.purge() == 7


def test_an_id_token_is_stored_encrypted(store: SQLAlchemySessionStore, session_database: Database) -> None:
    store.create(record(id_token="eyJ.a.b"))
    with session_database.read() as session:
        assert session.execute(text("SELECT id_token FROM genkan_sessions")).scalar() == "b.a.Jye"


def test_a_disabled_user_gets_no_session(store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter) -> None:
    user_adapter.update_user(ADA, disabled=True)
    assert store.create(record()) is None
    assert store.get("one") is None
    user_adapter.update_user(ADA, disabled=False)
    assert store.create(record()) == []
    assert store.list_active(ADA, NOW) == []
    assert store.create(record("two", created=NOW + 1)) == []
    assert ids_of(store.list_active(ADA, NOW)) == ["two"]


def test_a_user_who_is_not_stored_gets_no_session(store: SQLAlchemySessionStore) -> None:
    assert store.create(record(user_id="unknown")) is None
    assert store.get("one") is None


# requirement S4
def test_sessions_created_while_a_user_is_disabled_are_revoked(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter
) -> None:
    """Disabling a user leaves no session, also if some are created at the same time."""
    for number in range(10):
        user_adapter.update_user(ADA, disabled=False)
        barrier = Barrier(5, timeout=30)

        def create(which: int, number: int = number, barrier: Barrier = barrier) -> bool:
            barrier.wait()
            return store.create(record(f"{number}-{which}", created=NOW + number)) == []

        with ThreadPoolExecutor(5) as pool:
            futures = [pool.submit(create, which) for which in range(4)]
            barrier.wait()
            user_adapter.update_user(ADA, disabled=True)
            created = [f"{number}-{which}" for which, future in enumerate(futures) if future.result()]
        assert [id for id in created if store.get(id) is None] == []
        assert store.list_active(ADA, NOW) == []


def test_disabling_one_user_does_not_affect_others(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter
) -> None:
    user_adapter.update_user(ADA, disabled=True)
    user_adapter.update_user("unknown", disabled=True)
    assert store.create(record()) is None
    assert store.create(record("two", user_id=BOB)) == []
    assert ids_of(store.list_active(BOB, NOW)) == ["two"]


@pytest.mark.parametrize("id", ["", "unknown", "a\0b", "1" * 300])
def test_an_id_that_cannot_be_stored_has_no_sessions_and_no_activity(store: SQLAlchemySessionStore, id: str) -> None:
    assert store.get(id) is None
    assert store.list_active(id, NOW) == []
    assert store.list_activity(id, 9) == []
    store.add_activity(id, Activity(at=NOW, kind="ended"))


def test_activity_of_a_user_who_is_not_stored_is_not_written(store: SQLAlchemySessionStore) -> None:
    store.add_activity("user-of-another-application", Activity(at=NOW, kind="ended"))
    assert store.list_activity("user-of-another-application", 9) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.list_active(ADA, NOW),
        lambda store: store.get_claims("h1", NOW),
        lambda store: store.read_revocations("1", lambda _: None),
        lambda store: store.create(record("two"), replaces="one"),
        lambda store: store.revoke_session("one", "ended"),
        lambda store: store.revoke_user(ADA),
        lambda store: store.mark_user_changed(ADA),
        lambda store: store.revoke_by_provider("hub", "provider", provider_sid="s"),
        lambda store: store.list_activity(ADA, 20),
        lambda store: store.purge(),
    ],
)
def test_every_query_uses_an_index(
    store: SQLAlchemySessionStore, session_database: Database, call: Callable[[SessionStore], object]
) -> None:
    """A million sessions do not slow a query down."""
    if session_database.engine.dialect.name != "sqlite":
        return
    executed: list[tuple[str, Any]] = []
    event.listen(
        session_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, parameters, *_: executed.append((statement, parameters)),
    )
    call(store)
    queries = [(sql, values) for sql, values in executed if sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert queries
    with session_database.engine.connect() as connection:
        for sql, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            assert not [step for *_, step in plan if step.startswith("SCAN")], sql


def test_a_failing_database_is_an_adapter_error(store: SQLAlchemySessionStore, session_database: Database) -> None:
    store.create(record("one"))
    session_database.run(lambda session: session.execute(text("DROP TABLE revocations")))
    with pytest.raises(AdapterError):
        Reader(store).read()
    with pytest.raises(AdapterError):
        store.create(record("two"))
    with pytest.raises(AdapterError):
        store.revoke_session("one", "ended")
    assert store.get("one") == record("one")
    assert store.get("two") is None
