"""What an owner is told of a database that fails: what to do about it, and no value of theirs."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import OperationalError
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


@pytest.mark.parametrize(
    ("pragma", "statement", "words"),
    [
        ("query_only = 1", "CREATE TABLE house (door)", "may only read"),
        ("user_version", "SELECT 1 FROM x", "make serve"),
    ],
)
def test_what_sqlite_says_is_told_in_our_words(pragma: str, statement: str, words: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError) as refused:
        connection.execute(f"PRAGMA {pragma}")
        connection.execute(statement)
    assert words in remedy(after(refused.value))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(), "no file can be made there"),
        (OSError(errno.EROFS, "x"), "no file can be made there"),
        (NotADirectoryError(), "a file where the file's folder should be"),
        (OperationalError("FATAL:  the database system is starting up"), "Try again"),
        (OperationalError("FATAL:  sorry, too many clients already"), "Try again"),
        (OperationalError("FATAL:  Passwort-Authentifizierung für »ann« fehlgeschlagen"), "its log says"),
        (OperationalError("server does not support SSL, but SSL was required"), "sslmode"),
        (OperationalError("connection refused"), "does not answer"),
        (None, "does not answer"),
    ],
)
def test_each_kind_of_failure_has_a_remedy_of_its_own(error: Exception | None, words: str) -> None:
    assert words in remedy(after(error))


def test_a_file_that_can_t_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    with pytest.raises(sqlite3.OperationalError) as refused:
        sqlite3.connect(f"file:{tmp_path}/missing/house.db?mode=rw", uri=True)
    assert "can't be opened" in remedy(after(refused.value))


def after(cause: Exception | None) -> StoreError:
    """The error that our database raises from that one."""
    failed = StoreError("the database failed")
    failed.__cause__ = cause
    return failed


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"username": "nobody_of_that_name"}, "refuses the account"),
        ({"database": "no_such_database"}, "no database of that name"),
    ],
)
def test_a_server_that_refuses_us_does_answer(postgres_url: str, part: dict[str, str], words: str) -> None:
    url = make_url(postgres_url).set(**part)  # type: ignore[arg-type]
    sentence = told(url.render_as_string(hide_password=False))
    assert words in sentence
    assert not any(value in sentence for value in part.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"options": "-c default_transaction_read_only=on"}, "nothing but reads"),
        ({"sslmod": "require"}, "question mark"),
        ({"connect_timeout": "soon"}, "question mark"),
        ({"sslmode": "sure"}, "question mark"),
        ({"sslmode": "require"}, "sslmode"),
    ],
)
def test_options_that_can_not_work_are_told(postgres_url: str, options: dict[str, str], words: str) -> None:
    url = make_url(postgres_url).update_query_dict(options)
    assert words in told(url.render_as_string(hide_password=False))


def test_an_account_without_the_right_to_create_tables_is_told(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database, database.write() as session:
        session.connection().exec_driver_sql("DROP ROLE IF EXISTS small")
        session.connection().exec_driver_sql("CREATE ROLE small LOGIN")
    url = make_url(postgres_url).set(username="small")
    assert "lacks a right" in told(url.render_as_string(hide_password=False))


def test_an_option_of_the_wrong_kind_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*question mark"):
        migrations.upgrade(f"sqlite:///{tmp_path}/house.db?timeout=soon")


def test_a_server_that_is_not_there_does_not_answer() -> None:
    assert "does not answer" in told("postgresql://ann:wrong-on-purpose@127.0.0.1:1/house")


def test_the_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    migrations.upgrade(url)
    with Database(url).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.upgrade(url)
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.require_newest(url)


def test_a_database_without_our_tables_is_told_how_it_gets_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    with pytest.raises(ConfigurationError, match=r"make serve"):
        migrations.require_newest(url)
    migrations.upgrade(url)
    migrations.require_newest(url)
