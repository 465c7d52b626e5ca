"""The account page leaves to the application what only the application can do."""

from __future__ import annotations

from tests.extension.own_users.shops import Shop
from tests.provider_client import ProviderClient


def test_the_page_shows_sessions_and_accounts(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    page = client.get("/genkan/account")
    assert page.status_code == 200
    assert "Where you are signed in" in page.text
    assert "Vera Visitor" in page.text


def test_it_neither_renames_nor_deletes_a_user_of_the_application(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    page = client.get("/genkan/account").text
    assert "Display name" not in page
    assert "Delete" not in page
    assert client.submit("/genkan/account/name", name="Another").status_code == 404
    assert client.get("/genkan/account/delete").status_code == 404
    assert client.submit("/genkan/account/delete").status_code == 404
    assert [user.name for user in shop.users()] == ["Vera Visitor"]
    assert client.name() == "Vera Visitor"


def test_a_session_can_be_ended_from_another_device(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    other = ProviderClient(shop.app, client.op)
    other.sign_in_as()
    client.submit("/genkan/account/sessions/end-others")
    assert other.session() is None
    assert client.session() is not None
