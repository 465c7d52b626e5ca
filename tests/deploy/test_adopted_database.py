"""Adapter with a database that Auth.js has created and also uses, for each type of id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from genkan.adapters import Adapter
from genkan.adapters.sqlalchemy import Database, migrations
from genkan.errors import AdapterError, OAuthAccountNotLinked
from genkan.settings.environment import ROOT
from genkan.types import Account, User
from tests.databases import adapter_in
from tests.servers.node import authjs

GRACE_IDS = {
    authjs.INTEGERS: "4711",
    authjs.SQLITE_INTEGERS: "4711",
    authjs.TEXTS: "clx0grace",
    authjs.UUIDS: "0b6c5f6e-6a83-4f56-9d2f-0a4dd2f5a111",
}
ADA = User(id="", name="Ada", email="ada@example.org")
ADA_AT_HUB = Account("hub", "ada-at-hub", "oidc", {"access_token": "at-1", "expires_at": 1_800_000_000})

ID_TYPES = [("postgresql", id_types) for id_types in (authjs.INTEGERS, authjs.TEXTS, authjs.UUIDS)]
ID_TYPES += [("sqlite", id_types) for id_types in (authjs.SQLITE_INTEGERS, authjs.TEXTS)]


@pytest.fixture(params=ID_TYPES, ids=lambda param: f"{param[0]}-{param[1][0].split()[0].lower()}")
def id_types(request: pytest.FixtureRequest) -> tuple[str, str]:
    id_types: tuple[str, str] = request.param[1]
    return id_types


@pytest.fixture
def grace_id(id_types: tuple[str, str]) -> str:
    return GRACE_IDS[id_types]


@pytest.fixture
def database(
    request: pytest.FixtureRequest, id_types: tuple[str, str], grace_id: str, tmp_path: Path
) -> Iterator[Database]:
    on_server = "postgresql" in request.node.callspec.id
    url = request.getfixturevalue("postgres_url") if on_server else f"sqlite:///{tmp_path / 'authjs.db'}"
    with closing(Database(url)) as database:
        authjs.create_schema(database, id_types)
        authjs.add_grace(database, grace_id)
        migrations.upgrade(url)
        yield database


@pytest.fixture
def adapter(database: Database) -> Adapter:
    return adapter_in(database)


def test_a_user_created_by_authjs_is_found(adapter: Adapter, grace_id: str) -> None:
    grace = User(grace_id, "Grace", "grace@example.org", role="user")
    assert adapter.get_user(grace_id) == grace
    assert adapter.get_user_by_email("Grace@Example.org") == grace
    assert adapter.get_user_by_account("hub", "grace-at-hub") == grace
    assert adapter.create_user(ADA, Account("hub", "grace-at-hub", "oidc")) == (grace, False)


def test_unencrypted_tokens_of_authjs_are_read(adapter: Adapter, grace_id: str) -> None:
    stored = adapter.get_account("hub", "grace-at-hub")
    assert stored is not None
    assert stored.user_id == grace_id
    assert stored.tokens == {"access_token": "plain-token", "expires_at": 1_800_000_000}


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_times_in_milliseconds_are_read_and_written(
    request: pytest.FixtureRequest, tmp_path: Path, server: str
) -> None:
    """Drizzle's schemas store times in milliseconds, and Prisma's in SQLite."""
    on_server = server == "postgresql"
    url = request.getfixturevalue("postgres_url") if on_server else f"sqlite:///{tmp_path / 'numbers.db'}"
    with closing(Database(url)) as database:
        authjs.create_schema(database, authjs.TEXTS, timestamp="BIGINT")
        authjs.add_grace(database, "clx0grace")
        authjs.execute(database, 'UPDATE users SET "emailVerified" = 1800000000123')
        migrations.upgrade(url)
        adapter = adapter_in(database)
        verified = datetime(2027, 1, 15, 8, tzinfo=UTC)
        grace = adapter.get_user("clx0grace")
        assert grace is not None
        assert grace.email_verified == verified + timedelta(milliseconds=123)

        ada, _ = adapter.create_user(replace(ADA, email_verified=verified), ADA_AT_HUB)
        assert ada.email_verified == verified
        adapter.refresh_user(replace(grace, name="Grace H."), Account("hub", "grace-at-hub", "oidc"))
        with database.read() as session:
            rows = session.execute(text('SELECT name, "emailVerified" FROM users')).all()
        assert {tuple(row) for row in rows} == {("Grace H.", 1800000000123), ("Ada", 1800000000000)}


def test_rows_of_prisma_are_copied_as_documented(postgres_url: str) -> None:
    page = (ROOT / "docs" / "how-to" / "move-from-authjs.md").read_text()
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    migrations.upgrade(postgres_url)
    with closing(Database(postgres_url)) as database:
        authjs.execute(
            database,
            """CREATE TABLE "User" (id TEXT PRIMARY KEY, name TEXT, email TEXT UNIQUE, "emailVerified" TIMESTAMP(3),
                image TEXT)""",
            """CREATE TABLE "Account" ("userId" TEXT NOT NULL, type TEXT NOT NULL, provider TEXT NOT NULL,
                "providerAccountId" TEXT NOT NULL, PRIMARY KEY (provider, "providerAccountId"))""",
            """INSERT INTO "User" VALUES ('clx0grace', 'Grace', 'Grace@example.org')""",
            """INSERT INTO "Account" VALUES ('clx0grace', 'oidc', 'hub', 'grace-at-hub'),
                ('clx0grace', 'oauth', 'lab', 'grace-at-lab')""",
            *filter(str.strip, statements.split(";")),
        )
        adapter = adapter_in(database)
        grace = User("clx0grace", "Grace", "Grace@example.org", role="user")
        assert adapter.get_user_by_account("hub", "grace-at-hub") == grace
        assert adapter.get_user_by_account("lab", "grace-at-lab") == grace


def test_numbers_in_a_datetime_column_are_read(tmp_path: Path) -> None:
    """SQLite does not enforce column types, and Prisma declares its columns of milliseconds as DATETIME."""
    with closing(Database(f"sqlite:///{tmp_path / 'prisma.db'}")) as database:
        authjs.create_schema(database, authjs.TEXTS, timestamp="DATETIME")
        authjs.add_grace(database, "clx0grace")
        authjs.execute(database, 'UPDATE users SET "emailVerified" = 1800000000000')
        migrations.upgrade(f"sqlite:///{tmp_path / 'prisma.db'}")
        adapter = adapter_in(database)
        [grace] = adapter.list_users()
        assert grace.email_verified == datetime(2027, 1, 15, 8, tzinfo=UTC)


def test_a_later_sign_in_encrypts_the_tokens(adapter: Adapter, database: Database, grace_id: str) -> None:
    account = Account("hub", "grace-at-hub", "oidc", {"access_token": "at-2"})
    assert adapter.refresh_user(User(grace_id, "Grace H."), account).name == "Grace H."
    with database.read() as session:
        assert session.execute(text("SELECT access_token FROM accounts")).scalar() == "genkan:1:2-ta"


def test_a_new_user_gets_an_id_of_the_columns_type(adapter: Adapter, grace_id: str) -> None:
    ada, created = adapter.create_user(ADA, ADA_AT_HUB)
    assert created
    assert ada.id != grace_id
    assert ada.id.isdigit() == grace_id.isdigit()
    assert adapter.get_user(ada.id) == ada
    assert adapter.get_user_by_account("hub", "ada-at-hub") == ada
    adapter.link_account(ada.id, Account("lab", "ada", "oidc"))
    assert adapter.get_user_by_account("lab", "ada") == ada


@pytest.mark.parametrize("id", ["unknown", "99999999999999999999", "", "1; DROP TABLE users", "-", "nul\0"])
def test_an_id_of_another_type_finds_no_user(adapter: Adapter, id: str) -> None:
    assert adapter.get_user(id) is None


def test_email_addresses_are_compared_without_case(adapter: Adapter, database: Database, grace_id: str) -> None:
    authjs.execute(database, "UPDATE users SET email = 'Grace@Example.org'")
    with pytest.raises(OAuthAccountNotLinked):
        adapter.create_user(User("", email="grace@example.org"), ADA_AT_HUB)
    assert adapter.get_user_by_email("grace@example.org") == User(grace_id, "Grace", "Grace@Example.org", role="user")


def test_an_account_without_a_user_can_be_created_again(adapter: Adapter, database: Database) -> None:
    authjs.execute(database, "DELETE FROM users")
    ada, created = adapter.create_user(ADA, Account("hub", "grace-at-hub", "oidc"))
    assert created
    assert adapter.get_user_by_account("hub", "grace-at-hub") == ada


def test_columns_that_authjs_does_not_have_are_added(adapter: Adapter, grace_id: str) -> None:
    disabled = adapter.update_user(grace_id, disabled=True)
    assert disabled == User(grace_id, "Grace", "grace@example.org", role="user", disabled=True)
    assert adapter.update_user(grace_id, name="Grace H.", role="owner") == User(
        grace_id, "Grace H.", disabled.email, role="owner", disabled=True
    )
    [account] = adapter.list_accounts(grace_id)
    assert adapter.acquire_refresh_lock(account, 1_800_000_000, 1_800_000_015)
    assert not adapter.acquire_refresh_lock(account, 1_800_000_000, 1_800_000_015)


def test_deleting_a_user_deletes_the_accounts_without_a_foreign_key(
    adapter: Adapter, database: Database, grace_id: str
) -> None:
    adapter.create_user(ADA, ADA_AT_HUB)
    adapter.delete_user(grace_id)
    with database.read() as session:
        assert session.execute(text('SELECT "providerAccountId" FROM accounts')).scalars().all() == ["ada-at-hub"]
    assert [user.name for user in adapter.list_users()] == ["Ada"]


def test_linking_to_a_deleted_user_fails_without_a_foreign_key(
    adapter: Adapter, database: Database, grace_id: str
) -> None:
    authjs.execute(database, "DELETE FROM users")
    with pytest.raises(AdapterError):
        adapter.link_account(grace_id, Account("lab", "grace-at-lab", "oidc"))
    with database.read() as session:
        assert session.execute(text('SELECT "providerAccountId" FROM accounts')).scalars().all() == ["grace-at-hub"]


@pytest.mark.parametrize("id", ["unknown", "99999999999999999999", "nul\0"])
def test_an_id_of_another_type_has_no_accounts(adapter: Adapter, id: str) -> None:
    assert adapter.list_accounts(id) == []
    assert adapter.update_user(id, name="Other") is None
    assert not adapter.unlink_account(id, "hub", "grace-at-hub", enabled_providers={"hub"})
    adapter.delete_user(id)
    assert len(adapter.list_users()) == 1
