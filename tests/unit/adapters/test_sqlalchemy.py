"""The database at its worst: crowded, full, gone, read by a thief."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from threading import Barrier
from time import monotonic, time

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from genkan.adapters import Adapter
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, migrations, models
from genkan.crypto.sealer import Clock
from genkan.errors import AdapterError, ConfigurationError, TokenError
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.servers.parallel_processes import run_in_processes, use_same_ids
from tests.servers.postgres import PostgreSQL
from tests.servers.process import free_port

ADA = User(id="", name="Ada", email="ada@example.org")
SECRETS = {"access_token": "secret-access", "refresh_token": "secret-refresh", "id_token": "secret-identity"}
ACCOUNT = Account("hub", "ada-at-hub", "oidc", SECRETS | {"scope": "openid"})
TABLES = (models.User, models.Account, models.UsedToken)


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
    """A SQLite database whose writers are impatient."""
    migrations.upgrade(f"sqlite:///{path}")
    with closing(Database(f"sqlite:///{path}", timeout=0.05)) as database:
        yield database


def adapter_over(database: Database, clock: Clock = time) -> Adapter:
    return SQLAlchemyAdapter(database, *TABLES, seal=lambda text: text[::-1], open=lambda text: text[::-1], clock=clock)


def test_four_processes_that_spend_the_same_ids_find_one_winner_for_each(url: str) -> None:
    won = run_in_processes(use_same_ids, url)
    assert [sum(each) for each in zip(*won, strict=True)] == [1] * 25


def test_a_block_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(LookupError), database.write() as session:
        session.execute(insert(models.UsedToken).values(id="x", expires=1))
        raise LookupError
    with database.read() as session:
        assert session.execute(select(func.count()).select_from(models.UsedToken)).scalar_one() == 0


def test_a_transaction_that_lost_a_deadlock_is_begun_anew(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    barrier, tries = Barrier(2), {"ab": 0, "ba": 0}

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


def test_no_provider_token_is_readable_in_the_database(database: Database, path: Path) -> None:
    user, _ = adapter_over(database).create_user(ADA, ACCOUNT)
    adapter_over(database).refresh_user(user, ACCOUNT)
    adapter_over(database).link_account(user.id, Account("lab", "ada", "oidc", SECRETS))
    with database.read() as session:
        dump = "\n".join(map(str, session.execute(text("SELECT * FROM accounts")).all())).encode()
    files = b"".join(file.read_bytes() for file in path.parent.glob("*")) if path.exists() else b""
    assert b"genkan:1:" in dump
    assert b"secret-" not in dump + files
    stored = adapter_over(database).get_account("hub", "ada-at-hub")
    assert stored is not None
    assert stored.tokens == ACCOUNT.tokens


def test_a_token_that_no_secret_opens_any_more_is_left_out(sqlite: Database) -> None:
    def refuse(_: str) -> str:
        raise TokenError

    adapter_over(sqlite).create_user(ADA, ACCOUNT)
    stored = SQLAlchemyAdapter(sqlite, *TABLES, seal=str, open=refuse).get_account("hub", "ada-at-hub")
    assert stored is not None
    assert stored.tokens == {"scope": "openid"}


def test_expired_ids_are_purged_in_bounded_batches(sqlite: Database) -> None:
    def rows() -> int:
        with sqlite.read() as session:
            return session.execute(select(func.count()).select_from(models.UsedToken)).scalar_one()

    with sqlite.write() as session:
        old = [{"id": str(number), "expires": number} for number in range(600)]
        session.execute(insert(models.UsedToken), old)
    adapter = SQLAlchemyAdapter(sqlite, *TABLES, seal=str, open=str, clock=lambda: 2e9)
    assert adapter.use_once("one", 3e9)
    assert rows() == 101
    assert adapter.use_once("two", 3e9)
    assert rows() == 2


def test_a_server_that_stops_is_a_store_error_at_once_and_comes_back(
    postgres_url: str, postgres_server: PostgreSQL
) -> None:
    migrations.upgrade(postgres_url)
    with closing(Database(postgres_url)) as database:
        adapter = adapter_over(database)
        user, _ = adapter.create_user(ADA, ACCOUNT)
        postgres_server.stop()
        began = monotonic()
        try:
            with pytest.raises(AdapterError):
                adapter.get_user(user.id)
            with pytest.raises(AdapterError):
                adapter.create_user(ADA, ACCOUNT)
        finally:
            postgres_server.start()
        assert monotonic() - began < 5
        assert adapter.get_user(user.id) == user


def test_a_server_that_is_not_there_is_a_store_error_at_once() -> None:
    began = monotonic()
    with pytest.raises(AdapterError):
        adapter_over(Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")).list_users()
    assert monotonic() - began < 2


def test_who_gets_no_connection_in_two_seconds_is_told_so(database: Database) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(database.read()).connection()
        with pytest.raises(AdapterError):
            adapter_over(database).list_users()
    assert adapter_over(database).list_users() == []


def test_an_account_that_cannot_be_stored_leaves_no_user_and_a_message_without_the_value(database: Database) -> None:
    adapter = adapter_over(database)
    with pytest.raises(AdapterError) as caught:
        adapter.create_user(ADA, Account("hub", "ada-at-hub", "oidc", {"scope": "lone \ud800 surrogate"}))
    assert "lone" not in str(caught.value)
    assert adapter.list_users() == []
    assert adapter.create_user(ADA, ACCOUNT)[1]


def test_a_user_who_is_disabled_twice_has_been_so_since_the_first_time(database: Database, clock: FrozenClock) -> None:
    def since() -> int | None:
        with database.read() as session:
            return session.execute(text('SELECT "disabledAt" FROM users')).scalar()

    adapter = adapter_over(database, clock)
    user, _ = adapter.create_user(ADA, ACCOUNT)
    for now in (1000.5, 2000.0, 3000.0):
        clock.now = now
        adapter.update_user(user.id, disabled=True)
    assert since() == 1000
    adapter.update_user(user.id, disabled=False)
    assert since() is None
    clock.now = 5000.0
    adapter.update_user(user.id, disabled=True)
    assert since() == 5000


def test_a_surrogate_is_a_store_error_wherever_it_comes_in(database: Database) -> None:
    adapter, bad = adapter_over(database), "lone \ud800"
    user, _ = adapter.create_user(ADA, ACCOUNT)
    for act in (
        lambda: adapter.create_user(User("", bad), Account("hub", "another", "oidc")),
        lambda: adapter.refresh_user(User(user.id, bad), ACCOUNT),
        lambda: adapter.get_user(bad),
        lambda: adapter.get_user_by_email(bad),
        lambda: adapter.get_user_by_account("hub", bad),
        lambda: adapter.update_user(user.id, role=bad),
    ):
        with pytest.raises(AdapterError):
            act()


def test_a_nul_is_refused_by_postgresql_as_a_store_error(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    with closing(Database(postgres_url)) as database:
        with pytest.raises(AdapterError):
            adapter_over(database).create_user(User(id="", name="nul \0"), ACCOUNT)
        with pytest.raises(AdapterError):
            adapter_over(database).get_user_by_email("nul\0@example.org")
        assert adapter_over(database).get_user("nul\0") is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "not a url"])
def test_a_url_that_names_no_shareable_database_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"), Database(url).read():
        pass
