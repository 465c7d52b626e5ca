"""Roles, and users who are not active: read at a sign-in and when a session is re-issued."""

from __future__ import annotations

from typing import Any

from genkan import Genkan
from tests.clock import FrozenClock
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import Shop
from tests.provider_client import ProviderClient, failure_reason
from tests.servers.faulty.provider import FaultyProvider

DAY = 24 * 3600


def add_role(accounts: Genkan) -> None:
    """Register the role callback of the documentation."""

    @accounts.role
    def role(user: Any) -> str:
        return "admin" if user.is_staff else "user"


def role_of(client: ProviderClient) -> str | None:
    """Return the role in the client's session."""
    session = client.session()
    return None if session is None else session["user"]["role"]


def test_the_role_is_that_of_the_application_s_user(shop: Shop, op: FaultyProvider) -> None:
    add_role(shop.accounts)
    client = client_of(shop, op)
    client.sign_in_as()
    assert role_of(client) == "user"
    shop.change(is_staff=True)
    client.sign_out()
    client.sign_in_as()
    assert role_of(client) == "admin"


def test_a_changed_role_takes_effect_when_the_session_is_re_issued(
    shop: Shop, op: FaultyProvider, clock: FrozenClock
) -> None:
    add_role(shop.accounts)
    client = client_of(shop, op)
    client.sign_in_as()
    shop.change(is_staff=True)
    clock.advance(DAY - 10)
    assert role_of(client) == "user"
    clock.advance(20)
    assert role_of(client) == "admin"
    assert role_of(client) == "admin"


def test_refresh_makes_a_changed_role_effective_at_once(shop: Shop, op: FaultyProvider, clock: FrozenClock) -> None:
    add_role(shop.accounts)
    client = client_of(shop, op)
    client.sign_in_as()
    clock.advance(10)
    shop.change(is_staff=True)
    with shop.context() as session:
        shop.accounts.refresh(session.query(shop.User).one())
    assert role_of(client) == "admin"


def test_refresh_takes_a_primary_key(shop: Shop, op: FaultyProvider, clock: FrozenClock) -> None:
    add_role(shop.accounts)
    client = client_of(shop, op)
    client.sign_in_as()
    clock.advance(10)
    shop.change(is_staff=True)
    with shop.context():
        shop.accounts.refresh(shop.users()[0].id)
    assert role_of(client) == "admin"


def test_a_user_who_is_not_active_is_refused(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    client.sign_out()
    shop.change(is_active=False)
    failure_reason(client.sign_in_as(), client)
    assert client.session() is None


def test_a_session_of_a_user_who_is_not_active_ends_when_it_is_re_issued(
    shop: Shop, client: ProviderClient, clock: FrozenClock
) -> None:
    client.sign_in_as()
    shop.change(is_active=False)
    clock.advance(DAY + 1)
    assert client.session() is None


def test_a_new_user_who_is_not_active_is_refused_and_not_created(shop: Shop, op: FaultyProvider) -> None:
    @shop.accounts.new_user
    def new_user(identity: Any) -> Any:
        return shop.User(name=identity.name, is_active=False)

    client = client_of(shop, op)
    failure_reason(client.sign_in_as(), client)
    assert shop.users() == []


def test_a_role_that_fails_ends_no_sign_in_with_a_5xx(shop: Shop, op: FaultyProvider) -> None:
    @shop.accounts.role
    def role(user: Any) -> str:
        raise LookupError

    client = client_of(shop, op)
    failure_reason(client.sign_in_as(), client)
    assert client.session() is None


def test_without_users_of_its_own_the_application_gets_ours(
    make: MakeShop, op: FaultyProvider, clock: FrozenClock
) -> None:
    shop = make(with_users=False)

    @shop.accounts.role
    def role(user: Any) -> str:
        return "editor" if user.email == "visitor@example.org" else "user"

    client = client_of(shop, op)
    client.sign_in_as()
    assert role_of(client) == "editor"
