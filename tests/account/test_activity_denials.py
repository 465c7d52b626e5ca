"""A sign-in that failed for somebody we know stands in their story, and never fails for the sake of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan.adapters.sessions import Activity
from genkan.callbacks import SignInParams
from genkan.errors import AdapterError
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, listen_to, provider_env, query, state_of
from tests.servers.faulty.provider import FaultyProvider

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def story(visitor: ProviderClient) -> list[Activity]:
    (user,) = visitor.options.adapter.list_users()
    return [line for line in visitor.options.sessions.store.activity(user.id, 10) if line.kind == "refused"]


def denied(visitor: ProviderClient, **claims: object) -> str:
    """The code of the error with which they are sent back."""
    answer = visitor.get(visitor.callback_url("/dashboard", **claims), headers=FIREFOX)
    return query(answer.headers["Location"])["error"]


def test_a_refusal_by_the_application_is_noted_with_device_and_address(visitor: ProviderClient) -> None:
    visitor.sign_in_as()
    listen_to(visitor, sign_in=lambda _: False)

    assert denied(visitor) == "AccessDenied"
    (line,) = story(visitor)
    assert (line.at, line.provider, line.device, line.ip_address, line.detail) == (
        int(visitor.clock.now),
        "oidc",
        "Firefox on Linux",
        visitor.address,
        "AccessDenied",
    )


def test_so_is_one_by_its_jwt_callback(visitor: ProviderClient) -> None:
    visitor.sign_in_as()
    listen_to(visitor, jwt=lambda _: None)

    assert denied(visitor) == "AccessDenied"
    assert len(story(visitor)) == 1


def test_a_disabled_user_is_not_admitted_and_is_asked_nothing(visitor: ProviderClient) -> None:
    asked: list[SignInParams] = []

    def sign_in(params: SignInParams) -> bool:
        asked.append(params)
        return True

    visitor.sign_in_as()
    visitor.sign_out()
    (user,) = visitor.options.adapter.list_users()
    visitor.options.adapter.update_user(user.id, disabled=True)
    listen_to(visitor, sign_in=sign_in)

    assert denied(visitor, name="Another Name") == "AccessDenied"
    (user,) = visitor.options.adapter.list_users()
    assert (visitor.session(), asked, user.name) == (None, [], "Vera Visitor")
    assert len(story(visitor)) == 1


def test_the_owner_of_an_address_learns_that_somebody_came_with_it_another_way(
    make_app: MakeApp, op: FaultyProvider
) -> None:
    visitor = ProviderClient(make_app(**provider_env(op)), op)
    visitor.sign_in_as()
    visitor.sign_out()

    assert denied(visitor, sub="somebody-else") == "OAuthAccountNotLinked"
    assert [line.detail for line in story(visitor)] == ["OAuthAccountNotLinked"]


def test_who_is_not_known_leaves_nothing(house: Flask, op: FaultyProvider) -> None:
    visitor = ProviderClient(house, op)
    listen_to(visitor, sign_in=lambda _: False)

    assert denied(visitor) == "AccessDenied"
    assert visitor.options.adapter.list_users() == []


@pytest.mark.parametrize("fault", ["wrong-nonce", "expired"])
def test_an_answer_that_nobody_can_believe_is_in_nobody_s_story(visitor: ProviderClient, fault: Any) -> None:
    """Who it is about is the very thing that it can't be believed in."""
    visitor.sign_in_as()
    visitor.op.faults.id_token = fault

    assert denied(visitor) == "Configuration"
    assert story(visitor) == []


def test_a_story_that_can_t_be_written_changes_nothing(
    visitor: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    visitor.sign_in_as()
    listen_to(visitor, sign_in=lambda _: False)
    monkeypatch.setattr(type(state_of(visitor.app).core.sessions.store), "add_activity", fail)

    assert denied(visitor) == "AccessDenied"
    assert visitor.name() == "Vera Visitor"


def test_whatever_the_story_lacks_is_told_in_the_log(
    visitor: ProviderClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise AdapterError

    monkeypatch.setattr(type(state_of(visitor.app).core.sessions.store), "add_activity", fail)
    visitor.sign_in_as()
    listen_to(visitor, sign_in=lambda _: False)
    denied(visitor)
    visitor.sign_out()

    lost = [record for record in caplog.records if getattr(record, "event", "") == "activity-lost"]
    assert len(lost) == 3  # signed in, refused, ended
    assert len({record.__dict__["user"] for record in lost}) == 1
