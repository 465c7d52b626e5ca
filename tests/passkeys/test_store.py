"""The store of passkeys, in SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text

from genkan.adapters.passkeys import PROVIDER, Passkey
from genkan.adapters.sqlalchemy import Database, SQLAlchemyAdapter, migrations
from genkan.adapters.sqlalchemy.passkeys.store import SQLAlchemyPasskeyStore
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES
from genkan.errors import AdapterError, ConfigurationError, LastAccountError
from genkan.types import Account, User
from tests.clock import START
from tests.servers.node import authjs

VERIFIED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(name="store")
def _store(adapter: SQLAlchemyAdapter) -> SQLAlchemyPasskeyStore:
    return SQLAlchemyPasskeyStore(adapter._database, AUTHJS_TABLES, adapter.stored)


@pytest.fixture(name="user")
def _user(adapter: SQLAlchemyAdapter) -> User:
    return adapter.create_user(User("", name="Ada", email="ada@example.org"), Account("hub", "ada", "oidc"))[0]


def passkey(user: User, id: str = "AAAA") -> Passkey:
    return Passkey(
        credential_id=id,
        user_id=user.id,
        public_key="pQ==",
        counter=5,
        device_type="multiDevice",
        backed_up=True,
        transports=("hybrid", "internal"),
        handle="h" * 43,
        name="Key",
        aaguid="ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
    )


def test_a_passkey_is_stored_with_its_account(
    store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User
) -> None:
    assert store.add(passkey(user))
    assert store.add(passkey(user, "BBBB"))

    stored = replace(passkey(user), created_at=int(START))
    assert store.find("AAAA") == stored
    assert store.list(user.id) == [stored, replace(stored, credential_id="BBBB")]
    assert store.find("aaaa") is None
    assert adapter.get_user_by_account(PROVIDER, "AAAA") == user
    assert {account.type for account in adapter.list_accounts(user.id) if account.provider == PROVIDER} == {"webauthn"}


def test_a_known_passkey_is_not_stored_for_another_user(
    store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User
) -> None:
    other, _ = adapter.create_user(User("", name="Bo"), Account("hub", "bo", "oidc"))
    assert store.add(passkey(user))

    assert not store.add(passkey(other))
    assert not store.add(passkey(user))
    assert store.find("AAAA") == replace(passkey(user), created_at=int(START))
    assert adapter.list_accounts(other.id) == [Account("hub", "bo", "oidc", user_id=other.id)]


def test_a_passkey_needs_a_user(store: SQLAlchemyPasskeyStore, user: User) -> None:
    gone = replace(user, id="0")
    with pytest.raises(AdapterError):
        store.add(passkey(gone))
    with pytest.raises(AdapterError):
        store.handle(gone.id)
    assert store.list("0") == []
    assert not store.rename("0", "AAAA", "x")


@pytest.mark.parametrize(
    ("stored", "sent", "is_allowed"),
    [
        (5, 6, True),
        (5, 5, False),
        (5, 4, False),
        (5, 0, False),
        (0, 0, True),
        (0, 1, True),
        (2**31, 2**32 - 1, True),
        (2**32 - 1, 2**31, False),
    ],
)
def test_a_counter_never_goes_back(
    store: SQLAlchemyPasskeyStore, user: User, stored: int, sent: int, is_allowed: bool
) -> None:
    store.add(replace(passkey(user), counter=stored))

    assert store.record_use("AAAA", sent, backed_up=False) is is_allowed
    found = store.find("AAAA")
    assert found is not None
    assert (found.counter, found.backed_up) == ((sent, False) if is_allowed else (stored, True))
    assert (found.last_used_at == int(START)) is is_allowed


def test_of_parallel_uses_with_one_counter_one_succeeds(store: SQLAlchemyPasskeyStore, user: User) -> None:
    store.add(passkey(user))
    barrier = Barrier(8)

    def use(_: int) -> bool:
        barrier.wait()
        return store.record_use("AAAA", 6, backed_up=True)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8))) == [False] * 7 + [True]


def test_a_user_has_one_handle_for_ever(store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User) -> None:
    barrier = Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        return store.handle(user.id)

    with ThreadPoolExecutor(8) as pool:
        (handle,) = set(pool.map(ask, range(8)))
    store.add(replace(passkey(user), handle=handle))
    adapter.unlink_account(user.id, PROVIDER, "AAAA", enabled_providers={"hub"})

    assert len(handle) == 43
    assert store.handle(user.id) == handle


def test_unlinking_the_account_removes_the_passkey_unless_it_is_the_last(
    store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User
) -> None:
    store.add(passkey(user))
    with pytest.raises(LastAccountError):
        adapter.unlink_account(user.id, PROVIDER, "AAAA", enabled_providers={PROVIDER})
    assert store.find("AAAA") is not None

    assert adapter.unlink_account(user.id, PROVIDER, "AAAA", enabled_providers={"hub", PROVIDER})
    assert store.find("AAAA") is None


# requirement K8
def test_the_first_proof_of_an_address_removes_planted_passkeys(
    store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User
) -> None:
    store.add(passkey(user))
    owner = User("", name="Owner", email="ada@example.org", email_verified=VERIFIED)

    taken, _ = adapter.create_user(owner, Account("hub", "owner", "oidc"))

    assert taken.id == user.id
    assert store.list(user.id) == []


def test_a_deleted_user_leaves_nothing(store: SQLAlchemyPasskeyStore, adapter: SQLAlchemyAdapter, user: User) -> None:
    store.add(passkey(user))
    store.handle(user.id)
    adapter.delete_user(user.id)

    assert store.find("AAAA") is None
    with adapter._database.read() as session:
        assert session.execute(text("SELECT count(*) FROM genkan_passkey_handles")).scalar() == 0


AUTHENTICATORS = """CREATE TABLE authenticators ("credentialID" TEXT NOT NULL UNIQUE, "userId" INTEGER NOT NULL,
    "providerAccountId" TEXT NOT NULL, "credentialPublicKey" TEXT NOT NULL, counter INTEGER NOT NULL,
    "credentialDeviceType" TEXT NOT NULL, "credentialBackedUp" BOOLEAN NOT NULL, transports TEXT,
    PRIMARY KEY ("userId", "credentialID"))"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_table_of_authjs_is_adopted(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    is_sqlite = kind == "sqlite"
    url = f"sqlite:///{tmp_path}/test.db" if is_sqlite else request.getfixturevalue("postgres_url")
    database = Database(url)
    authjs.create_schema(database, authjs.SQLITE_INTEGERS if is_sqlite else authjs.INTEGERS)
    authjs.add_grace(database, "7")
    row = "INSERT INTO authenticators VALUES ('AAAA', 7, 'AAAA', 'pQ==', 3, 'singleDevice', FALSE, NULL)"
    authjs.execute(database, AUTHENTICATORS, row)

    migrations.upgrade(url)

    adapter = SQLAlchemyAdapter(
        database,
        AUTHJS_TABLES,
        seal=str,
        open=str,
        revocations=None,  # type: ignore[arg-type]  # no user is deleted
    )
    store = SQLAlchemyPasskeyStore(database, AUTHJS_TABLES, adapter.stored)
    found = store.find("AAAA")
    assert found is not None
    assert (found.user_id, found.handle, found.transports, found.is_synced) == ("7", None, (), False)
    assert store.record_use("AAAA", 4, backed_up=False)
    # Beyond what a column of four bytes holds, a counter is accepted, and a lower one is still refused.
    for counter in (2**31, 2**32 - 1):
        assert store.record_use("AAAA", counter, backed_up=False)
    assert not store.record_use("AAAA", 2**31 - 1, backed_up=False)
    found = store.find("AAAA")
    assert found is not None
    assert found.counter == (2**32 - 1 if is_sqlite else 2**31 - 1)
    assert store.rename("7", "AAAA", "Old key")
    assert store.add(replace(passkey(User("7")), handle=store.handle("7"), credential_id="BBBB", counter=2**32 - 1))
    # The other application inserts as before.
    authjs.execute(database, row.replace("VALUES", _columns()).replace("AAAA", "CCCC"))
    assert {passkey.credential_id for passkey in store.list("7")} == {"AAAA", "BBBB", "CCCC"}
    database.close()


def _columns() -> str:
    names = ("credentialID", "userId", "providerAccountId", "credentialPublicKey", "counter")
    further = ("credentialDeviceType", "credentialBackedUp", "transports")
    return "({}) VALUES".format(", ".join(f'"{name}"' for name in (*names, *further)))


def test_a_table_that_is_not_authjs_s_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    database = Database(url)
    authjs.execute(database, "CREATE TABLE authenticators (id INTEGER)")

    with pytest.raises(ConfigurationError, match="the table authenticators exists"):
        migrations.upgrade(url)
    database.close()
