"""Records of sessions: what every store must promise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, text

from genkan.errors import StoreError
from genkan.session_records import ACTIVITY_SECONDS, KEPT_SECONDS, Activity, Ending, SessionRecord, SessionStore
from genkan.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.sqlalchemy.purging import AT_MOST
from tests.session_stores import ADA, BOB, LIFETIME

DAY = 86_400
NOW = 1_800_000_000


def record(id: str = "one", user_id: str = ADA, **given: Any) -> SessionRecord:
    """A session that began just now."""
    values: dict[str, Any] = {
        "provider": "hub",
        "created": NOW,
        "last_seen": NOW,
        "expires": NOW + 30 * DAY,
        "absolute_end": NOW + LIFETIME,
        "device": "Firefox on Linux",
        "address": "192.0.2.1",
        **given,
    }
    return SessionRecord(id=id, user_id=user_id, **values)


def news(store: SessionStore, mark: int = 0) -> list[tuple[str, str]]:
    """What there is to tell, without numbers and times."""
    return [(ending.kind, ending.subject) for ending in store.endings_after(mark, 1000)]


def names(records: list[SessionRecord]) -> list[str]:
    return [record.id for record in records]


def test_a_record_comes_back_as_it_was_kept(store: SessionStore) -> None:
    kept = record(provider_session="theirs", id_token="eyJ.a.b")
    assert store.start(kept)
    assert store.get("one") == kept
    assert store.get("two") is None


def test_the_sessions_that_live_are_listed_and_the_one_seen_last_is_first(store: SessionStore) -> None:
    for id, seen in (("a", 1), ("b", 3), ("c", 2)):
        store.start(record(id, last_seen=NOW + seen))
    store.start(record("over", expires=NOW))
    store.start(record("ended"))
    store.start(record("bobs", BOB))
    store.end(["ended"], "signed-out", NOW)
    assert names(store.live(ADA, NOW)) == ["b", "c", "a"]
    assert sorted(names(store.list_live(NOW, 10))) == ["a", "b", "bobs", "c"]
    assert len(store.list_live(NOW, 2)) == 2


def test_ending_happens_once_and_is_told_once(store: SessionStore) -> None:
    store.start(record())
    ended = store.end(["one", "none"], "ended", NOW + 5)
    assert [(gone.id, gone.ended, gone.ended_why) for gone in ended] == [("one", NOW + 5, "ended")]
    assert store.end(["one"], "owner", NOW + 9) == []
    assert store.end([], "owner", NOW + 9) == []
    assert store.endings_after(0, 9) == [Ending(1, "session", "one", NOW + 5, NOW + LIFETIME)]
    assert store.get("one") == ended[0]


def test_ending_all_others_keeps_this_one_and_everybody_elses(store: SessionStore) -> None:
    for id in ("a", "b", "c"):
        store.start(record(id))
    store.start(record("bobs", BOB))
    assert sorted(names(store.end_others(ADA, "b", "ended", NOW))) == ["a", "c"]
    assert names(store.live(ADA, NOW)) == ["b"]
    assert names(store.live(BOB, NOW)) == ["bobs"]
    assert sorted(news(store)) == [("session", "a"), ("session", "c"), ("user", ADA)]
    assert names(store.end_others(ADA, None, "ended", NOW)) == ["b"]


@pytest.mark.parametrize(
    ("meant", "gone"),
    [
        ({"provider_session": "s1"}, ["a", "b"]),
        ({"user_id": ADA}, ["a", "c"]),
        ({"provider_session": "s1", "user_id": ADA}, ["a"]),
        ({"provider_session": "s9"}, []),
    ],
)
def test_a_provider_ends_what_began_with_it(store: SessionStore, meant: dict[str, Any], gone: list[str]) -> None:
    store.start(record("a", provider_session="s1"))
    store.start(record("b", BOB, provider_session="s1"))
    store.start(record("c", provider_session="s2"))
    store.start(record("d", provider_session="s1", provider="lab"))
    assert sorted(names(store.end_by_provider("hub", "provider", NOW, **meant))) == gone
    assert sorted(subject for _, subject in news(store)) == gone


def test_a_provider_that_names_nothing_ends_nothing(store: SessionStore) -> None:
    store.start(record())
    with pytest.raises(ValueError, match="name the provider's session"):
        store.end_by_provider("hub", "provider", NOW)
    assert names(store.live(ADA, NOW)) == ["one"]


def test_news_comes_in_order_and_in_portions(store: SessionStore) -> None:
    store.note_change(ADA, NOW)
    store.disown("jti:x", NOW)
    store.note_change(BOB, NOW)
    first = store.endings_after(0, 2)
    assert [ending.subject for ending in first] == [ADA, "jti:x"]
    assert news(store, first[-1].mark) == [("changed", BOB)]
    assert {ending.until for ending in first} == {NOW + LIFETIME}


def test_being_seen_is_noted_at_most_every_few_minutes(store: SessionStore) -> None:
    store.start(record())
    assert not store.touch("one", NOW + 299, every=300)
    assert store.touch("one", NOW + 300, every=300)
    assert not store.touch("one", NOW + 301, every=300)
    assert not store.touch("none", NOW + 900, every=300)
    found = store.get("one")
    assert found is not None
    assert (found.last_seen, found.expires) == (NOW + 300, NOW + 30 * DAY)


def test_an_ended_session_is_not_seen_any_more(store: SessionStore) -> None:
    store.start(record())
    store.end(["one"], "ended", NOW)
    assert not store.touch("one", NOW + 900, every=300)
    assert not store.touch("one", NOW + 900, every=60, expires=NOW + 60 * DAY)


def test_of_fifty_who_prolong_at_once_one_writes(store: SessionStore) -> None:
    """Everybody prolongs to nearly the same second (S7)."""
    store.start(record())
    barrier = Barrier(10, timeout=30)

    def prolong(number: int) -> bool:
        barrier.wait()
        return store.touch("one", NOW + DAY + number % 3, every=60, expires=NOW + 31 * DAY + number % 3)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(prolong, range(50))) == 1


def test_a_session_kept_in_the_database_is_found_by_the_hash_of_its_token(store: SessionStore) -> None:
    claims = {"sub": ADA, "sid": "one", "half": "\ud83d", "nul": "\0", "deep": {"a": [1, None]}}
    store.start(record(), claims=claims, token_hash="h1")
    store.start(record("two"))
    assert store.by_token("h1", NOW) == claims
    assert store.by_token("h2", NOW) is None
    assert store.by_token("h1", NOW + 30 * DAY) is None
    store.rewrite("one", {"sub": ADA, "sid": "one"}, NOW + 31 * DAY, NOW + DAY)
    assert store.by_token("h1", NOW + 30 * DAY) == {"sub": ADA, "sid": "one"}
    store.end(["one"], "signed-out", NOW + DAY)
    assert store.by_token("h1", NOW + DAY) is None
    store.rewrite("one", {"sub": ADA}, NOW + 40 * DAY, NOW + DAY)
    assert store.by_token("h1", NOW + DAY) is None


def test_what_happened_is_told_the_latest_first(store: SessionStore) -> None:
    for at in range(5):
        store.note(ADA, Activity(at=NOW + at, kind="signed-in", provider="hub", device="curl", address="192.0.2.1"))
    store.note(BOB, Activity(at=NOW, kind="refused"))
    assert [noted.at - NOW for noted in store.activity(ADA, 3)] == [4, 3, 2]
    assert store.activity(BOB, 3) == [Activity(at=NOW, kind="refused")]


def test_what_is_over_goes_and_what_is_not_stays(store: SessionStore) -> None:
    store.start(record("live"))
    store.start(record("just over", expires=NOW))
    store.start(record("over", expires=NOW - KEPT_SECONDS))
    store.disown("a", NOW - LIFETIME - KEPT_SECONDS)
    store.disown("b", NOW)
    store.note(ADA, Activity(at=NOW - ACTIVITY_SECONDS, kind="signed-in"))
    store.note(ADA, Activity(at=NOW, kind="signed-in"))
    assert store.purge(NOW) == 3
    assert store.purge(NOW) == 0
    assert store.get("over") is None
    assert store.get("live")
    assert store.get("just over")
    assert news(store) == [("session", "b")]


def test_news_is_kept_for_as_long_as_a_token_may_live_where_the_limit_was_raised(store: SessionStore) -> None:
    store.start(record(absolute_end=NOW + DAY))
    store.end(["one"], "ended", NOW + 2 * DAY)
    store.purge(NOW + LIFETIME)
    assert news(store) == [("session", "one")]


def test_numbers_of_purged_news_are_never_given_again(stored: SQLAlchemySessionStore) -> None:
    """Else a worker that has read up to one would not see the next as new."""
    stored.disown("a", NOW - LIFETIME - KEPT_SECONDS)
    stored.disown("b", NOW - LIFETIME - KEPT_SECONDS)
    last = stored.endings_after(0, 9)[-1].mark
    stored.purge(NOW)
    stored.disown("c", NOW)
    assert stored.endings_after(last, 9)


def test_much_that_is_over_goes_in_portions(stored: SQLAlchemySessionStore, session_database: Database) -> None:
    rows = [{"id": n, "until": NOW - KEPT_SECONDS} for n in range(1, 2 * AT_MOST + 8)]
    insert = text("INSERT INTO endings (id, kind, subject, at, until) VALUES (:id, 'session', 'x', 0, :until)")
    session_database.run(lambda session: session.execute(insert, rows))
    stored.start(record())
    assert len(stored.endings_after(0, 5000)) == AT_MOST + 7
    stored.start(record("two"))
    assert len(stored.endings_after(0, 5000)) == 7
    assert stored.purge(NOW) == 7


def test_an_id_token_is_not_readable_in_the_database(
    stored: SQLAlchemySessionStore, session_database: Database
) -> None:
    stored.start(record(id_token="eyJ.a.b"))
    with session_database.read() as session:
        assert session.execute(text("SELECT id_token FROM genkan_sessions")).scalar() == "b.a.Jye"


def test_somebody_disabled_gets_no_session(stored: SQLAlchemySessionStore, people: SQLAlchemyAdapter) -> None:
    people.set_disabled("ada@example.org", True, NOW)
    assert not stored.start(record())
    assert stored.get("one") is None
    people.set_disabled("ada@example.org", False, NOW)
    assert stored.start(record())


def test_nobody_slips_in_while_being_disabled(stored: SQLAlchemySessionStore, people: SQLAlchemyAdapter) -> None:
    """Who disables and then ends everything leaves nobody behind, whatever began at that moment (S4)."""
    for number in range(10):
        people.set_disabled("ada@example.org", False, NOW)
        barrier = Barrier(5, timeout=30)

        def begin(which: int, number: int = number, barrier: Barrier = barrier) -> bool:
            barrier.wait()
            return stored.start(record(f"{number}-{which}"))

        with ThreadPoolExecutor(5) as pool:
            beginning = [pool.submit(begin, which) for which in range(4)]
            barrier.wait()
            people.set_disabled("ada@example.org", True, NOW)
            ended = names(stored.end_others(ADA, None, "disabled", NOW))
            begun = [f"{number}-{which}" for which, future in enumerate(beginning) if future.result()]
        assert sorted(ended) == begun
        assert stored.live(ADA, NOW) == []


def test_nobody_slips_in_who_is_disabled_by_id(stored: SQLAlchemySessionStore, people: SQLAlchemyAdapter) -> None:
    people.disable_user(ADA, NOW)
    people.disable_user("nobody", NOW)
    assert not stored.start(record())
    assert stored.start(record("two", user_id=BOB))


@pytest.mark.parametrize("id", ["", "nobody", "a\0b", "1" * 300])
def test_of_an_id_that_nobody_can_have_there_is_nothing(stored: SQLAlchemySessionStore, id: str) -> None:
    assert stored.get(id) is None
    assert stored.live(id, NOW) == []
    assert stored.activity(id, 9) == []
    stored.note(id, Activity(at=NOW, kind="ended"))


def test_nothing_is_noted_of_somebody_who_is_not_kept(stored: SQLAlchemySessionStore) -> None:
    stored.note("a guest of another house", Activity(at=NOW, kind="ended"))
    assert stored.activity("a guest of another house", 9) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.live(ADA, NOW),
        lambda store: store.by_token("h1", NOW),
        lambda store: store.endings_after(0, 5000),
        lambda store: store.end_others(ADA, None, "ended", NOW),
        lambda store: store.end_by_provider("hub", "provider", NOW, provider_session="s"),
        lambda store: store.activity(ADA, 20),
        lambda store: store.purge(NOW),
    ],
)
def test_whatever_is_asked_is_indexed(
    stored: SQLAlchemySessionStore, session_database: Database, ask: Callable[[SessionStore], object]
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
    ask(stored)
    looks = [(words, values) for words, values in asked if words.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert looks
    with session_database.engine.connect() as connection:
        for words, values in looks:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
            assert not [step for *_, step in plan if step.startswith("SCAN")], words


def test_a_store_that_is_down_says_so(stored: SQLAlchemySessionStore, session_database: Database) -> None:
    session_database.run(lambda session: session.execute(text("DROP TABLE endings")))
    with pytest.raises(StoreError):
        stored.endings_after(0, 9)
    stored.start(record())
    with pytest.raises(StoreError):
        stored.end(["one"], "ended", NOW)
    assert stored.get("one") == replace(record(), ended=None)
