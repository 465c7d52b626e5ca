"""The first sign-in creates the application's own user, and later ones find it."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from genkan.types import Identity
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import KEYS, LIBRARIES, Shop
from tests.provider_client import ProviderClient, failure_reason, run_parallel
from tests.servers.faulty.provider import FaultyProvider

OWNER: dict[str, Any] = {"sub": "owner", "name": "Olga Owner", "email": "olga@example.org", "email_verified": True}
SQUATTER: dict[str, Any] = {**OWNER, "sub": "squatter", "name": "Sly Squatter", "email_verified": False}
"""Claims of a user who says that the owner's address is their own."""


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("key", KEYS)
def test_the_first_sign_in_creates_a_user_of_the_application(
    make: MakeShop, op: FaultyProvider, library: str, key: str
) -> None:
    shop = make(library=library, key=key)
    client = client_of(shop, op)
    client.sign_in_as(**OWNER)
    [user] = shop.users()
    assert (user.name, user.email) == ("Olga Owner", "olga@example.org")
    assert (client.session() or {})["user"]["id"] == str(user.id)
    client.sign_out()
    client.sign_in_as(**OWNER)
    assert [again.id for again in shop.users()] == [user.id]
    assert shop.current_user_id(client) == str(user.id)
    client.sign_out()
    assert shop.current_user_id(client) is None


def test_the_hook_gets_the_identity(shop: Shop, op: FaultyProvider) -> None:
    identities: list[Identity] = []

    @shop.accounts.new_user
    def new_user(identity: Identity) -> Any:
        identities.append(identity)
        return shop.User(name=identity.name, email=identity.email)

    client = client_of(shop, op)
    client.sign_in_as(**OWNER)
    [identity] = identities
    assert (identity.id, identity.provider, identity.subject) == ("oidc:owner", "oidc", "owner")
    assert (identity.name, identity.email, identity.unverified_email) == ("Olga Owner", "olga@example.org", None)
    assert identity.claims["email"] == "olga@example.org"


def test_an_unverified_address_is_not_the_user_s(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as(**SQUATTER)
    assert [(user.name, user.email) for user in shop.users()] == [("Sly Squatter", None)]
    assert (client.session() or {})["user"]["email"] is None


def returns_none(identity: Identity) -> None:
    """Refuse every user."""


def raises(identity: Identity) -> None:
    """Fail, as a hook with an error in it."""
    raise KeyError("department")


def returns_another_object(identity: Identity) -> Any:
    """Return something that is no user."""
    return "olga"


@pytest.mark.parametrize("hook", [returns_none, raises, returns_another_object])
def test_a_sign_in_that_the_hook_refuses_leaves_nothing(
    shop: Shop, op: FaultyProvider, caplog: pytest.LogCaptureFixture, hook: Any
) -> None:
    shop.accounts.new_user(hook)
    client = client_of(shop, op)
    with caplog.at_level(logging.WARNING):
        failure_reason(client.sign_in_as(**OWNER), client)
    assert client.session() is None
    assert shop.users() == []
    assert shop.stored_ids() == []
    [record] = caplog.records
    assert record.name == "genkan.callback"
    assert str(record.__dict__["detail"]).startswith("new_user")


def test_a_sign_in_that_the_table_refuses_leaves_nothing(shop: Shop, client: ProviderClient) -> None:
    shop.add_user(name="First", email="olga@example.org")
    failure_reason(client.sign_in_as(**OWNER), client)
    assert client.session() is None
    assert [user.name for user in shop.users()] == ["First"]
    assert shop.stored_ids() == []


def test_two_concurrent_first_sign_ins_create_one_user(make: MakeShop, op: FaultyProvider) -> None:
    shop = make()
    clients = [client_of(shop, op) for _ in range(3)]
    urls = [client.callback_url(**OWNER) for client in clients]
    run_parallel(*[partial(client.get, url) for client, url in zip(clients, urls, strict=True)])
    [user] = shop.users()
    assert {(client.session() or {})["user"]["id"] for client in clients} == {str(user.id)}


def test_a_user_without_a_name_is_refused_by_the_table(shop: Shop, client: ProviderClient) -> None:
    failure_reason(client.sign_in_as(sub="nameless", name=None), client)
    assert shop.users() == []


def find_confirmed(shop: Shop, identity: Identity) -> Any:
    """Return the user with this address, if the application has verified it."""
    return shop.session.scalar(select(shop.User).filter_by(email=identity.email, email_confirmed=True))


@pytest.fixture(name="shop_with_passwords")
def _shop_with_passwords(shop: Shop) -> Shop:
    """Return an application that also has users who signed up with a password."""
    shop.accounts.existing_user()(partial(find_confirmed, shop))
    return shop


def test_a_verified_address_finds_the_user_of_the_application(
    shop_with_passwords: Shop, client: ProviderClient
) -> None:
    key = shop_with_passwords.add_user(name="Olga", email="olga@example.org", email_confirmed=True)
    client.sign_in_as(**OWNER)
    assert (client.session() or {})["user"]["id"] == str(key)
    assert [user.id for user in shop_with_passwords.users()] == [key]


def test_an_unverified_address_never_finds_a_user(shop_with_passwords: Shop, client: ProviderClient) -> None:
    key = shop_with_passwords.add_user(name="Olga", email="olga@example.org", email_confirmed=True)
    client.sign_in_as(**SQUATTER)
    assert (client.session() or {})["user"]["id"] != str(key)


def test_an_address_that_the_application_never_verified_does_not_get_the_owner_s_sign_in(
    shop_with_passwords: Shop, client: ProviderClient
) -> None:
    """The attacker has signed up with the owner's address and a password, and waits for the owner."""
    shop_with_passwords.add_user(name="Attacker", email="olga@example.org")
    failure_reason(client.sign_in_as(**OWNER), client)
    assert client.session() is None


def test_existing_users_are_found_for_the_chosen_providers_only(shop: Shop, op: FaultyProvider) -> None:
    shop.accounts.existing_user(providers=["google"])(partial(find_confirmed, shop))
    shop.add_user(name="Olga", email="olga@example.org", email_confirmed=True)
    client = client_of(shop, op)
    failure_reason(client.sign_in_as(**OWNER), client)
    assert client.session() is None


def test_a_second_account_of_an_existing_user_is_linked(
    shop_with_passwords: Shop, client: ProviderClient, op: FaultyProvider
) -> None:
    key = shop_with_passwords.add_user(name="Olga", email="olga@example.org", email_confirmed=True)
    client.sign_in_as(**OWNER)
    second = client_of(shop_with_passwords, op)
    second.sign_in_as(**{**OWNER, "sub": "owner-again"})
    assert (second.session() or {})["user"]["id"] == str(key)
    assert len(shop_with_passwords.stored_ids()) == 1
