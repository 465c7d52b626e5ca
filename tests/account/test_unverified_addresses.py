"""Unverified email addresses: they are not stored, identify no user and lock out no one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genkan.callbacks import JWTParams, SessionParams, SignInParams
from genkan.types import Account, Session, Token, User
from tests.conftest import MakeApp
from tests.provider_client import COOKIE, ProviderClient, provider_env, set_callbacks
from tests.servers.faulty.provider import FaultyProvider

ADDRESS = "visitor@example.org"
SQUATTER: dict[str, Any] = {"sub": "squatter", "name": "Sly Squatter", "email_verified": False}
"""Claims of a user who says that the owner's address is their own. The provider has not verified it."""


@pytest.fixture(name="squatter")
def _squatter(client: ProviderClient) -> ProviderClient:
    return ProviderClient(client.app, client.op)


def stored(client: ProviderClient) -> dict[str | None, str | None]:
    """Return the stored addresses by name."""
    return {user.name: user.email for user in client.core.adapter.list_users()}


def user_of(client: ProviderClient) -> dict[str, Any]:
    """Return the user of the client's session."""
    return dict((client.session() or {})["user"])


def claims_of(client: ProviderClient) -> Token:
    """Return the claims of the client's session."""
    claims: Token = client.core.sessions.sealer.open(str(client.cookie(COOKIE)))
    return claims


def test_an_unverified_address_does_not_lock_out_its_owner(client: ProviderClient, squatter: ProviderClient) -> None:
    squatter.sign_in_as(**SQUATTER)
    client.sign_in_as()

    assert user_of(client)["email"] == ADDRESS
    assert stored(client) == {"Vera Visitor": ADDRESS, "Sly Squatter": None}


def test_the_owner_keeps_the_address_when_the_squatter_signs_in_afterwards(
    client: ProviderClient, squatter: ProviderClient
) -> None:
    client.sign_in_as()
    for _ in range(2):
        assert squatter.sign_in_as(**SQUATTER).headers["Location"].endswith("/dashboard")

    assert stored(client) == {"Vera Visitor": ADDRESS, "Sly Squatter": None}
    assert user_of(squatter)["id"] != user_of(client)["id"]


def test_the_squatter_sees_nothing_of_the_owner(client: ProviderClient, squatter: ProviderClient) -> None:
    client.sign_in_as()
    squatter.sign_in_as(**SQUATTER)

    assert user_of(squatter)["email"] is None
    assert squatter.get("/api/user/profile").get_json()["email"] is None
    for path in ("/account", "/dashboard", "/api/auth/session", "/api/user/profile"):
        page = squatter.get(path).get_data(as_text=True)
        assert (path, "Vera" in page, ADDRESS in page) == (path, False, False)
    assert client.core.adapter.list_accounts(user_of(squatter)["id"])[0].provider_account_id == "squatter"


def test_the_squatter_leaves_nothing_in_the_activity_of_the_owner(
    client: ProviderClient, squatter: ProviderClient
) -> None:
    client.sign_in_as()
    squatter.sign_in_as(**SQUATTER)

    activity = client.core.sessions.store.list_activity(user_of(client)["id"], 10)
    assert [line.kind for line in activity] == ["signed-in"]


def test_the_owner_takes_over_an_older_unverified_row_and_the_sessions_before_end(
    client: ProviderClient, squatter: ProviderClient
) -> None:
    """Such a row was written by Auth.js."""
    user = User("", "Sly Squatter", ADDRESS)
    stored_user, _ = client.core.adapter.create_user(user, Account("oidc", "squatter", "oidc"))
    squatter.sign_in_as(**SQUATTER)
    assert user_of(squatter)["email"] == ADDRESS

    client.sign_in_as()

    assert stored(client) == {"Vera Visitor": ADDRESS}
    assert user_of(client)["id"] == stored_user.id
    assert squatter.session() is None
    squatter.sign_in_as(**SQUATTER)
    assert user_of(squatter)["id"] != stored_user.id


def test_a_user_who_verifies_the_address_later_gets_it(client: ProviderClient) -> None:
    client.sign_in_as(email_verified=False)
    assert (stored(client), user_of(client)["email"]) == ({"Vera Visitor": None}, None)
    assert claims_of(client)["unverified_email"] == ADDRESS

    client.sign_in_as()
    assert (stored(client), user_of(client)["email"]) == ({"Vera Visitor": ADDRESS}, ADDRESS)
    assert "unverified_email" not in claims_of(client)


