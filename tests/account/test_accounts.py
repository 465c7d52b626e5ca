"""Users and accounts created by a sign-in: ownership, and storage in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from flask import Flask

from genkan import signals
from genkan.errors import OAuthAccountNotLinked
from genkan.oauth.client import OAuthClient
from tests.clock import FrozenClock
from tests.conftest import Environment, MakeApp
from tests.provider_client import ProviderClient, failure_reason, provider_env, run_parallel
from tests.servers.faulty.provider import FaultyProvider

FULL_DISK = "CREATE TRIGGER full BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
"""Fail the insert of the account. The user is inserted before it in the same transaction."""


@pytest.fixture(name="rows")
def _rows(provider_app: Flask, environment: Environment) -> Callable[[str], list[tuple[object, ...]]]:
    """Return a function that runs a statement on the application's database through a connection of its own."""

    def ask(statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///"))) as connection, connection:
            return connection.execute(statement).fetchall()

    return ask


Rows = Callable[[str], list[tuple[object, ...]]]


def counts(rows: Rows) -> tuple[object, object]:
    return rows("SELECT count(*) FROM users")[0][0], rows("SELECT count(*) FROM accounts")[0][0]


def test_a_first_sign_in_creates_a_user_and_an_account(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()

    (user,) = rows('SELECT id, name, email, image, role, "emailVerified" IS NOT NULL FROM users')
    (account,) = rows('SELECT "userId", type, provider, "providerAccountId", token_type FROM accounts')
    assert user[1:] == ("Vera Visitor", "visitor@example.org", "https://pictures.example/visitor.png", "user", 1)
    assert account == (user[0], "oidc", "oidc", "visitor-1", "Bearer")
    session = client.session()
    assert session is not None
    assert session["user"]["id"] == user[0] != "visitor-1"


def test_provider_tokens_are_encrypted_in_the_database(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()

    (tokens,) = rows("SELECT access_token, id_token FROM accounts")
    (access_token,) = client.op._access
    assert access_token not in str(tokens)
    assert not str(tokens[1]).startswith("eyJhbGciOiJSUzI1NiI")
    account = client.core.adapter.get_account("oidc", "visitor-1")
    assert account is not None
    assert account.tokens["access_token"] == access_token


def test_a_later_sign_in_updates_name_address_and_picture(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()
    client.sign_in_as(name="Vera Wed", picture="https://pictures.example/wed.png", email="new@example.org")

    assert rows("SELECT name, email, image, role FROM users") == [
        ("Vera Wed", "new@example.org", "https://pictures.example/wed.png", "user")
    ]
    assert counts(rows) == (1, 1)
    assert client.name() == "Vera Wed"


def test_the_same_subject_at_another_provider_is_another_user(
    make_app: MakeApp, op: FaultyProvider, clock: FrozenClock
) -> None:
    with FaultyProvider(clock=clock) as other:
        app = make_app(**provider_env(op), **provider_env(other, "ZITADEL"))
        client, other_client = ProviderClient(app, op), ProviderClient(app, other)
        client.sign_in_as()
        location = other_client.begin_sign_in(provider="zitadel").headers["Location"]
        other_client.get(other.authorize(location, {"email": "other@example.org"}))

        ids = [(session := browser.session()) and session["user"]["id"] for browser in (client, other_client)]
        assert None not in ids
        assert ids[0] != ids[1]


@pytest.mark.parametrize("email", ["visitor@example.org", "VISITOR@Example.ORG"])
def test_an_email_address_alone_does_not_sign_in(client: ProviderClient, rows: Rows, email: str) -> None:
    """Use another subject with the same verified email address. It must be linked by its user."""
    client.sign_in_as()
    other_client = ProviderClient(client.app, client.op)
    response = other_client.sign_in_as(sub="other_client", email=email)

    assert failure_reason(response, other_client) is None
    assert response.headers["Location"].endswith(f"/signin?error={OAuthAccountNotLinked.code}")
    assert other_client.session() is None
    assert counts(rows) == (1, 1)


def test_signing_in_as_another_user_replaces_the_session_and_links_nothing(client: ProviderClient, rows: Rows) -> None:
    client.sign_in_as()
    first = client.session()
    client.sign_in_as(sub="other", name="Otto Other", email="other@example.org")
    second = client.session()

    assert first is not None
    assert second is not None
    assert second["user"]["name"] == "Otto Other"
    assert second["user"]["id"] != first["user"]["id"]
    assert rows('SELECT count(DISTINCT "userId") FROM accounts') == [(2,)]


def test_a_refused_sign_in_keeps_the_current_session(client: ProviderClient) -> None:
    client.sign_in_as()
    response = client.sign_in_as(sub="other", email="visitor@example.org")

    assert failure_reason(response, client) is None
    assert client.name() == "Vera Visitor"


@pytest.mark.parametrize(
    ("breakage", "repair"),
    [
        ("ALTER TABLE users RENAME TO lost", "ALTER TABLE lost RENAME TO users"),
        (FULL_DISK, "DROP TRIGGER full"),
    ],
)
def test_a_database_failure_after_the_code_exchange_stores_nothing(
    client: ProviderClient, rows: Rows, breakage: str, repair: str
) -> None:
    """Fail while the provider answers the userinfo request."""
    client.op.before["/userinfo"] = lambda: rows(breakage)
    response = client.sign_in_as()
    rows(repair)

    assert failure_reason(response, client) == "storage"
    assert client.get(response.headers["Location"]).status_code == 503
    assert (client.session(), client.flow_cookies(), counts(rows)) == (None, [], (0, 0))
    assert len(client.op.exchanges) == 1
    client.op.before.clear()
    client.sign_in_as()
    assert (client.name(), counts(rows)) == ("Vera Visitor", (1, 1))


def test_while_the_database_is_down_no_code_is_sent(client: ProviderClient, rows: Rows) -> None:
    """The flow cannot be marked as used, so the code is not exchanged."""
    callback = client.callback_url()
    rows("ALTER TABLE used_tokens RENAME TO lost")

    assert failure_reason(client.get(callback), client) == "storage"
    assert client.op.codes == []


class Killed(BaseException):
    """Simulated end of a worker. No handler catches it."""


def die(*_: object, **__: object) -> None:
    raise Killed


def before_the_token_request(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OAuthClient, "exchange_code", die)


def after_the_token_request(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OAuthClient, "_oidc_profile", die)


def after_the_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "send", die)


@pytest.mark.parametrize("moment", [before_the_token_request, after_the_token_request, after_the_commit])
def test_a_worker_killed_during_a_callback_costs_one_attempt(
    client: ProviderClient, rows: Rows, moment: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """The next attempt creates one user and one account."""
    callback = client.callback_url()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        moment(patch)
        client.get(callback)

    client.get(callback)
    assert client.session() is None
    assert len(client.op.codes) <= 1
    client.sign_in_as()
    assert (client.name(), counts(rows)) == ("Vera Visitor", (1, 1))


def test_ten_concurrent_first_sign_ins_create_one_user(provider_app: Flask, rows: Rows, op: FaultyProvider) -> None:
    """Use ten browsers. All of them are signed in."""
    browsers = [ProviderClient(provider_app, op) for _ in range(10)]
    callbacks = [browser.callback_url() for browser in browsers]
    run_parallel(
        *(lambda browser=browser, url=url: browser.get(url) for browser, url in zip(browsers, callbacks, strict=True))
    )

    ids = {(session := browser.session()) and session["user"]["id"] for browser in browsers}
    assert ids == {rows("SELECT id FROM users")[0][0]}
    assert counts(rows) == (1, 1)
