"""Who an account belongs to, and that it is stored whole or not at all (O10, F17, F18, F20)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from genkan import signals
from genkan.errors import OAuthAccountNotLinked
from genkan.oauth import client as oauth_client
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, run_parallel
from tests.servers.faulty.provider import FaultyProvider

FULL_DISK = "CREATE TRIGGER full BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
"""The user is written already when this strikes: within one transaction they go together."""


@pytest.fixture(name="rows")
def _rows(provider_app: Flask, tmp_path: Path) -> Callable[[str], list[tuple[object, ...]]]:
    """Asks the database of the house behind its back."""

    def ask(statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / "house.db")) as connection, connection:
            return connection.execute(statement).fetchall()

    return ask


Rows = Callable[[str], list[tuple[object, ...]]]


def counts(rows: Rows) -> tuple[object, object]:
    return rows("SELECT count(*) FROM users")[0][0], rows("SELECT count(*) FROM accounts")[0][0]


def test_a_first_sign_in_makes_a_user_and_their_account(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()

    (user,) = rows('SELECT id, name, email, image, role, "emailVerified" IS NOT NULL FROM users')
    (account,) = rows('SELECT "userId", type, provider, "providerAccountId", token_type FROM accounts')
    assert user[1:] == ("Vera Visitor", "visitor@example.org", "https://pictures.example/visitor.png", "user", 1)
    assert account == (user[0], "oidc", "oidc", "visitor-1", "Bearer")
    session = client.session()
    assert session is not None
    assert session["user"]["id"] == user[0] != "visitor-1"


def test_the_provider_s_tokens_are_not_readable_where_they_are_kept(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()

    (tokens,) = rows("SELECT access_token, id_token FROM accounts")
    (access_token,) = client.op._access
    assert access_token not in str(tokens)
    assert not str(tokens[1]).startswith("eyJhbGciOiJSUzI1NiI")
    account = client.options.adapter.get_account("oidc", "visitor-1")
    assert account is not None
    assert account.tokens["access_token"] == access_token


def test_a_later_sign_in_refreshes_name_and_picture_and_nothing_else(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()
    client.sign_in_as(name="Vera Wed", picture="https://pictures.example/wed.png", email="new@example.org")

    assert rows("SELECT name, email, image, role FROM users") == [
        ("Vera Wed", "visitor@example.org", "https://pictures.example/wed.png", "user")
    ]
    assert counts(rows) == (1, 1)
    assert client.name() == "Vera Wed"


def test_the_same_subject_of_another_provider_is_another_person(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    with FaultyProvider(clock=clock) as other:
        app = make_app(**provider_env(op), **provider_env(other, "ZITADEL"))
        client, stranger = ProviderClient(app, op), ProviderClient(app, other)
        client.sign_in_as()
        location = stranger.begin_sign_in(provider="zitadel").headers["Location"]
        stranger.get(other.authorize(location, {"email": "stranger@example.org"}))

        ids = [(session := who.session()) and session["user"]["id"] for who in (client, stranger)]
        assert None not in ids
        assert ids[0] != ids[1]


@pytest.mark.parametrize("email", ["visitor@example.org", "VISITOR@Example.ORG"])
@pytest.mark.parametrize("verified", [True, False])
def test_an_address_opens_nobody_s_door(client: ProviderClient, rows: Rows, email: str, verified: bool) -> None:
    """Another subject with the same address, verified or not, is told to come in as before."""
    client.sign_in_as()
    stranger = ProviderClient(client.app, client.op)
    answer = stranger.sign_in_as(sub="stranger", email=email, email_verified=verified)

    assert failure_reason(answer, stranger) is None
    assert answer.headers["Location"].endswith(f"/signin?error={OAuthAccountNotLinked.code}")
    assert stranger.session() is None
    assert counts(rows) == (1, 1)


def test_whoever_signs_in_as_another_is_that_other_and_nothing_is_linked(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()
    first = client.session()
    client.sign_in_as(sub="other", name="Otto Other", email="other@example.org")
    second = client.session()

    assert first is not None
    assert second is not None
    assert second["user"]["name"] == "Otto Other"
    assert second["user"]["id"] != first["user"]["id"]
    assert rows('SELECT count(DISTINCT "userId") FROM accounts') == [(2,)]


def test_whoever_is_refused_as_another_stays_who_they_are(client: ProviderClient) -> None:
    client.sign_in_as()
    answer = client.sign_in_as(sub="stranger", email="visitor@example.org")

    assert failure_reason(answer, client) is None
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize(
    ("breakage", "repair"),
    [
        ("ALTER TABLE users RENAME TO lost", "ALTER TABLE lost RENAME TO users"),
        (FULL_DISK, "DROP TRIGGER full"),
    ],
)
def test_a_database_that_fails_when_the_code_is_spent_leaves_nothing_half_done(
    client: ProviderClient, rows: Rows, breakage: str, repair: str
) -> None:
    """It fails while the provider is answering (F17)."""
    client.op.before["/userinfo"] = lambda: rows(breakage)
    answer = client.sign_in_as()
    rows(repair)

    assert failure_reason(answer, client) == "storage"
    assert client.get(answer.headers["Location"]).status_code == 503
    assert (client.session(), client.flow_cookies(), counts(rows)) == (None, [], (0, 0))
    assert len(client.op.exchanges) == 1
    client.op.before.clear()
    client.sign_in_as()
    assert (client.name(), counts(rows)) == ("Vera Visitor", (1, 1))


def test_a_database_that_is_down_before_the_code_is_sent_keeps_it_unspent(client: ProviderClient, rows: Rows) -> None:
    """Without a place to write down that a flow is used, no code is sent."""
    back = client.callback_url()
    spent = next(str(name) for (name,) in rows("SELECT name FROM sqlite_master WHERE name LIKE 'spent%'"))
    rows(f"ALTER TABLE {spent} RENAME TO lost")

    assert failure_reason(client.get(back), client) == "storage"
    assert client.op.codes == []


class Killed(BaseException):
    """The end of a worker; nothing in the house catches it."""


def dies(*_: object, **__: object) -> None:
    raise Killed


def before_the_token_request(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oauth_client, "exchange_code", dies)


def after_the_token_request(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oauth_client, "_oidc_profile", dies)


def after_the_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "send", dies)


@pytest.mark.parametrize("moment", [before_the_token_request, after_the_token_request, after_the_commit])
def test_a_worker_that_is_killed_on_the_way_costs_one_try(
    client: ProviderClient, rows: Rows, moment: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Nobody is there twice afterwards (F18)."""
    back = client.callback_url()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        moment(patch)
        client.get(back)

    client.get(back)
    assert client.session() is None
    assert len(client.op.codes) <= 1
    client.sign_in_as()
    assert (client.name(), counts(rows)) == ("Vera Visitor", (1, 1))


def test_ten_first_sign_ins_of_one_person_at_once_make_one_user(
    provider_app: Flask, rows: Rows, op: FaultyProvider
) -> None:
    """In ten browsers, and all of them are signed in (F20)."""
    browsers = [ProviderClient(provider_app, op) for _ in range(10)]
    backs = [browser.callback_url() for browser in browsers]
    run_parallel(*(lambda who=who, back=back: who.get(back) for who, back in zip(browsers, backs, strict=True)))

    ids = {(session := browser.session()) and session["user"]["id"] for browser in browsers}
    assert ids == {rows("SELECT id FROM users")[0][0]}
    assert counts(rows) == (1, 1)
