"""Sessions that a rule for a user or for all users covers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from genkan.adapters.sessions import Revocation, SessionStore
from genkan.adapters.sqlalchemy import Database
from genkan.session.revocation_list import RevocationList
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import LIFETIME, adapter_in, store_in
from tests.session_stores import ADA, BOB, DAY, NOW, Reader, ids_of, record

YEAR = 365 * DAY

Revoke = Callable[[SessionStore], object]
BOTH_RULES = pytest.mark.parametrize(
    "revoke", [lambda store: store.revoke_user(ADA), lambda store: store.revoke_everyone()], ids=["user", "everyone"]
)


def verdicts(store: SessionStore, starts: dict[str, int], user_id: str = ADA) -> dict[str, str | None]:
    """Return a new worker's verdict on sessions with these ids and starts."""
    worker = RevocationList(store, lambda: NOW)
    worker.refresh()
    return {sid: worker.check({"sub": user_id, "sid": sid, "iat": start}, start) for sid, start in starts.items()}


@BOTH_RULES
def test_a_rule_covers_sessions_that_started_by_its_second(store: SessionStore, revoke: Revoke) -> None:
    """With and without a record. The database strategy finds the same sessions as a worker does."""
    starts = {"before": NOW - 1, "same second": NOW}
    for id, start in starts.items():
        assert store.create(record(id, created=start), claims={"sub": ADA}, token_hash=id) == []
    revoke(store)
    assert store.create(record("after", created=NOW + 1), claims={"sub": ADA}, token_hash="after") == []

    assert ids_of(store.list_active(ADA, NOW)) == ids_of(store.list_all_active(NOW, 9)) == ["after"]
    assert [store.get_claims(id, NOW) for id in (*starts, "after")] == [None, None, {"sub": ADA}]
    without_record = {"jti:x": NOW, "jti:y": NOW - DAY}
    assert set(verdicts(store, {**starts, **without_record}).values()) == {"revoked"}
    assert verdicts(store, {"after": NOW + 1, "jti:z": NOW + 1}) == {"after": None, "jti:z": None}


@BOTH_RULES
def test_a_rule_covers_a_session_that_a_clock_started_in_the_future(store: SessionStore, revoke: Revoke) -> None:
    """It is revoked by itself. A rule in the future would revoke sessions that start until then."""
    store.create(record("ahead", created=NOW + YEAR, expires=NOW + YEAR, absolute_expires=NOW + YEAR + LIFETIME))
    revoke(store)
    assert store.list_active(ADA, NOW) == []
    assert verdicts(store, {"ahead": NOW + YEAR}) == {"ahead": "revoked"}
    rule, session = sorted(Reader(store).read(), key=lambda row: row.kind == "session")
    assert (rule.at, rule.until) == (NOW, NOW + YEAR + LIFETIME)
    assert (session.subject, session.until) == ("ahead", NOW + YEAR + LIFETIME)


def test_a_rule_of_one_user_ignores_the_future_sessions_of_others(store: SessionStore) -> None:
    store.create(record("ahead", BOB, created=NOW + YEAR))
    store.revoke_user(ADA)
    (rule,) = Reader(store).read()
    assert rule.at == NOW


def test_a_rule_does_not_cover_the_excepted_session(store: SessionStore) -> None:
    for id in ("kept", "other"):
        store.create(record(id), claims={"sub": ADA}, token_hash=id)
    assert store.revoke_user(ADA, except_sid="kept") == 1
    assert ids_of(store.list_active(ADA, NOW)) == ["kept"]
    assert store.get_claims("kept", NOW)
    assert verdicts(store, {"kept": NOW, "other": NOW, "jti:x": NOW}) == {
        "kept": None,
        "other": "revoked",
        "jti:x": "revoked",
    }


def test_a_session_without_a_record_can_be_excepted(store: SessionStore) -> None:
    store.create(record())
    assert store.revoke_user(ADA, except_sid="jti:x") == 1
    assert verdicts(store, {"jti:x": NOW, "one": NOW}) == {"jti:x": None, "one": "revoked"}


def test_an_excepted_session_can_be_revoked_later(store: SessionStore) -> None:
    store.create(record())
    store.revoke_user(ADA, except_sid="one")
    assert store.revoke_session("one", "ended")
    assert verdicts(store, {"one": NOW}) == {"one": "revoked"}


