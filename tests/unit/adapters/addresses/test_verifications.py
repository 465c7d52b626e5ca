"""Links and codes: used once, until they expire, by the browser and the user they belong to, also beside Auth.js."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text

from genkan.adapters.addresses import AddressStores, OutgoingMail, Verification
from genkan.adapters.sqlalchemy import Database, migrations
from genkan.adapters.sqlalchemy.purge import STEP_INTERVAL
from genkan.adapters.stores import Stores
from genkan.types import Account, User
from tests.clock import START, FrozenClock
from tests.databases import stores_in
from tests.servers.node import authjs
from tests.servers.parallel_processes import run_in_processes, use_same_links

HANA = "hana@example.org"
NOW = int(START)
LINK = Verification(
    identifier=HANA,
    token_hash="hash-1",
    expires=NOW + 600,
    email=HANA,
    browser="browser",
    code_hash="code",
    data="data",
)
MAIL = OutgoingMail(id="mail", body="sealed", expires=NOW + 600, identifier=HANA, token_hash="hash-1")


def add(local: AddressStores, *hashes: str) -> None:
    for token_hash in hashes:
        local.verifications.add(replace(LINK, token_hash=token_hash), None)


def rows(database: Database) -> tuple[int, int]:
    """Return the numbers of rows in Auth.js's table and in our own."""
    with database.read() as session:
        counts = [
            session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("verification_token", "genkan_verifications")
        ]
    return counts[0], counts[1]


def test_a_link_is_found_and_used_once_with_all_of_its_details(database: Database, local: AddressStores) -> None:
    local.verifications.add(LINK, MAIL)
    assert local.outbox.waiting() == 1
    assert local.verifications.find(HANA, "hash-1") == LINK
    assert local.verifications.find("other@example.org", "hash-1") is None
    assert local.verifications.use("other@example.org", "hash-1") is None
    assert local.verifications.use(HANA, "hash-1") == LINK
    assert local.verifications.use(HANA, "hash-1") is None
    assert local.verifications.find(HANA, "hash-1") is None
    assert rows(database) == (0, 0)


def test_nothing_is_stored_if_the_mail_can_not_be_stored(database: Database, local: AddressStores) -> None:
    local.verifications.add(None, MAIL)
    with pytest.raises(Exception, match="constraint"):
        local.verifications.add(LINK, MAIL)
    assert rows(database) == (0, 0)


def test_a_link_that_has_expired_is_not_found_and_not_used(local: AddressStores, clock: FrozenClock) -> None:
    add(local, "hash-1")
    clock.advance(599)
    assert local.verifications.find(HANA, "hash-1")
    clock.advance(1)
    assert local.verifications.find(HANA, "hash-1") is None
    assert local.verifications.find_of_browser("browser", HANA) == []
    assert local.verifications.use(HANA, "hash-1") is None


def test_of_twenty_concurrent_uses_one_succeeds(local: AddressStores) -> None:
    barrier = Barrier(20, timeout=30)

    def use(token_hash: str) -> bool:
        barrier.wait()
        return local.verifications.use(HANA, token_hash) is not None

    with ThreadPoolExecutor(20) as pool:
        for number in range(3):
            add(local, f"hash-{number}")
            assert Counter(pool.map(use, [f"hash-{number}"] * 20)) == {True: 1, False: 19}


def test_of_four_processes_one_uses_each_link(database: Database, local: AddressStores) -> None:
    add(local, *(f"hash-{number}" for number in range(25)))
    url = database.engine.url.render_as_string(hide_password=False)
    # The processes have the clock of the database.
    with database.write() as session:
        session.execute(text("UPDATE verification_token SET expires = '2100-01-01 00:00:00.000000'"))
    if database.engine.dialect.name == "sqlite":
        url = f"sqlite:///{(database.engine.url.database or '').removeprefix('file:')}"
    used = run_in_processes(use_same_links, url)
    assert [sum(uses) for uses in zip(*used, strict=True)] == [1] * 25


def test_a_browser_finds_and_deletes_what_it_has_asked_for(local: AddressStores) -> None:
    add(local, "one", "two")
    for other in (replace(LINK, token_hash="three", browser="other"), replace(LINK, token_hash="four", email="b@c.de")):
        local.verifications.add(other, None)
    assert {found.token_hash for found in local.verifications.find_of_browser("browser", HANA)} == {"one", "two"}
    local.verifications.delete_of_browser("browser", HANA)
    assert local.verifications.find_of_browser("browser", HANA) == []
    assert [hash for hash in ("one", "two", "three", "four") if local.verifications.find(HANA, hash)] == [
        "three",
        "four",
    ]


