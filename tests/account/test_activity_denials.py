"""A sign-in that failed for somebody we know stands in their story, and never fails for the sake of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan.adapters.sessions import Activity
from genkan.callbacks import SignInParams
from genkan.errors import AdapterError
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, get_state, provider_env, query, set_callbacks
from tests.servers.faulty.provider import FaultyProvider

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def story(client: ProviderClient) -> list[Activity]:
    (user,) = client.options.adapter.list_users()
    return [line for line in client.options.sessions.store.activity(user.id, 10) if line.kind == "refused"]


def denied(client: ProviderClient, **claims: object) -> str:
    """The code of the error with which they are sent back."""
    answer = client.get(client.callback_url("/dashboard", **claims), headers=FIREFOX)
    return query(answer.headers["Location"])["error"]


def test_a_refusal_by_the_application_is_noted_with_device_and_address(client: ProviderClient) -> None:
    client.sign_in_as()
    set_callbacks(client, sign_in=lambda _: False)

    assert denied(client) == "AccessDenied"
    (line,) = story(client)
    assert (line.at, line.provider, line.device, line.ip_address, line.detail) == (
        int(client.clock.now),
        "oidc",
        "Firefox on Linux",
        client.ip_address,
        "AccessDenied",
    )


def test_so_is_one_by_its_jwt_callback(client: ProviderClient) -> None:
    client.sign_in_as()
    set_callbacks(client, jwt=lambda _: None)

    assert denied(client) == "AccessDenied"
    assert len(story(client)) == 1


def test_a_disabled_user_is_not_admitted_and_is_asked_nothing(client: ProviderClient) -> None:
    asked: list[SignInParams] = []

    def sign_in(params: SignInParams) -> bool:
        asked.append(params)
        return True

    client.sign_in_as()
    client.sign_out()
    (user,) = client.options.adapter.list_users()
    client.options.adapter.update_user(user.id, disabled=True)
    set_callbacks(client, sign_in=sign_in)

    assert denied(client, name="Another Name") == "AccessDenied"
    (user,) = client.options.adapter.list_users()
    assert (client.session(), asked, user.name) == (None, [], "Vera Visitor")
    assert len(story(client)) == 1


def test_the_owner_of_an_address_learns_that_somebody_came_with_it_another_way(
    make_app: MakeApp, op: FaultyProvider
) -> None:
    client = ProviderClient(make_app(**provider_env(op)), op)
    client.sign_in_as()
    client.sign_out()

    assert denied(client, sub="somebody-else") == "OAuthAccountNotLinked"
    assert [line.detail for line in story(client)] == ["OAuthAccountNotLinked"]


def test_who_is_not_known_leaves_nothing(provider_app: Flask, op: FaultyProvider) -> None:
    client = ProviderClient(provider_app, op)
    set_callbacks(client, sign_in=lambda _: False)

    assert denied(client) == "AccessDenied"
    assert client.options.adapter.list_users() == []


@pytest.mark.parametrize("fault", ["wrong-nonce", "expired"])
def test_an_answer_that_nobody_can_believe_is_in_nobody_s_story(client: ProviderClient, fault: Any) -> None:
    """Who it is about is the very thing that it can't be believed in."""
    client.sign_in_as()
    client.op.faults.id_token = fault

    assert denied(client) == "Configuration"
    assert story(client) == []


def test_a_story_that_can_t_be_written_changes_nothing(client: ProviderClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    client.sign_in_as()
    set_callbacks(client, sign_in=lambda _: False)
    monkeypatch.setattr(type(get_state(client.app).core.sessions.store), "add_activity", fail)

    assert denied(client) == "AccessDenied"
    assert client.name() == "Vera Visitor"


def test_whatever_the_story_lacks_is_told_in_the_log(
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
    assert len(lost) == 3  # signed in, refused, ended
    assert len({record.__dict__["user"] for record in lost}) == 1
