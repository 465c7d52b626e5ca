"""What the owner is told when the database fails: the variable and the driver's own words, and no secret."""

from __future__ import annotations

import errno
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import OperationalError
from sqlalchemy import exc, make_url

from genkan.adapters.sqlalchemy import Database, describe_error, migrations
from genkan.errors import AdapterError, ConfigurationError

PASSWORD = "wrong-on-purpose"


def told(url: str) -> str:
    """The sentence for an owner who starts with that address."""
    with pytest.raises(AdapterError) as failed:
        migrations.upgrade(url)
    return checked(failed.value)


def checked(error: AdapterError) -> str:
    """The sentence, which names the variable on one line and holds neither a URL nor SQL."""
    sentence = describe_error(error)
    assert sentence.startswith("DATABASE_URL: ")
    assert sentence.isprintable()
    assert not any(word in sentence for word in ("://", "SELECT", "INSERT", PASSWORD))
    return sentence


def after(cause: Exception | None) -> AdapterError:
    """The error that our database raises from that one."""
    failed = AdapterError("the database failed")
    failed.__cause__ = cause
    return failed


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, whatever its name says\n" * 20)
    assert told(f"sqlite:///{file}").endswith("The driver says: file is not a database")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    assert str(tmp_path) not in told(f"sqlite:///{tmp_path}/folder/genkan.db")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/srv/a"), "Read-only file system"),
        (exc.OperationalError("SELECT 1", {}, OperationalError("FATAL:  sorry,\ntoo many")), "FATAL: sorry, too many"),
        (exc.TimeoutError("QueuePool limit"), "TimeoutError"),
        (exc.DataError("INSERT", {}, ValueError('invalid: "a-value"')), "DataError"),
        (exc.StatementError("a-value", "INSERT INTO x", {"a": "b"}, ValueError("a-value")), "StatementError"),
    ],
)
def test_the_driver_s_words_are_repeated_without_values(error: Exception, words: str) -> None:
    assert checked(after(error)).endswith(f"The driver says: {words}")


def test_without_a_cause_the_variable_is_named_all_the_same() -> None:
    assert "The driver says" not in checked(after(None))


def test_a_server_that_is_not_there() -> None:
    assert "refused" in told(f"postgresql+psycopg://ann:{PASSWORD}@127.0.0.1:1/genkan")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"username": "no_such_role"}, 'role "no_such_role" does not exist'),
        ({"database": "no_such_database"}, 'database "no_such_database" does not exist'),
    ],
)
def test_a_server_that_refuses_the_connection(postgres_url: str, part: dict[str, str], words: str) -> None:
    url = make_url(postgres_url).set(password=PASSWORD, **part)  # type: ignore[arg-type]
    assert words in told(url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"options": "-c default_transaction_read_only=on"}, "read-only transaction"),
        ({"sslmod": "require"}, "sslmod"),
        ({"connect_timeout": "soon"}, "connect_timeout"),
        ({"sslmode": "sure"}, "sslmode"),
    ],
)
def test_options_that_can_not_work(postgres_url: str, options: dict[str, str], words: str) -> None:
    url = make_url(postgres_url).set(password=PASSWORD).update_query_dict(options)
    assert words in told(url.render_as_string(hide_password=False))


def test_the_row_and_the_statement_that_postgresql_quotes_are_left_out(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        with database.write() as session:
            session.connection().exec_driver_sql("CREATE TABLE quoted (address text PRIMARY KEY)")
        for statement in (
            "INSERT INTO quoted VALUES ('ann@x.test'), ('ann@x.test')",
            "SELECT 'ann@x.test' FROM nowhere",
        ):
            with pytest.raises(AdapterError) as failed, database.write() as session:
                session.connection().exec_driver_sql(statement)
            assert "ann@x.test" in str(failed.value.__cause__)
            assert "ann@x.test" not in checked(failed.value)


def test_an_option_of_the_wrong_kind_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*question mark"):
        migrations.upgrade(f"sqlite:///{tmp_path}/house.db?timeout=soon")


def test_the_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    migrations.upgrade(url)
    with Database(url).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.upgrade(url)
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.require_current(url)


def test_a_database_without_our_tables_is_told_how_it_gets_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    with pytest.raises(ConfigurationError, match=r"make serve"):
        migrations.require_current(url)
    migrations.upgrade(url)
    migrations.require_current(url)
