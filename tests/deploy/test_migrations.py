"""Migrations: a new database, the database of an Auth.js application, and concurrent upgrades."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text

from genkan.adapters.sqlalchemy import Database, migrations, models
from genkan.adapters.sqlalchemy.tables import Naming, create_tables
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
def id_types(url: str) -> tuple[str, str]:
    return authjs.SQLITE_INTEGERS if url.startswith("sqlite") else authjs.INTEGERS


def columns(connection: Connection, table: str) -> dict[str, str]:
    return {column["name"]: str(column["type"]) for column in inspect(connection).get_columns(table)}


def definitions(database: Database) -> dict[str, str]:
    with database.read() as session:
        rows = session.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    # Without spaces: a column that was added later has other ones around it.
    return {name: "".join(sql.replace('"', "").split()) for name, sql in rows if not name.startswith("alembic")}


def test_a_new_database_is_pending_until_it_is_upgraded(url: str) -> None:
    assert migrations.pending(url)
    migrations.upgrade(url)
    assert not migrations.pending(url)
    migrations.upgrade(url)
    assert not migrations.pending(url)


def test_the_migrations_create_the_schema_of_the_models(database: Database, url: str, tmp_path: Path) -> None:
    migrations.upgrade(url)
    if url.startswith("sqlite"):
        with closing(Database(f"sqlite:///{tmp_path / 'models.db'}")) as from_models:
            models.Base.metadata.create_all(from_models.engine)
            assert definitions(database) == definitions(from_models)
        return
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert compare_metadata(context, models.Base.metadata) == []


def test_the_migrations_create_genkan_s_own_tables(database: Database, url: str) -> None:
    migrations.upgrade(url, "genkan")
    metadata = MetaData()
    create_tables(metadata)
    with database.read() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, "version_table": "genkan_version"}
        )
        assert compare_metadata(context, metadata) == []
        assert {name.startswith("genkan_") for name in inspect(session.connection()).get_table_names()} == {True}
    assert not migrations.pending(url, "genkan")


def test_of_four_concurrent_upgrades_one_creates_the_schema(url: str) -> None:
    assert run_in_processes(upgrade, url) == [True] * 4


def test_an_authjs_database_is_adopted_and_its_columns_stay_unchanged(
    database: Database, url: str, id_types: tuple[str, str]
) -> None:
    authjs.create_schema(database, id_types)
    authjs.add_grace(database, "7")
    with database.read() as session:
        before = {table: columns(session.connection(), table) for table in ("users", "accounts")}
    migrations.upgrade(url)
    with database.read() as session:
        after = {table: columns(session.connection(), table) for table in ("users", "accounts", "used_tokens")}
        assert session.execute(text("SELECT id, name, role FROM users")).all() == [(7, "Grace", "user")]
    assert after["users"] == before["users"] | {"role": "TEXT", "disabledAt": "BIGINT", "nameOverridden": "BOOLEAN"}
    assert after["accounts"] == before["accounts"] | {"refresh_locked_until": "BIGINT", "linked_at": "BIGINT"}
    assert set(after["used_tokens"]) == {"id", "expires"}


def test_the_other_application_can_still_insert_users(database: Database, url: str, id_types: tuple[str, str]) -> None:
    authjs.create_schema(database, id_types)
    migrations.upgrade(url)
    authjs.add_grace(database, "8")
    with database.read() as session:
        assert session.execute(text("SELECT role FROM users")).scalar() == "user"


def test_an_existing_role_column_is_left_unchanged(database: Database, url: str, id_types: tuple[str, str]) -> None:
    authjs.create_schema(database, id_types)
    authjs.execute(database, "ALTER TABLE users ADD COLUMN role VARCHAR(20) DEFAULT 'member'")
    authjs.add_grace(database, "9")
    migrations.upgrade(url)
    with database.read() as session:
        assert columns(session.connection(), "users")["role"] == "VARCHAR(20)"
        assert session.execute(text("SELECT role FROM users")).scalar() == "member"


def test_a_new_accounts_table_uses_the_id_type_of_the_existing_users(
    database: Database, url: str, id_types: tuple[str, str]
) -> None:
    authjs.create_schema(database, id_types, with_accounts=False)
    migrations.upgrade(url)
    with database.read() as session:
        assert columns(session.connection(), "accounts")["userId"] == "INTEGER"


@pytest.mark.parametrize(
    ("table", "column", "duplicate"),
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
def test_duplicate_rows_stop_the_upgrade_with_an_error_that_names_the_query(
    database: Database, url: str, id_types: tuple[str, str], table: str, column: str, duplicate: str
) -> None:
    authjs.create_schema(database, id_types)
    authjs.add_grace(database, "1")
    authjs.execute(database, duplicate)
    with pytest.raises(ConfigurationError, match=rf"table {table} has more than one row.*{column}.*GROUP BY") as caught:
        migrations.upgrade(url)
    assert "grace" not in str(caught.value).lower()
    with database.read() as session:
        assert "role" not in columns(session.connection(), "users")
    authjs.execute(database, f"DELETE FROM {table} WHERE id = 2")
    migrations.upgrade(url)
    assert not migrations.pending(url)


def test_a_users_table_of_another_application_is_not_changed(database: Database, url: str) -> None:
    authjs.execute(database, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, password TEXT)")
    with pytest.raises(ConfigurationError, match=r"table users.*has no column name, emailVerified, image"):
        migrations.upgrade(url)
    with database.read() as session:
        assert set(columns(session.connection(), "users")) == {"id", "email", "password"}


@pytest.mark.parametrize("tables", [("user",), ("Account", "User")])
def test_another_table_layout_causes_a_warning_and_is_not_changed(
    database: Database, url: str, caplog: pytest.LogCaptureFixture, tables: tuple[str, ...]
) -> None:
    authjs.execute(database, *(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY)' for table in tables))
    with caplog.at_level("WARNING", "genkan"):
        migrations.upgrade(url)
        migrations.upgrade(url)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"DATABASE_URL: the database has {', '.join(tables)}, but no table users. ")
    with database.read() as session:
        assert all(set(columns(session.connection(), table)) == {"id"} for table in tables)


def test_an_adopted_database_causes_no_warning(
    database: Database, url: str, id_types: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    authjs.create_schema(database, id_types)
    authjs.execute(database, 'CREATE TABLE "Account" (id TEXT PRIMARY KEY)')
    with caplog.at_level("WARNING", "genkan"):
        migrations.upgrade(url)
    assert caplog.records == []


def test_a_table_of_another_application_in_place_of_one_of_ours_is_not_changed(database: Database, url: str) -> None:
    tables = {"genkan_outbox": "genkan_outbox already exists", "verification_token": "no column token, expires"}
    for table, message in tables.items():
        authjs.execute(database, f"CREATE TABLE {table} (identifier TEXT PRIMARY KEY)")
        with pytest.raises(ConfigurationError, match=message):
            migrations.upgrade(url)
        with database.read() as session:
            assert set(columns(session.connection(), table)) == {"identifier"}
        authjs.execute(database, f"DROP TABLE {table}")


@pytest.mark.parametrize("naming", ["authjs", "genkan"])
def test_the_tables_for_mail_passwords_passkeys_and_factors_can_be_dropped_and_created_again(
    database: Database, url: str, naming: Naming
) -> None:
    migrations.upgrade(url, naming)
    with database.read() as session:
        before = set(inspect(session.connection()).get_table_names())
    with database.write() as session:
        config = migrations._config(naming)
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "revocation_rules")
    with database.read() as session:
        dropped = before - set(inspect(session.connection()).get_table_names())
    own = {
        "genkan_verifications", "genkan_passwords", "genkan_outbox", "genkan_limits", "genkan_passkey_handles",
        "genkan_totp", "genkan_recovery_codes", "genkan_trusted_devices", "genkan_pending_sign_ins",
    }  # fmt: skip
    # Auth.js's tables stay, because they may have been there before.
    shared = {"genkan_verification_tokens", "genkan_authenticators"}
    assert dropped == (own if naming == "authjs" else own | shared)
    migrations.upgrade(url, naming)
    with database.read() as session:
        assert set(inspect(session.connection()).get_table_names()) == before


def test_a_downgrade_is_refused(database: Database, url: str) -> None:
    migrations.upgrade(url)
    with database.write() as session, pytest.raises(ConfigurationError, match="backup"):
        config = migrations._config("authjs")
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")


def test_an_unreachable_database_raises_adapter_error() -> None:
    url = f"postgresql+psycopg://user@127.0.0.1:{free_port()}/none"
    for function in (migrations.upgrade, migrations.pending):
        with pytest.raises(AdapterError):
            function(url)


@pytest.mark.parametrize(
    ("statement", "existing"),
    [
        ("CREATE TABLE activity (id INTEGER)", "activity"),
        ('ALTER TABLE users ADD "disabledAt" TEXT', "users.disabledAt"),
    ],
)
def test_a_name_used_by_another_application_is_an_error_and_nothing_is_changed(
    database: Database, url: str, id_types: tuple[str, str], statement: str, existing: str
) -> None:
    authjs.create_schema(database, id_types)
    authjs.execute(database, statement)
    with pytest.raises(ConfigurationError, match=rf"^DATABASE_URL: {existing} already exists"):
        migrations.upgrade(url)
    with database.read() as session:
        assert "used_tokens" not in inspect(session.connection()).get_table_names()
