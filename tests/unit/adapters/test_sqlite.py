"""SQLite with several writers, and with a file that is private, locked or deleted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from genkan.adapters.sqlalchemy import Database, migrations, models
from genkan.errors import AdapterError
from genkan.types import Account, User
from tests.databases import adapter_in

ADA = User(id="", name="Ada", email="ada@example.org")
ACCOUNT = Account("hub", "ada-at-hub", "oidc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "genkan.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[Database]:
    """SQLite database whose writers wait only briefly."""
    migrations.upgrade(f"sqlite:///{path}")
    with closing(Database(f"sqlite:///{path}", timeout=0.05)) as database:
        yield database


def count_up(session: Session) -> None:
    count = session.execute(select(models.UsedToken.expires).where(models.UsedToken.id == "counter")).scalar_one()
    session.execute(update(models.UsedToken).where(models.UsedToken.id == "counter").values(expires=count + 1))


def add_counter(database: Database) -> None:
    with database.write() as session:
        session.execute(insert(models.UsedToken).values(id="counter", expires=0))


def test_concurrent_transactions_that_read_and_write_lose_no_update(path: Path) -> None:
    migrations.upgrade(f"sqlite:///{path}")
    with closing(Database(f"sqlite:///{path}")) as database, ThreadPoolExecutor(4) as pool:
        add_counter(database)
        list(pool.map(lambda _: database.run(count_up), range(400)))
        with database.read() as session:
            assert session.execute(select(models.UsedToken.expires)).scalar_one() == 400


def test_readers_and_writers_do_not_wait_for_each_other(sqlite: Database) -> None:
    add_counter(sqlite)
    with sqlite.write() as writer, sqlite.read() as reader:
        count_up(writer)
        assert reader.execute(select(models.UsedToken.expires)).scalar_one() == 0
        writer.commit()
        with sqlite.write() as another:
            count_up(another)


def test_the_database_file_is_private_for_every_umask(path: Path) -> None:
    old_umask = os.umask(0)
    try:
        migrations.upgrade(f"sqlite:///{path}")
        with closing(Database(f"sqlite:///{path}")) as database:
            adapter_in(database).create_user(ADA, ACCOUNT)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(old_umask)
    assert modes == {"genkan.db": 0o600, "genkan.db-wal": 0o600, "genkan.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_existing_file_is_made_private(sqlite: Database, path: Path) -> None:
    path.chmod(0o644)
    with closing(Database(f"sqlite:///{path}")) as database, database.read():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_wal_and_foreign_keys_are_on(sqlite: Database) -> None:
    with sqlite.read() as session:
        pragmas = [session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")]
    assert pragmas == ["wal", 1]


def test_a_locked_database_is_an_adapter_error_for_writers_only(sqlite: Database) -> None:
    user, _ = adapter_in(sqlite).create_user(ADA, ACCOUNT)
    with sqlite.write() as writer:
        writer.execute(text("SELECT 1"))
        assert adapter_in(sqlite).get_user(user.id) == user
        with pytest.raises(AdapterError):
            adapter_in(sqlite).use_once("state", 4e9)
    assert adapter_in(sqlite).use_once("state", 4e9)


def test_a_deleted_file_is_an_adapter_error_until_it_is_restored(sqlite: Database, path: Path) -> None:
    user, _ = adapter_in(sqlite).create_user(ADA, ACCOUNT)
    sqlite.close()
    content = path.read_bytes()
    assert adapter_in(sqlite).get_user(user.id) == user
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(AdapterError):
        adapter_in(sqlite).use_once("state", 4e9)
    assert not path.exists()
    path.write_bytes(content)
    assert adapter_in(sqlite).get_user(user.id) == user
    assert adapter_in(sqlite).use_once("state", 4e9)