def test_the_links_of_a_user_are_deleted_and_with_a_new_password_those_for_the_address(
    stores: Stores, local: AddressStores, database: Database
) -> None:
    user, _ = stores.adapter.create_user(User("", "Hana", HANA), Account("hub", "hana", "oidc"))

    def add_links() -> None:
        for purpose in ("reset", "undo"):
            link = replace(LINK, token_hash=purpose, identifier=f"{purpose}:{user.id}", user_id=user.id)
            local.verifications.add(replace(link, purpose=purpose, email="old@example.org"), None)

    add_links()
    local.verifications.add(replace(LINK, identifier="sign_up:x", token_hash="sign-up", purpose="sign_up"), None)
    local.verifications.add(replace(LINK, token_hash="kept", identifier="b@c.de", email="b@c.de"), None)
    authjs.execute(database, f"INSERT INTO verification_token VALUES ('{HANA}', 'of-authjs', '2100-01-01 00:00:00')")
    assert rows(database) == (5, 4)
    local.addresses.set_password(user.id, "hash")
    assert rows(database) == (2, 2)
    assert local.verifications.find("b@c.de", "kept")
    assert local.verifications.find(f"undo:{user.id}", "undo")


def test_what_has_expired_is_deleted(local: AddressStores, database: Database, clock: FrozenClock) -> None:
    local.verifications.add(LINK, MAIL)
    local.limits.count("key", 600)
    assert local.verifications.purge() == 0
    clock.advance(599 + STEP_INTERVAL)
    add(local, "valid")
    clock.advance(1)
    with database.write() as session:
        session.execute(text("UPDATE genkan_verifications SET expires = expires + 9999 WHERE token_hash = 'valid'"))
        session.execute(
            text("UPDATE verification_token SET expires = '2100-01-01 00:00:00.000000' WHERE token = 'valid'")
        )
    assert local.verifications.purge() == 4
    assert rows(database) == (1, 1)
    assert local.outbox.waiting() == 0


TABLES = {
    "postgresql": [("TIMESTAMPTZ", "to_timestamp({})"), ("BIGINT", "{}000")],
    "sqlite": [
        ("TIMESTAMPTZ", "datetime({}, 'unixepoch')"),
        ("TIMESTAMPTZ", "strftime('%Y-%m-%dT%H:%M:%fZ', {}, 'unixepoch')"),
        ("DATETIME", "{}000"),
        ("INTEGER", "{}000"),
    ],
}


@pytest.mark.parametrize(
    ("server", "column", "value"), [(server, *types) for server, cases in TABLES.items() for types in cases]
)
def test_the_links_of_authjs_in_its_own_table_are_used(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, column: str, value: str
) -> None:
    """The table exists already, with times in one of the types that Auth.js's adapters have."""
    url = request.getfixturevalue("postgres_url") if server == "postgresql" else f"sqlite:///{tmp_path / 'authjs.db'}"
    clock = FrozenClock()
    with closing(Database(url, clock=clock)) as database:
        authjs.create_schema(database, authjs.TEXTS)
        authjs.execute(
            database,
            f"""CREATE TABLE verification_token (identifier TEXT NOT NULL, expires {column} NOT NULL, token TEXT NOT NULL,
                PRIMARY KEY (identifier, token))""",
            f"INSERT INTO verification_token VALUES ('{HANA}', {value.format(NOW + 100)}, 'valid')",
            f"INSERT INTO verification_token VALUES ('{HANA}', {value.format(NOW)}, 'expired')",
        )
        migrations.upgrade(url)
        local = stores_in(database).local
        assert local is not None
        expected = Verification(identifier=HANA, token_hash="valid", expires=NOW + 100)
        assert local.verifications.find(HANA, "valid") == expected
        assert local.verifications.use(HANA, "expired") is None
        assert local.verifications.use(HANA, "valid") == expected
        assert local.verifications.use(HANA, "valid") is None

        local.verifications.add(LINK, None)
        clock.advance(599)
        assert local.verifications.find(HANA, "hash-1") == LINK
        clock.advance(1)
        assert local.verifications.use(HANA, "hash-1") is None
        deleted = local.verifications.purge()
        clock.advance(2 * STEP_INTERVAL)
        assert deleted + local.verifications.purge() == 3