@BOTH_RULES
def test_a_rule_for_all_sessions_covers_one_that_an_earlier_rule_excepted(store: SessionStore, revoke: Revoke) -> None:
    """Also within the same second."""
    store.create(record())
    store.revoke_user(ADA, except_sid="one")
    revoke(store)
    assert store.list_active(ADA, NOW) == []
    assert verdicts(store, {"one": NOW}) == {"one": "revoked"}


def test_a_later_rule_of_the_same_second_has_a_later_time(store: SessionStore) -> None:
    """Otherwise a worker that has read the first one would ignore it."""
    reader, times = Reader(store), []
    for except_sid in ("one", "one", None):
        store.revoke_user(ADA, except_sid=except_sid)
        times += [(rule.at, rule.except_sid) for rule in reader.read()]
    assert times == [(NOW, "one"), (NOW + 1, "one"), (NOW + 2, None)]


def test_a_rule_covers_no_session_of_another_user(store: SessionStore) -> None:
    store.create(record("of-bob", BOB))
    store.revoke_user(ADA)
    assert ids_of(store.list_active(BOB, NOW)) == ["of-bob"]
    assert verdicts(store, {"of-bob": NOW}, BOB) == {"of-bob": None}


def test_a_new_session_in_the_same_second_is_active_if_it_starts_after_the_rule(store: SessionStore) -> None:
    store.create(record())
    store.revoke_user(ADA)
    worker = RevocationList(store, lambda: NOW)
    worker.refresh()
    start = worker.last_rule(ADA) + 1
    assert store.create(record("new", created=start)) == []
    assert ids_of(store.list_active(ADA, NOW)) == ["new"]
    assert verdicts(store, {"new": start}) == {"new": None}


def test_a_clock_that_is_set_back_makes_no_revoked_session_valid(store: SessionStore, clock: FrozenClock) -> None:
    store.create(record())
    store.revoke_user(ADA)
    clock.advance(-YEAR)
    store.revoke_user(ADA)
    assert store.list_active(ADA, NOW) == []
    assert verdicts(store, {"one": NOW}) == {"one": "revoked"}


def test_a_user_who_is_not_stored_can_be_revoked(store: SessionStore) -> None:
    """A Next.js front end may sign in users who are stored elsewhere."""
    assert store.revoke_user("user-of-another-application") == 0
    assert Reader(store).read() == [Revocation("user", "user-of-another-application", NOW, NOW + LIFETIME)]


def make_ids_integers(database: Database) -> None:
    """Change the ids of users into integers, as in some databases of Auth.js."""
    columns = ("users", "id"), ("accounts", "userId"), ("genkan_sessions", "user_id")
    statements = [
        "ALTER TABLE users DROP CONSTRAINT pk_users CASCADE",
        *(f'ALTER TABLE {table} ALTER "{column}" TYPE integer USING 0' for table, column in columns),
        "CREATE SEQUENCE user_ids",
        "ALTER TABLE users ALTER id SET DEFAULT nextval('user_ids')",
    ]
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize("id", ["abc", "99999999999999999999", "9f1c0b5e-0000-4000-8000-000000000000", "7.5", ""])
def test_a_user_id_that_the_column_cannot_hold_is_revoked(
    migrated_postgres_url: str, clock: FrozenClock, id: str
) -> None:
    database = Database(migrated_postgres_url, clock=clock)
    make_ids_integers(database)
    store, adapter = store_in(database), adapter_in(database)
    user, _ = adapter.create_user(User("", "Ada"), Account("hub", "ada", "oidc"))
    store.create(record(user_id=user.id, created=NOW + 5))
    calls: list[Callable[[], object]] = [lambda: store.revoke_user(id), lambda: adapter.delete_user(id)]
    for number, call in enumerate(calls):
        call()
        assert Reader(store).read() == [Revocation("user", id, NOW + number, NOW + number + LIFETIME)]
        assert verdicts(store, {"jti:x": NOW}, id) == {"jti:x": "revoked"}
    assert ids_of(store.list_active(user.id, NOW)) == ["one"]
    assert store.revoke_user(user.id) == 1
    assert store.list_active(user.id, NOW) == []
    database.close()
