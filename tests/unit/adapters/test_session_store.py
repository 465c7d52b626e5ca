"""Records of sessions: what every store must promise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, text

from genkan.adapters.sessions import (
    ACTIVITY_RETENTION_SECONDS,
    RETENTION_SECONDS,
    Activity,
    Revocation,
    SessionRecord,
    SessionStore,
)
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.adapters.sqlalchemy.purge import BATCH_SIZE
from genkan.errors import AdapterError
from tests.databases import LIFETIME
from tests.session_stores import ADA, BOB

DAY = 86_400
NOW = 1_800_000_000


def record(id: str = "one", user_id: str = ADA, **given: Any) -> SessionRecord:
    """A session that began just now."""
    values: dict[str, Any] = {
        "provider": "hub",
        "created": NOW,
        "last_seen": NOW,
        "expires": NOW + 30 * DAY,
        "absolute_expires": NOW + LIFETIME,
        "device": "Firefox on Linux",
        "ip_address": "192.0.2.1",
        **given,
    }
    return SessionRecord(id=id, user_id=user_id, **values)


def news(store: SessionStore, mark: int = 0) -> list[tuple[str, str]]:
    """What there is to tell, without numbers and times."""
    return [(ending.kind, ending.subject) for ending in store.revocations_since(mark, 1000)]


def names(records: list[SessionRecord]) -> list[str]:
    return [record.id for record in records]


def test_a_record_comes_back_as_it_was_kept(store: SessionStore) -> None:
    kept = record(provider_sid="theirs", id_token="eyJ.a.b")
    assert store.create(kept)
    assert store.get("one") == kept
    assert store.get("two") is None


def test_the_sessions_that_live_are_listed_and_the_one_seen_last_is_first(store: SessionStore) -> None:
    for id, seen in (("a", 1), ("b", 3), ("c", 2)):
        store.create(record(id, last_seen=NOW + seen))
    store.create(record("over", expires=NOW))
    store.create(record("ended"))
    store.create(record("bobs", BOB))
    store.revoke(["ended"], "signed-out", NOW)
    assert names(store.list_active(ADA, NOW)) == ["b", "c", "a"]
    assert sorted(names(store.list_all_active(NOW, 10))) == ["a", "b", "bobs", "c"]
    assert len(store.list_all_active(NOW, 2)) == 2


def test_ending_happens_once_and_is_told_once(store: SessionStore) -> None:
    store.create(record())
    ended = store.revoke(["one", "none"], "ended", NOW + 5)
    assert [(gone.id, gone.revoked_at, gone.revocation_reason) for gone in ended] == [("one", NOW + 5, "ended")]
    assert store.revoke(["one"], "owner", NOW + 9) == []
    assert store.revoke([], "owner", NOW + 9) == []
    assert store.revocations_since(0, 9) == [Revocation(1, "session", "one", NOW + 5, NOW + LIFETIME)]
    assert store.get("one") == ended[0]


def test_ending_all_others_keeps_this_one_and_everybody_elses(store: SessionStore) -> None:
    for id in ("a", "b", "c"):
        store.create(record(id))
    store.create(record("bobs", BOB))
    assert sorted(names(store.revoke_others(ADA, "b", "ended", NOW))) == ["a", "c"]
    assert names(store.list_active(ADA, NOW)) == ["b"]
    assert names(store.list_active(BOB, NOW)) == ["bobs"]
    assert sorted(news(store)) == [("session", "a"), ("session", "c"), ("user", ADA)]
    assert names(store.revoke_others(ADA, None, "ended", NOW)) == ["b"]


@pytest.mark.parametrize(
    ("meant", "gone"),
    [
        ({"provider_sid": "s1"}, ["a", "b"]),
        ({"user_id": ADA}, ["a", "c"]),
        ({"provider_sid": "s1", "user_id": ADA}, ["a"]),
        ({"provider_sid": "s9"}, []),
    ],
)
def test_a_provider_ends_what_began_with_it(store: SessionStore, meant: dict[str, Any], gone: list[str]) -> None:
    store.create(record("a", provider_sid="s1"))
    store.create(record("b", BOB, provider_sid="s1"))
    store.create(record("c", provider_sid="s2"))
    store.create(record("d", provider_sid="s1", provider="lab"))
    assert sorted(names(store.revoke_by_provider("hub", "provider", NOW, **meant))) == gone
    assert sorted(subject for _, subject in news(store)) == gone


def test_a_provider_that_names_nothing_ends_nothing(store: SessionStore) -> None:
    store.create(record())
    with pytest.raises(ValueError, match="name the provider's session"):
        store.revoke_by_provider("hub", "provider", NOW)
    assert names(store.list_active(ADA, NOW)) == ["one"]


def test_news_comes_in_order_and_in_portions(store: SessionStore) -> None:
    store.mark_user_changed(ADA, NOW)
    store.revoke_unrecorded("jti:x", NOW)
    store.mark_user_changed(BOB, NOW)
    first = store.revocations_since(0, 2)
    assert [ending.subject for ending in first] == [ADA, "jti:x"]
    assert news(store, first[-1].id) == [("changed", BOB)]
    assert {ending.until for ending in first} == {NOW + LIFETIME}


def test_being_seen_is_noted_at_most_every_few_minutes(store: SessionStore) -> None:
    store.create(record())
    assert not store.touch("one", NOW + 299, min_interval=300)
    assert store.touch("one", NOW + 300, min_interval=300)
    assert not store.touch("one", NOW + 301, min_interval=300)
    assert not store.touch("none", NOW + 900, min_interval=300)
    found = store.get("one")
    assert found is not None
    assert (found.last_seen, found.expires) == (NOW + 300, NOW + 30 * DAY)


def test_an_ended_session_is_not_seen_any_more(store: SessionStore) -> None:
    store.create(record())
    store.revoke(["one"], "ended", NOW)
    assert not store.touch("one", NOW + 900, min_interval=300)
    assert not store.touch("one", NOW + 900, min_interval=60, expires=NOW + 60 * DAY)


def test_of_fifty_who_prolong_at_once_one_writes(store: SessionStore) -> None:
    """Everybody prolongs to nearly the same second (S7)."""
    store.create(record())
    barrier = Barrier(10)

    def prolong(number: int) -> bool:
        barrier.wait()
        return store.touch("one", NOW + DAY + number % 3, min_interval=60, expires=NOW + 31 * DAY + number % 3)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(prolong, range(50))) == 1


def test_a_session_kept_in_the_database_is_found_by_the_hash_of_its_token(store: SessionStore) -> None:
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


def test_what_happened_is_told_the_latest_first(store: SessionStore) -> None:
    for at in range(5):
        store.add_activity(
            ADA, Activity(at=NOW + at, kind="signed-in", provider="hub", device="curl", ip_address="192.0.2.1")
        )
    store.add_activity(BOB, Activity(at=NOW, kind="refused"))
    assert [noted.at - NOW for noted in store.list_activity(ADA, 3)] == [4, 3, 2]
    assert store.list_activity(BOB, 3) == [Activity(at=NOW, kind="refused")]


def test_what_is_over_goes_and_what_is_not_stays(store: SessionStore) -> None:
    store.create(record("live"))
    store.create(record("just over", expires=NOW))
    store.create(record("over", expires=NOW - RETENTION_SECONDS))
    store.revoke_unrecorded("a", NOW - LIFETIME - RETENTION_SECONDS)
    store.revoke_unrecorded("b", NOW)
    store.add_activity(ADA, Activity(at=NOW - ACTIVITY_RETENTION_SECONDS, kind="signed-in"))
    store.add_activity(ADA, Activity(at=NOW, kind="signed-in"))
    assert store.purge(NOW) == 3
    assert store.purge(NOW) == 0
    assert store.get("over") is None
    assert store.get("live")
    assert store.get("just over")
    assert news(store) == [("session", "b")]


def test_news_is_kept_for_as_long_as_a_token_may_live_where_the_limit_was_raised(store: SessionStore) -> None:
    store.create(record(absolute_expires=NOW + DAY))
    store.revoke(["one"], "ended", NOW + 2 * DAY)
    store.purge(NOW + LIFETIME)
    assert news(store) == [("session", "one")]


def test_numbers_of_purged_news_are_never_given_again(store: SQLAlchemySessionStore) -> None:
    """Else a worker that has read up to one would not see the next as new."""
    store.revoke_unrecorded("a", NOW - LIFETIME - RETENTION_SECONDS)
    store.revoke_unrecorded("b", NOW - LIFETIME - RETENTION_SECONDS)
    last = store.revocations_since(0, 9)[-1].id
    store.purge(NOW)
    store.revoke_unrecorded("c", NOW)
    assert store.revocations_since(last, 9)


def test_much_that_is_over_goes_in_portions(store: SQLAlchemySessionStore, session_database: Database) -> None:
    rows = [{"id": n, "until": NOW - RETENTION_SECONDS} for n in range(1, 2 * BATCH_SIZE + 8)]
    insert = text("INSERT INTO revocations (id, kind, subject, at, until) VALUES (:id, 'session', 'x', 0, :until)")
    session_database.run(lambda session: session.execute(insert, rows))
    store.create(record())
    assert len(store.revocations_since(0, 5000)) == BATCH_SIZE + 7
    store.create(record("two"))
    assert len(store.revocations_since(0, 5000)) == 7
    assert store.purge(NOW) == 7


def test_an_id_token_is_not_readable_in_the_database(store: SQLAlchemySessionStore, session_database: Database) -> None:
    store.create(record(id_token="eyJ.a.b"))
    with session_database.read() as session:
        assert session.execute(text("SELECT id_token FROM genkan_sessions")).scalar() == "b.a.Jye"


def test_somebody_disabled_gets_no_session(store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter) -> None:
    user_adapter.update_user(ADA, disabled=True)
    assert not store.create(record())
    assert store.get("one") is None
    user_adapter.update_user(ADA, disabled=False)
    assert store.create(record())


def test_nobody_slips_in_while_being_disabled(store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter) -> None:
    """Who disables and then ends everything leaves nobody behind, whatever began at that moment (S4)."""
    for number in range(10):
        user_adapter.update_user(ADA, disabled=False)
        barrier = Barrier(5)

        def begin(which: int, number: int = number, barrier: Barrier = barrier) -> bool:
            barrier.wait()
            return store.create(record(f"{number}-{which}"))

        with ThreadPoolExecutor(5) as pool:
            beginning = [pool.submit(begin, which) for which in range(4)]
            barrier.wait()
            user_adapter.update_user(ADA, disabled=True)
            ended = names(store.revoke_others(ADA, None, "disabled", NOW))
            begun = [f"{number}-{which}" for which, future in enumerate(beginning) if future.result()]
        assert sorted(ended) == begun
        assert store.list_active(ADA, NOW) == []


def test_disabling_one_user_keeps_nobody_else_out(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter
) -> None:
    user_adapter.update_user(ADA, disabled=True)
    user_adapter.update_user("nobody", disabled=True)
    assert not store.create(record())
    assert store.create(record("two", user_id=BOB))


@pytest.mark.parametrize("id", ["", "nobody", "a\0b", "1" * 300])
def test_of_an_id_that_nobody_can_have_there_is_nothing(store: SQLAlchemySessionStore, id: str) -> None:
    assert store.get(id) is None
    assert store.list_active(id, NOW) == []
    assert store.list_activity(id, 9) == []
    store.add_activity(id, Activity(at=NOW, kind="ended"))


def test_nothing_is_noted_of_somebody_who_is_not_kept(store: SQLAlchemySessionStore) -> None:
    store.add_activity("a guest of another house", Activity(at=NOW, kind="ended"))
    assert store.list_activity("a guest of another house", 9) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.live(ADA, NOW),
        lambda store: store.by_token("h1", NOW),
        lambda store: store.endings_after(0, 5000),
        lambda store: store.end_others(ADA, None, "ended", NOW),
        lambda store: store.end_by_provider("hub", "provider", NOW, provider_sid="s"),
        lambda store: store.activity(ADA, 20),
        lambda store: store.purge(NOW),
    ],
)
def test_whatever_is_asked_is_indexed(
    store: SQLAlchemySessionStore, session_database: Database, ask: Callable[[SessionStore], object]
) -> None:
    """A million sessions make no question slower."""
    if session_database.engine.dialect.name != "sqlite":
        return
    asked: list[tuple[str, Any]] = []
    event.listen(
        session_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )
    ask(store)
    looks = [(words, values) for words, values in asked if words.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert looks
    with session_database.engine.connect() as connection:
        for words, values in looks:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
            assert not [step for *_, step in plan if step.startswith("SCAN")], words


def test_a_store_that_is_down_says_so(store: SQLAlchemySessionStore, session_database: Database) -> None:
    session_database.run(lambda session: session.execute(text("DROP TABLE revocations")))
    with pytest.raises(AdapterError):
        store.revocations_since(0, 9)
    store.create(record())
    with pytest.raises(AdapterError):
        store.revoke(["one"], "ended", NOW)
    assert store.get("one") == replace(record(), revoked_at=None)
