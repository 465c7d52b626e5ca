"""What an owner is told of a database that fails: what to do about it, and no value of theirs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

import migrations
from genkan.errors import ConfigurationError, StoreError
from genkan.sqlalchemy import Database, remedy


def told(url: str) -> str:
    """The sentence for an owner who starts with that address."""
    with pytest.raises(StoreError) as failed:
        migrations.upgrade(url)
    return remedy(failed.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, whatever its name says\n" * 20)
    assert "not a SQLite database" in told(f"sqlite:///{file}")


def test_a_file_that_may_not_be_written_is_told() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError) as refused:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("CREATE TABLE house (door)")
    failed = StoreError()
    failed.__cause__ = refused.value
    assert "may not write" in remedy(failed)


@pytest.mark.parametrize("part", [{"username": "nobody_of_that_name"}, {"database": "no_such_database"}])
def test_a_server_that_refuses_us_does_answer(postgres_url: str, part: dict[str, str]) -> None:
    url = make_url(postgres_url).set(**part)  # type: ignore[arg-type]
    sentence = told(url.render_as_string(hide_password=False))
    assert "refused" in sentence
    assert not any(value in sentence for value in part.values())


def test_a_server_that_is_not_there_does_not_answer() -> None:
    assert "does not answer" in told("postgresql://ann:wrong-on-purpose@127.0.0.1:1/house")


def test_a_database_that_only_lets_read_is_told(postgres_url: str) -> None:
    url = make_url(postgres_url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    assert "may not write" in told(url.render_as_string(hide_password=False))


def test_the_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    migrations.upgrade(url)
    with Database(url).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.upgrade(url)
