"""A verified email address that changed at the provider is stored at the next sign-in, or the log says why it is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider_client import ProviderClient, failure_reason

OLD, NEW = "visitor@example.org", "vera@company.example"
SUCCESSOR = {"sub": "successor", "name": "Sue Successor"}


def email_of(client: ProviderClient) -> str | None:
    email: str | None = (client.session() or {})["user"]["email"]
    return email


def kept(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the reasons of the addresses that were not stored."""
    return [vars(record)["detail"] for record in caplog.records if vars(record).get("event") == "address-kept"]


def other(client: ProviderClient) -> ProviderClient:
    return ProviderClient(client.app, client.op)


def test_the_next_sign_in_stores_the_new_address_in_all_sessions_of_the_user(
    client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.sign_in_as()
    device = other(client)
    device.sign_in_as()
    client.clock.advance(5)
    client.sign_in_as(email=NEW)

    assert (email_of(client), email_of(device)) == (NEW, NEW)
    (user,) = client.core.adapter.list_users()
    assert (user.email, user.email_verified is not None) == (NEW, True)
    assert device.get("/api/user/profile").get_json()["email"] == NEW
    assert kept(caplog) == []


def test_a_new_owner_of_the_old_address_can_sign_in_then(client: ProviderClient) -> None:
    client.sign_in_as()
    successor = other(client)
    assert failure_reason(successor.sign_in_as(**SUCCESSOR), successor) is None
    assert successor.session() is None
    client.sign_in_as(email=NEW)
    successor.sign_in_as(**SUCCESSOR)

    assert (email_of(client), email_of(successor)) == (NEW, OLD)


def test_an_operator_can_free_the_address_of_a_user_who_never_returns(client: ProviderClient) -> None:
    client.sign_in_as()
    successor, runner = other(client), client.app.test_cli_runner()
    for address in ("nobody@example.org", SUCCESSOR["sub"]):
        result = runner.invoke(args=["users", "release-address", address])
        assert (result.exit_code, f"No user has the address or id {address}." in result.output) == (1, True)
    result = runner.invoke(args=["users", "release-address", OLD.upper()])
    assert (result.exit_code, result.output.startswith("Vera Visitor (")) == (0, True)
    assert email_of(client) is None
    successor.sign_in_as(**SUCCESSOR)
    assert email_of(successor) == OLD

    client.sign_in_as()
    assert (client.name(), email_of(client), email_of(successor)) == ("Vera Visitor", None, OLD)
    client.sign_in_as(email=NEW)
    assert email_of(client) == NEW


def test_the_verified_address_of_another_user_is_never_taken(
    client: ProviderClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.sign_in_as()
    thief = other(client)
    thief.sign_in_as(**SUCCESSOR, email="sue@example.org")
    thief.sign_in_as(**SUCCESSOR, email=OLD)

    assert (email_of(client), email_of(thief)) == (OLD, "sue@example.org")
    assert kept(caplog) == ["another user has it"]


@pytest.mark.parametrize("claims", [{"email": None}, {"email": NEW, "email_verified": False}, {"email": [NEW]}])
def test_an_address_that_is_missing_or_not_verified_changes_nothing(
    client: ProviderClient, claims: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    client.sign_in_as()
    client.sign_in_as(**claims)

    assert email_of(client) == OLD
    assert kept(caplog) == []
