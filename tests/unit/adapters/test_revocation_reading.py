"""Reading of revocations while transactions that add them are open, commit late or are rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from genkan.adapters.sessions import Revocation
from genkan.adapters.sqlalchemy import Database, SQLAlchemySessionStore, migrations
from genkan.adapters.sqlalchemy.revocations import BATCH_SIZE
from tests.clock import FrozenClock
from tests.databases import store_in
from tests.session_stores import ADA, BOB, Reader

INSERT = text("INSERT INTO revocations (kind, subject, at, until) VALUES ('session', :subject, 1, 4000000000)")


@pytest.fixture(name="server")
def _server(migrated_postgres_url: str, clock: FrozenClock) -> Iterator[Database]:
    with closing(Database(migrated_postgres_url, clock=clock)) as database:
        yield database


@pytest.fixture(name="server_store")
def _server_store(server: Database) -> SQLAlchemySessionStore:
    return store_in(server)


def begin(stack: ExitStack, database: Database, subject: str) -> Session:
    """Open a transaction that has added a revocation."""
    session = stack.enter_context(Session(database.engine))
    session.execute(INSERT, {"subject": subject})
    return session


def test_a_revocation_that_commits_after_later_ones_were_read_is_read(
    server: Database, server_store: SQLAlchemySessionStore
) -> None:
    """However many were read in the meantime."""
    old, new = Reader(server_store), Reader(server_store)
    assert old.read() == []
    with ExitStack() as stack:
        late = begin(stack, server, "late")
        assert new.read() == []
        for number in range(50):
            server_store.revoke_session(f"early {number}", "ended")
            for reader in (old, new):
                assert reader.subjects() == [f"early {number}"]
        late.commit()
    newest = Reader(server_store)
    assert old.subjects() == new.subjects() == ["late"]
    assert "late" in newest.subjects()
    for reader in (old, new, newest):
        assert reader.read() == []


def test_overlapping_transactions_are_each_read_after_their_commit(
    server: Database, server_store: SQLAlchemySessionStore
) -> None:
    """Also by a reader whose first reading happened while some of them were open."""
    with ExitStack() as stack:
        open_sessions = {subject: begin(stack, server, subject) for subject in ("a", "b", "c", "d")}
        readers = [Reader(server_store)]
        assert readers[0].read() == []
        for number, subject in enumerate(("c", "a", "d", "b")):
            another = begin(stack, server, f"{subject} again")
            open_sessions[subject].commit()
            server_store.mark_user_changed(f"user {number}")
            for reader in readers:
                assert reader.subjects() == [subject, f"user {number}"]
                assert reader.read() == []
            readers.append(Reader(server_store))
            assert subject in readers[-1].subjects()
            another.commit()
            for reader in readers:
                assert reader.subjects() == [f"{subject} again"]


def test_a_revocation_that_is_rolled_back_is_never_read(server: Database, server_store: SQLAlchemySessionStore) -> None:
    reader = Reader(server_store)
    with ExitStack() as stack:
        session = begin(stack, server, "never")
        server_store.revoke_session("early", "ended")
        assert reader.subjects() == ["early"]
        session.rollback()
    server_store.revoke_session("later", "ended")
    assert reader.subjects() == ["later"]
    assert Reader(server_store).subjects() == ["early", "later"]


def test_a_savepoint_belongs_to_its_transaction(server: Database, server_store: SQLAlchemySessionStore) -> None:
    reader = Reader(server_store)
    with ExitStack() as stack:
        session = begin(stack, server, "outside")
        with session.begin_nested():
            session.execute(INSERT, {"subject": "inside"})
        server_store.revoke_session("early", "ended")
        assert reader.subjects() == ["early"]
        session.commit()
    assert reader.subjects() == ["inside", "outside"]


def test_a_position_of_another_server_is_not_used(server: Database, server_store: SQLAlchemySessionStore) -> None:
    """A server that takes over may have had fewer transactions."""
    server_store.revoke_session("one", "ended")
    with server.read() as session:
        current = int(session.execute(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")).scalar_one())
    reader = Reader(server_store)
    reader.position = f"{current + 1000}:{current + 1000}:"
    assert reader.subjects() == ["one"]
    assert reader.read() == []


def test_readings_without_news_pass_nothing(store: SQLAlchemySessionStore) -> None:
    reader = Reader(store)
    store.revoke_user(ADA)
    assert reader.subjects() == [ADA]
    calls: list[list[Revocation]] = []
    for _ in range(100):
        reader.position = store.read_revocations(reader.position, calls.append).position
    assert calls == []


def test_a_later_rule_of_the_same_user_replaces_the_earlier_one(
    store: SQLAlchemySessionStore, clock: FrozenClock
) -> None:
    reader = Reader(store)
    for _ in range(3):
        for id in (ADA, BOB):
            store.revoke_user(id)
            store.mark_user_changed(id)
        store.revoke_everyone()
        clock.advance(1)
        assert sorted((row.kind, row.subject) for row in reader.read()) == [
            ("changed", ADA),
            ("changed", BOB),
            ("everyone", ""),
            ("user", ADA),
            ("user", BOB),
        ]
    assert len(Reader(store).read()) == 5


@pytest.mark.parametrize("rows", [BATCH_SIZE, 2 * BATCH_SIZE + 1])
def test_many_revocations_are_passed_in_batches(
    store: SQLAlchemySessionStore, session_database: Database, rows: int
) -> None:
    values = [{"subject": str(number)} for number in range(rows)]
    session_database.run(lambda session: session.execute(INSERT, values))
    batches: list[list[Revocation]] = []
    store.read_revocations("", batches.append)
    assert max(map(len, batches)) <= BATCH_SIZE
    assert sorted(row.subject for batch in batches for row in batch) == sorted(value["subject"] for value in values)


def test_an_older_copy_of_the_file_is_read_from_the_start(tmp_path: Path, clock: FrozenClock) -> None:
    """Otherwise a worker would wait until as many revocations have been added again."""
    path, copy = tmp_path / "new.db", tmp_path / "copy.db"
    migrations.upgrade(f"sqlite:///{path}")
    with closing(Database(f"sqlite:///{path}", clock=clock)) as database:
        reader = Reader(store_in(database))
        store_in(database).revoke_session("old", "ended")
        assert reader.subjects() == ["old"]
        database.close()
        shutil.copyfile(path, copy)
        store_in(database).revoke_session("lost", "ended")
        store_in(database).revoke_session("lost too", "ended")
        assert reader.subjects() == ["lost", "lost too"]
        database.close()
        shutil.copyfile(copy, path)
        store_in(database).revoke_session("new", "ended")
        assert reader.subjects() == ["new", "old"]
        assert reader.read() == []