def test_a_user_who_verifies_the_address_of_another_user_keeps_none(
    client: ProviderClient, squatter: ProviderClient
) -> None:
    client.sign_in_as()
    squatter.sign_in_as(**SQUATTER)
    response = squatter.sign_in_as(**{**SQUATTER, "email_verified": True})

    assert response.headers["Location"].endswith("/dashboard")
    assert stored(client) == {"Vera Visitor": ADDRESS, "Sly Squatter": None}
    assert user_of(squatter)["email"] is None


@pytest.mark.parametrize("email", ["\uff36isitor@example.org", "vi\u017fitor@example.org", "visitor@example\u3002org"])
def test_an_address_that_looks_like_that_of_another_user_is_left_out(
    client: ProviderClient, squatter: ProviderClient, email: str
) -> None:
    client.sign_in_as()
    squatter.sign_in_as(sub="squatter", name="Sly Squatter", email=email)

    assert stored(client) == {"Vera Visitor": ADDRESS, "Sly Squatter": None}
    assert "unverified_email" not in claims_of(squatter)


def test_callbacks_get_no_unverified_address_as_email(client: ProviderClient) -> None:
    calls: list[Any] = []

    def sign_in(params: SignInParams) -> bool:
        calls.append((params.user.email, params.user.unverified_email, params.profile["email"]))
        return True

    def jwt(params: JWTParams) -> Token:
        if params.user is not None:
            calls.append((params.user.email, params.user.unverified_email, params.token["unverified_email"]))
        return params.token

    set_callbacks(client, sign_in=sign_in, jwt=jwt)
    client.sign_in_as(email_verified=False)

    assert calls == [(None, ADDRESS, ADDRESS)] * 2


def test_a_session_has_the_unverified_address_on_the_server_only(client: ProviderClient) -> None:
    sessions: list[Session] = []

    def session(params: SessionParams) -> Session:
        sessions.append(params.session)
        return params.session

    set_callbacks(client, session=session)
    client.sign_in_as(email_verified=False)

    assert {(one.user.email, one.user.unverified_email) for one in sessions} == {(None, ADDRESS)}
    assert ADDRESS not in str(client.session())


def test_the_jwt_callback_may_drop_the_unverified_address(client: ProviderClient) -> None:
    def jwt(params: JWTParams) -> Token:
        return {name: value for name, value in params.token.items() if name != "unverified_email"}

    set_callbacks(client, jwt=jwt)
    client.sign_in_as(email_verified=False)

    assert client.name() == "Vera Visitor"
    assert "unverified_email" not in claims_of(client)


def test_reloaded_claims_keep_the_unverified_address_until_one_is_verified(client: ProviderClient) -> None:
    client.sign_in_as(email_verified=False)
    user = client.core.adapter.get_user(user_of(client)["id"])
    assert user is not None
    phone = ProviderClient(client.app, client.op)
    for name, verified in (("Vera the Second", False), ("Vera the Third", True)):
        if verified:
            phone.sign_in_as()
        client.clock.advance(2)
        assert client.submit("/account/name", name=name).status_code < 400
        assert client.name() == name
        assert ("unverified_email" in claims_of(client)) is not verified
        assert user_of(client)["email"] == (ADDRESS if verified else None)


def test_a_user_without_name_and_address_can_use_the_pages(client: ProviderClient) -> None:
    client.sign_in_as(name=None, email_verified=False)

    for path in ("/account", "/dashboard", "/"):
        assert client.get(path).status_code == 200
    assert "not known" in client.get("/account").get_data(as_text=True)


def test_a_stored_verified_address_stays_when_the_provider_withdraws_the_verification(client: ProviderClient) -> None:
    client.sign_in_as()
    client.sign_in_as(email="other@example.org", email_verified=False)

    assert stored(client) == {"Vera Visitor": ADDRESS}
    assert user_of(client)["email"] == ADDRESS
    assert "unverified_email" not in claims_of(client)


def test_the_unverified_address_is_no_part_of_a_users_identity() -> None:
    assert User("1") == replace(User("1"), unverified_email=ADDRESS)


@pytest.mark.parametrize(
    ("claims", "address"),
    [
        ({"email_verified": None}, ADDRESS),
        ({"email_verified": False}, None),
        ({"email_verified": "false"}, None),
        ({"email_verified": "unknown"}, None),
    ],
)
def test_a_trusted_address_is_verified_unless_the_provider_says_that_it_is_not(
    make_app: MakeApp, op: FaultyProvider, claims: dict[str, Any], address: str | None
) -> None:
    client = ProviderClient(make_app(**provider_env(op), AUTH_OIDC_TRUST_EMAIL="1"), op)
    client.sign_in_as(**claims)

    assert stored(client) == {"Vera Visitor": address}
