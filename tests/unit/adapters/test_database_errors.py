"""Messages for the operator when the database fails. They name the variable and contain no secret."""

from __future__ import annotations

import errno
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import OperationalError
from sqlalchemy import exc, make_url

from genkan.adapters.sqlalchemy import Database, describe_error, migrations
from genkan.errors import AdapterError, ConfigurationError

PASSWORD = "wrong-password"


def message_for_url(url: str) -> str:
    """Return the message for a migration of the database at that URL."""
    with pytest.raises(AdapterError) as raised:
        migrations.upgrade(url)
    return checked_message(raised.value)


def checked_message(error: AdapterError) -> str:
    """Return the message, checked: one line that names the variable and contains neither a URL nor SQL."""
    message = describe_error(error)
    assert message.startswith("DATABASE_URL: ")
    assert message.isprintable()
    assert not any(word in message for word in ("://", "SELECT", "INSERT", PASSWORD))
    return message


def error_with_cause(cause: Exception | None) -> AdapterError:
    """Return an AdapterError with that cause."""
    raised = AdapterError("the database failed")
    raised.__cause__ = cause
    return raised


def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database\n" * 20)
    assert message_for_url(f"sqlite:///{file}").endswith("The driver says: file is not a database")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    assert str(tmp_path) not in message_for_url(f"sqlite:///{tmp_path}/folder/genkan.db")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/srv/a"), "Read-only file system"),
        (exc.OperationalError("SELECT 1", {}, OperationalError("FATAL:  sorry,\ntoo many")), "FATAL: sorry, too many"),
        (exc.TimeoutError("QueuePool limit"), "TimeoutError"),
        (exc.DataError("INSERT", {}, ValueError('invalid: "a-value"')), "DataError"),
        (exc.StatementError("a-value", "INSERT INTO x", {"a": "b"}, ValueError("a-value")), "StatementError"),
    ],
)
def test_the_drivers_message_is_quoted_without_values(error: Exception, expected: str) -> None:
    assert checked_message(error_with_cause(error)).endswith(f"The driver says: {expected}")


def test_an_error_without_a_cause_names_the_variable() -> None:
    assert "The driver says" not in checked_message(error_with_cause(None))


def test_a_server_that_is_not_running() -> None:
    assert "refused" in message_for_url(f"postgresql+psycopg://ann:{PASSWORD}@127.0.0.1:1/genkan")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"username": "no_such_role"}, 'role "no_such_role" does not exist'),
        ({"database": "no_such_database"}, 'database "no_such_database" does not exist'),
    ],
)
def test_a_server_that_rejects_the_connection(postgres_url: str, part: dict[str, str], expected: str) -> None:
    url = make_url(postgres_url).set(password=PASSWORD, **part)  # type: ignore[arg-type]
    assert expected in message_for_url(url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"options": "-c default_transaction_read_only=on"}, "read-only transaction"),
        ({"sslmod": "require"}, "sslmod"),
        ({"connect_timeout": "soon"}, "connect_timeout"),
        ({"sslmode": "sure"}, "sslmode"),
    ],
)
def test_invalid_options(postgres_url: str, options: dict[str, str], expected: str) -> None:
    url = make_url(postgres_url).set(password=PASSWORD).update_query_dict(options)
    assert expected in message_for_url(url.render_as_string(hide_password=False))


def test_values_and_sql_that_postgresql_quotes_are_left_out(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        with database.write() as session:
            session.connection().exec_driver_sql("CREATE TABLE quoted (address text PRIMARY KEY)")
        for statement in (
            "INSERT INTO quoted VALUES ('ann@x.test'), ('ann@x.test')",
            "SELECT 'ann@x.test' FROM nowhere",
        ):
            with pytest.raises(AdapterError) as raised, database.write() as session:
                session.connection().exec_driver_sql(statement)
            assert "ann@x.test" in str(raised.value.__cause__)
            assert "ann@x.test" not in checked_message(raised.value)


def test_an_option_with_a_wrong_type_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*question mark"):
        migrations.upgrade(f"sqlite:///{tmp_path}/genkan.db?timeout=soon")


@pytest.mark.parametrize("revision", ["9999", "0002"], ids=["newer", "before 0.1"])
def test_a_database_of_another_release_is_refused(tmp_path: Path, revision: str) -> None:
    """The tables from before 0.1 have other names and the revisions 0001 and 0002."""
    url = f"sqlite:///{tmp_path / 'genkan.db'}"
    migrations.upgrade(url)
    with Database(url).write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.upgrade(url)
    with pytest.raises(ConfigurationError, match="newer release"):
        migrations.require_current(url)


def test_a_database_without_tables_is_refused_with_the_remedy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'genkan.db'}"
    with pytest.raises(ConfigurationError, match=r"flask genkan upgrade"):
        migrations.require_current(url)
    migrations.upgrade(url)
    migrations.require_current(url)
