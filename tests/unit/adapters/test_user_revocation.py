"""Changes of a user that revoke sessions, each in one transaction with its revocation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from genkan.adapters.sessions import Revocation
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, SQLAlchemySessionStore
from genkan.errors import AdapterError
from tests.databases import LIFETIME
from tests.session_stores import ADA, BOB, NOW, Reader, ids_of, record, revocations_of

Change = Callable[[SQLAlchemyAdapter], object]
CHANGES: dict[str, Change] = {
    "disable": lambda adapter: adapter.update_user(ADA, disabled=True),
    "disable and rename": lambda adapter: adapter.update_user(ADA, disabled=True, name="Countess", role="owner"),
    "delete": lambda adapter: adapter.delete_user(ADA),
    "rename": lambda adapter: adapter.update_user(ADA, name="Countess"),
    "role": lambda adapter: adapter.update_user(ADA, role="owner"),
}
ENDING = ["disable", "disable and rename", "delete"]

SQLITE_TRIGGER = """
    CREATE TRIGGER refuse BEFORE INSERT ON revocations BEGIN SELECT RAISE(ABORT, 'refused'); END
"""
POSTGRESQL_TRIGGER = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON revocations FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def refuse_revocations(database: Database) -> None:
    """Let every insertion of a revocation fail."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.write() as session:
        session.connection().exec_driver_sql(SQLITE_TRIGGER if is_sqlite else POSTGRESQL_TRIGGER)


def rows_of(database: Database) -> list[object]:
    """Return all rows of users, accounts, sessions and revocations."""
    tables = "users", "accounts", "genkan_sessions", "revocations"
    with database.read() as session:
        return [row for table in tables for row in session.execute(text(f"SELECT * FROM {table} ORDER BY id"))]


@pytest.mark.parametrize("change", ENDING)
def test_disabling_and_deleting_revoke_every_session_of_the_user(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter, change: str
) -> None:
    store.create(record())
    store.create(record("of-bob", BOB))
    CHANGES[change](user_adapter)
    assert store.list_active(ADA, NOW) == []
    assert ids_of(store.list_active(BOB, NOW)) == ["of-bob"]
    assert Reader(store).read() == [Revocation("user", ADA, NOW, NOW + LIFETIME)]


@pytest.mark.parametrize("change", ["rename", "role"])
def test_a_new_name_or_role_marks_the_claims_as_out_of_date(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter, change: str
) -> None:
    store.create(record())
    CHANGES[change](user_adapter)
    assert ids_of(store.list_active(ADA, NOW)) == ["one"]
    assert Reader(store).read() == [Revocation("changed", ADA, NOW, NOW + LIFETIME)]


@pytest.mark.parametrize("change", CHANGES)
def test_if_the_revocation_cannot_be_stored_nothing_changes(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter, session_database: Database, change: str
) -> None:
    store.create(record(), claims={"sub": ADA}, token_hash="h1")
    store.revoke_user(ADA, except_sid="one")
    store.mark_user_changed(ADA)
    before, user, reader = rows_of(session_database), user_adapter.get_user(ADA), Reader(store)
    reader.read()
    refuse_revocations(session_database)
    with pytest.raises(AdapterError):
        CHANGES[change](user_adapter)
    assert rows_of(session_database) == before
    assert user_adapter.get_user(ADA) == user
    assert store.get_claims("h1", NOW) == {"sub": ADA}
    assert reader.read() == []


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.create(record("new"), replaces="one"),
        lambda store: store.revoke_session("one", "ended"),
        lambda store: store.revoke_user(ADA),
        lambda store: store.revoke_everyone(),
        lambda store: store.revoke_by_provider("hub", "provider", user_id=ADA),
        lambda store: store.mark_user_changed(ADA),
    ],
)
def test_if_a_revocation_of_sessions_cannot_be_stored_nothing_changes(
    store: SQLAlchemySessionStore, session_database: Database, call: Callable[[SQLAlchemySessionStore], object]
) -> None:
    store.create(record())
    before = rows_of(session_database)
    refuse_revocations(session_database)
    with pytest.raises(AdapterError):
        call(store)
    assert rows_of(session_database) == before


def test_changes_of_an_unknown_user_add_nothing_but_a_deletion_does(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter
) -> None:
    """Tokens of a user who was deleted before may still be valid."""
    assert user_adapter.update_user("unknown", disabled=True) is None
    assert user_adapter.update_user("unknown", name="Countess") is None
    assert revocations_of(store) == []
    user_adapter.delete_user("unknown")
    assert revocations_of(store) == [("user", "unknown")]


def test_enabling_a_user_adds_nothing_and_makes_no_session_valid(
    store: SQLAlchemySessionStore, user_adapter: SQLAlchemyAdapter
) -> None:
    store.create(record())
    user_adapter.update_user(ADA, disabled=True)
    before = Reader(store).read()
    user_adapter.update_user(ADA, disabled=False)
    assert Reader(store).read() == before
    assert store.list_active(ADA, NOW) == []
