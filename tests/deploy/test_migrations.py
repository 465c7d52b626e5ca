"""The schema: made in an empty database, adopted in Auth.js's, by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from genkan.adapters.sqlalchemy import Database, migrations, models
from genkan.errors import AdapterError, ConfigurationError
from tests.servers.node import authjs
from tests.servers.parallel_processes import run_in_processes, upgrade
from tests.servers.process import free_port


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_disk = f"sqlite:///{tmp_path / 'genkan.db'}"
    url: str = on_disk if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


@pytest.fixture
def kinds(url: str) -> tuple[str, str]:
    return authjs.SQLITE_INTEGERS if url.startswith("sqlite") else authjs.INTEGERS


def columns(connection: Connection, table: str) -> dict[str, str]:
    return {column["name"]: str(column["type"]) for column in inspect(connection).get_columns(table)}


def definitions(database: Database) -> dict[str, str]:
    with database.read() as session:
        rows = session.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows if not name.startswith("alembic")}


def test_a_new_database_is_pending_until_it_is_upgraded(url: str) -> None:
    assert migrations.pending(url)
    migrations.upgrade(url)
    assert not migrations.pending(url)
    migrations.upgrade(url)
    assert not migrations.pending(url)


def test_the_migrations_make_what_the_models_say(database: Database, url: str, tmp_path: Path) -> None:
    migrations.upgrade(url)
    if url.startswith("sqlite"):
        with closing(Database(f"sqlite:///{tmp_path / 'models.db'}")) as made_by_models:
            models.Base.metadata.create_all(made_by_models.engine)
            assert definitions(database) == definitions(made_by_models)
        return
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert compare_metadata(context, models.Base.metadata) == []


def test_four_processes_that_upgrade_at_once_do_it_once(url: str) -> None:
    assert run_in_processes(upgrade, url) == [True] * 4


def test_an_authjs_database_is_adopted_and_no_column_changed(
    database: Database, url: str, kinds: tuple[str, str]
) -> None:
    authjs.create_schema(database, kinds)
    authjs.add_grace(database, "7")
    with database.read() as session:
        before = {table: columns(session.connection(), table) for table in ("users", "accounts")}
    migrations.upgrade(url)
    with database.read() as session:
        after = {table: columns(session.connection(), table) for table in ("users", "accounts", "used_tokens")}
        assert session.execute(text("SELECT id, name, role FROM users")).all() == [(7, "Grace", "user")]
    assert after["users"] == before["users"] | {"role": "TEXT", "disabledAt": "BIGINT", "nameOverridden": "BOOLEAN"}
    assert after["accounts"] == before["accounts"] | {"refresh_locked_until": "BIGINT"}
    assert set(after["used_tokens"]) == {"id", "expires"}


def test_the_other_application_goes_on_inserting(database: Database, url: str, kinds: tuple[str, str]) -> None:
    authjs.create_schema(database, kinds)
    migrations.upgrade(url)
    authjs.add_grace(database, "8")
    with database.read() as session:
        assert session.execute(text("SELECT role FROM users")).scalar() == "user"


def test_a_role_column_that_is_there_is_left_alone(database: Database, url: str, kinds: tuple[str, str]) -> None:
    authjs.create_schema(database, kinds)
    authjs.execute(database, "ALTER TABLE users ADD COLUMN role VARCHAR(20) DEFAULT 'member'")
    authjs.add_grace(database, "9")
    migrations.upgrade(url)
    with database.read() as session:
        assert columns(session.connection(), "users")["role"] == "VARCHAR(20)"
        assert session.execute(text("SELECT role FROM users")).scalar() == "member"


def test_accounts_made_beside_existing_users_refer_to_ids_of_their_kind(
    database: Database, url: str, kinds: tuple[str, str]
) -> None:
    authjs.create_schema(database, kinds, with_accounts=False)
    migrations.upgrade(url)
    with database.read() as session:
        assert columns(session.connection(), "accounts")["userId"] == "INTEGER"


@pytest.mark.parametrize(
    ("table", "column", "again"),
    [
        ("users", "email", "INSERT INTO users (id, email) VALUES (2, 'GRACE@example.org')"),
        (
            "accounts",
            "providerAccountId",
            """INSERT INTO accounts (id, "userId", type, provider, "providerAccountId")
               VALUES (2, 2, 'oidc', 'hub', 'grace-at-hub')""",
        ),
    ],
)
def test_duplicates_stop_the_upgrade_whole_with_a_sentence_that_helps(
    database: Database, url: str, kinds: tuple[str, str], table: str, column: str, again: str
) -> None:
    authjs.create_schema(database, kinds)
    authjs.add_grace(database, "1")
    authjs.execute(database, again)
    with pytest.raises(ConfigurationError, match=rf"table {table} has more than one row.*{column}.*GROUP BY") as caught:
        migrations.upgrade(url)
    assert "grace" not in str(caught.value).lower()
    with database.read() as session:
        assert "role" not in columns(session.connection(), "users")
    authjs.execute(database, f"DELETE FROM {table} WHERE id = 2")
    migrations.upgrade(url)
    assert not migrations.pending(url)


def test_a_table_of_somebody_else_is_not_touched(database: Database, url: str) -> None:
    authjs.execute(database, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, password TEXT)")
    with pytest.raises(ConfigurationError, match=r"table users.*lacks name, emailVerified, image"):
        migrations.upgrade(url)
    with database.read() as session:
        assert set(columns(session.connection(), "users")) == {"id", "email", "password"}


@pytest.mark.parametrize("tables", [("user",), ("Account", "User")])
def test_a_layout_that_is_not_adopted_is_told_of_and_left_alone(
    database: Database, url: str, caplog: pytest.LogCaptureFixture, tables: tuple[str, ...]
) -> None:
    authjs.execute(database, *(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY)' for table in tables))
    with caplog.at_level("WARNING", "genkan"):
        migrations.upgrade(url)
        migrations.upgrade(url)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"DATABASE_URL: there is {', '.join(tables)}, but no table users. ")
    with database.read() as session:
        assert all(set(columns(session.connection(), table)) == {"id"} for table in tables)


def test_a_database_of_ours_or_of_auth_js_brings_no_warning(
    database: Database, url: str, kinds: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    authjs.create_schema(database, kinds)
    authjs.execute(database, 'CREATE TABLE "Account" (id TEXT PRIMARY KEY)')
    with caplog.at_level("WARNING", "genkan"):
        migrations.upgrade(url)
    assert caplog.records == []


def test_there_is_no_way_back_that_would_drop_people(database: Database, url: str) -> None:
    migrations.upgrade(url)
    with database.write() as session, pytest.raises(ConfigurationError, match="backup"):
        config = migrations._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")


def test_a_database_that_is_not_there_is_a_store_error() -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    for act in (migrations.upgrade, migrations.pending):
        with pytest.raises(AdapterError):
            act(url)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE activity (id INTEGER)", "activity"),
        ('ALTER TABLE users ADD "disabledAt" TEXT', "users.disabledAt"),
    ],
)
def test_what_another_application_calls_the_same_is_named_and_left_alone(
    database: Database, url: str, kinds: tuple[str, str], statement: str, named: str
) -> None:
    authjs.create_schema(database, kinds)
    authjs.execute(database, statement)
    with pytest.raises(ConfigurationError, match=rf"^DATABASE_URL: {named} is there already"):
        migrations.upgrade(url)
    with database.read() as session:
        assert "used_tokens" not in inspect(session.connection()).get_table_names()
