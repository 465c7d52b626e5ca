"""Denied sign-ins in the activity of a known user."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan.adapters.sessions import Activity
from genkan.callbacks import SignInParams
from genkan.errors import AdapterError
from tests.provider_client import ProviderClient, get_state, query, set_callbacks
from tests.servers.faulty.provider import FaultyProvider

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def denials(client: ProviderClient) -> list[Activity]:
    (user,) = client.core.adapter.list_users()
    return [line for line in client.core.sessions.store.list_activity(user.id, 10) if line.kind == "refused"]


def denied(client: ProviderClient, **claims: object) -> str:
    """Return the error code of a denied sign-in."""
    response = client.get(client.callback_url("/dashboard", **claims), headers=FIREFOX)
    return query(response.headers["Location"])["error"]


def test_a_denial_by_the_sign_in_callback_is_recorded_with_device_and_address(client: ProviderClient) -> None:
    client.sign_in_as()
    set_callbacks(client, sign_in=lambda _: False)

    assert denied(client) == "AccessDenied"
    (line,) = denials(client)
    assert (line.at, line.provider, line.device, line.ip_address, line.detail) == (
        int(client.clock.now),
        "oidc",
        "Firefox on Linux",
        client.ip_address,
        "AccessDenied",
    )


def test_a_denial_by_the_jwt_callback_is_recorded(client: ProviderClient) -> None:
    client.sign_in_as()
    set_callbacks(client, jwt=lambda _: None)

    assert denied(client) == "AccessDenied"
    assert len(denials(client)) == 1


def test_a_disabled_user_is_denied_before_the_sign_in_callback_is_called(client: ProviderClient) -> None:
    calls: list[SignInParams] = []

    def sign_in(params: SignInParams) -> bool:
        calls.append(params)
        return True

    client.sign_in_as()
    client.sign_out()
    (user,) = client.core.adapter.list_users()
    client.core.adapter.update_user(user.id, disabled=True)
    set_callbacks(client, sign_in=sign_in)

    assert denied(client, name="Another Name") == "AccessDenied"
    (user,) = client.core.adapter.list_users()
    assert (client.session(), calls, user.name) == (None, [], "Vera Visitor")
    assert len(denials(client)) == 1


def test_a_sign_in_with_the_address_of_another_user_is_recorded_without_device_and_ip_address(
    client: ProviderClient,
) -> None:
    """They are another person's, and the user must not learn them."""
    client.sign_in_as()
    client.sign_out()

    assert denied(client, sub="another-subject") == "OAuthAccountNotLinked"
    (line,) = denials(client)
    assert (line.at, line.provider, line.detail) == (int(client.clock.now), "oidc", "OAuthAccountNotLinked")
    assert (line.device, line.ip_address) == (None, None)


def test_sign_ins_with_the_address_of_another_user_are_recorded_once_an_hour(client: ProviderClient) -> None:
    client.sign_in_as()
    client.sign_out()
    for wait in (0, 1, 3598):
        client.clock.advance(wait)
        assert denied(client, sub=f"unknown-{wait}") == "OAuthAccountNotLinked"
    assert len(denials(client)) == 1

    client.clock.advance(1)
    assert denied(client, sub="unknown") == "OAuthAccountNotLinked"
    assert len(denials(client)) == 2


def test_a_recorded_address_does_not_hide_a_denial_of_the_users_own_account(client: ProviderClient) -> None:
    client.sign_in_as()
    client.sign_out()
    denied(client, sub="unknown")
    set_callbacks(client, sign_in=lambda _: False)
    denied(client)

    assert [line.device for line in denials(client)] == ["Firefox on Linux", None]


def test_the_activity_of_a_refused_address_is_shown_without_an_ip_address(client: ProviderClient) -> None:
    client.sign_in_as()
    other = ProviderClient(client.app, client.op)
    assert denied(other, sub="unknown") == "OAuthAccountNotLinked"

    page = client.get("/account").get_data(as_text=True)
    assert "was refused" in page
    assert other.ip_address not in page


def test_an_unreadable_activity_does_not_change_the_response(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    client.sign_in_as()
    client.sign_out()
    monkeypatch.setattr(type(client.core.sessions.store), "list_activity", fail)

    assert denied(client, sub="unknown") == "OAuthAccountNotLinked"


def test_a_denial_of_an_unknown_user_is_not_recorded(provider_app: Flask, op: FaultyProvider) -> None:
    client = ProviderClient(provider_app, op)
    set_callbacks(client, sign_in=lambda _: False)

    assert denied(client) == "AccessDenied"
    assert client.core.adapter.list_users() == []


@pytest.mark.parametrize("fault", ["wrong-nonce", "expired"])
def test_an_invalid_id_token_is_recorded_for_no_user(client: ProviderClient, fault: Any) -> None:
    """The subject of an invalid ID token cannot be trusted."""
    client.sign_in_as()
    client.op.faults.id_token = fault

    assert denied(client) == "Configuration"
    assert denials(client) == []


def test_a_failure_to_record_activity_does_not_change_the_response(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    client.sign_in_as()
    set_callbacks(client, sign_in=lambda _: False)
    monkeypatch.setattr(type(get_state(client.app).core.sessions.store), "add_activity", fail)

    assert denied(client) == "AccessDenied"
    assert client.name() == "Vera Visitor"


def test_a_failure_to_record_activity_is_logged(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    monkeypatch.setattr(type(get_state(client.app).core.sessions.store), "add_activity", fail)
    client.sign_in_as()
    set_callbacks(client, sign_in=lambda _: False)
    denied(client)
    client.sign_out()

    lost = [record for record in caplog.records if getattr(record, "event", "") == "activity-lost"]
    assert len(lost) == 3  # signed-in, refused, ended
    assert len({record.__dict__["user"] for record in lost}) == 1
