"""Adapter and database under load, with failures, and what is stored in clear."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from threading import Barrier
from time import monotonic

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, migrations, models
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES
from genkan.errors import AdapterError, ConfigurationError, TokenError
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import adapter_in, revocations_in
from tests.servers.parallel_processes import run_in_processes, use_same_ids
from tests.servers.postgres import PostgreSQL
from tests.servers.process import free_port

ADA = User(id="", name="Ada", email="ada@example.org")
SECRETS = {"access_token": "secret-access", "refresh_token": "secret-refresh", "id_token": "secret-identity"}
ACCOUNT = Account("hub", "ada-at-hub", "oidc", SECRETS | {"scope": "openid"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "genkan.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    url: str = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{path}"
    migrations.upgrade(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


@pytest.fixture
def sqlite(path: Path) -> Iterator[Database]:
    """SQLite database whose writers wait only briefly."""
    migrations.upgrade(f"sqlite:///{path}")
    with closing(Database(f"sqlite:///{path}", timeout=0.05)) as database:
        yield database


def test_each_id_is_used_by_one_of_four_processes(url: str) -> None:
    results = run_in_processes(use_same_ids, url)
    assert [sum(calls) for calls in zip(*results, strict=True)] == [1] * 25


def test_a_write_block_that_raises_is_rolled_back(database: Database) -> None:
    with pytest.raises(LookupError), database.write() as session:
        session.execute(insert(models.UsedToken).values(id="x", expires=1))
        raise LookupError
    with database.read() as session:
        assert session.execute(select(func.count()).select_from(models.UsedToken)).scalar_one() == 0


def test_a_transaction_is_repeated_after_a_deadlock(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    barrier, tries = Barrier(2, timeout=30), {"ab": 0, "ba": 0}

    def count_both(session: Session, order: str) -> None:
        tries[order] += 1
        for step, id in enumerate(order):
            if step == 1 and tries[order] == 1:
                barrier.wait()
            counter = update(models.UsedToken).where(models.UsedToken.id == id)
            session.execute(counter.values(expires=models.UsedToken.expires + 1))

    with closing(Database(postgres_url)) as database, ThreadPoolExecutor(2) as pool:
        with database.write() as session:
            session.execute(insert(models.UsedToken).values([{"id": "a", "expires": 0}, {"id": "b", "expires": 0}]))
        list(pool.map(lambda order: database.run(partial(count_both, order=order)), tries))
        with database.read() as session:
            assert session.scalars(select(models.UsedToken.expires)).all() == [2, 2]
    assert sorted(tries.values()) == [1, 2]


def test_provider_tokens_are_stored_encrypted(database: Database, path: Path) -> None:
    user, _ = adapter_in(database).create_user(ADA, ACCOUNT)
    adapter_in(database).refresh_user(user, ACCOUNT)
    adapter_in(database).link_account(user.id, Account("lab", "ada", "oidc", SECRETS))
    with database.read() as session:
        dump = "\n".join(map(str, session.execute(text("SELECT * FROM accounts")).all())).encode()
    files = b"".join(file.read_bytes() for file in path.parent.glob("*")) if path.exists() else b""
    assert b"genkan:1:" in dump
    assert b"secret-" not in dump + files
    stored = adapter_in(database).get_account("hub", "ada-at-hub")
    assert stored is not None
    assert stored.tokens == ACCOUNT.tokens


def test_a_token_that_cannot_be_decrypted_is_left_out(sqlite: Database) -> None:
    def fail(_: str) -> str:
        raise TokenError

    adapter_in(sqlite).create_user(ADA, ACCOUNT)
    revocations = revocations_in(sqlite)
    adapter = SQLAlchemyAdapter(sqlite, AUTHJS_TABLES, seal=str, open=fail, revocations=revocations)
    stored = adapter.get_account("hub", "ada-at-hub")
    assert stored is not None
    assert stored.tokens == {"scope": "openid"}


def test_expired_ids_are_deleted_in_bounded_batches(sqlite: Database) -> None:
    def rows() -> int:
        with sqlite.read() as session:
            return session.execute(select(func.count()).select_from(models.UsedToken)).scalar_one()

    with sqlite.write() as session:
        old = [{"id": str(number), "expires": number} for number in range(600)]
        session.execute(insert(models.UsedToken), old)
    adapter = adapter_in(sqlite)
    assert adapter.use_once("one", 3e9)
    assert rows() == 101
    assert adapter.use_once("two", 3e9)
    assert rows() == 2


def test_a_server_that_stops_is_an_adapter_error_until_it_is_back(
    postgres_url: str, postgres_server: PostgreSQL
) -> None:
    migrations.upgrade(postgres_url)
    with closing(Database(postgres_url)) as database:
        adapter = adapter_in(database)
        user, _ = adapter.create_user(ADA, ACCOUNT)
        postgres_server.stop()
        started = monotonic()
        try:
            with pytest.raises(AdapterError):
                adapter.get_user(user.id)
            with pytest.raises(AdapterError):
                adapter.create_user(ADA, ACCOUNT)
        finally:
            postgres_server.start()
        assert monotonic() - started < 30
        assert adapter.get_user(user.id) == user


def test_an_unreachable_server_is_an_adapter_error_without_delay() -> None:
    started = monotonic()
    with pytest.raises(AdapterError):
        adapter_in(Database(f"postgresql+psycopg://user@127.0.0.1:{free_port()}/none")).list_users()
    assert monotonic() - started < 2


def test_waiting_too_long_for_a_connection_is_an_adapter_error(database: Database) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(database.read()).connection()
        with pytest.raises(AdapterError):
            adapter_in(database).list_users()
    assert adapter_in(database).list_users() == []


def test_an_account_that_cannot_be_stored_leaves_no_user_and_its_value_is_not_quoted(database: Database) -> None:
    adapter = adapter_in(database)
    with pytest.raises(AdapterError) as raised:
        adapter.create_user(ADA, Account("hub", "ada-at-hub", "oidc", {"scope": "lone \ud800 surrogate"}))
    assert "lone" not in str(raised.value)
    assert adapter.list_users() == []
    assert adapter.create_user(ADA, ACCOUNT)[1]


def test_disabling_a_disabled_user_keeps_the_earlier_time(url: str, clock: FrozenClock) -> None:
    with closing(Database(url, clock=clock)) as database:
        _check_disabled_at(database, clock)


def _check_disabled_at(database: Database, clock: FrozenClock) -> None:
    def disabled_at() -> int | None:
        with database.read() as session:
            return session.execute(text('SELECT "disabledAt" FROM users')).scalar()

    adapter = adapter_in(database)
    user, _ = adapter.create_user(ADA, ACCOUNT)
    for now in (1000.5, 2000.0, 3000.0):
        clock.now = now
        adapter.update_user(user.id, disabled=True)
    assert disabled_at() == 1000
    adapter.update_user(user.id, disabled=False)
    assert disabled_at() is None
    clock.now = 5000.0
    adapter.update_user(user.id, disabled=True)
    assert disabled_at() == 5000


def test_a_lone_surrogate_is_an_adapter_error_in_every_argument(database: Database) -> None:
    adapter, invalid = adapter_in(database), "lone \ud800"
    user, _ = adapter.create_user(ADA, ACCOUNT)
    for call in (
        lambda: adapter.create_user(User("", invalid), Account("hub", "another", "oidc")),
        lambda: adapter.refresh_user(User(user.id, invalid), ACCOUNT),
        lambda: adapter.get_user(invalid),
        lambda: adapter.get_user_by_email(invalid),
        lambda: adapter.get_user_by_account("hub", invalid),
        lambda: adapter.update_user(user.id, role=invalid),
    ):
        with pytest.raises(AdapterError):
            call()


def test_a_nul_character_is_an_adapter_error_in_postgresql(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    with closing(Database(postgres_url)) as database:
        with pytest.raises(AdapterError):
            adapter_in(database).create_user(User(id="", name="nul \0"), ACCOUNT)
        with pytest.raises(AdapterError):
            adapter_in(database).get_user_by_email("nul\0@example.org")
        assert adapter_in(database).get_user("nul\0") is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "not a url"])
def test_a_url_of_a_database_that_workers_cannot_share_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"), Database(url).read():
        pass
