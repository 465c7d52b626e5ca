"""What a provider calls its sessions and its logout tokens is its own: another's may be called the same (O17)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
from flask import Flask

from tests.clock import FrozenClock
from tests.conftest import Environment, MakeApp
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.logout_tokens import logout_token

DOOR = "/api/auth/backchannel-logout/"
OTHER = {"sub": "vera-there", "name": "V. Visitor", "email": "vera@elsewhere.example"}


@pytest.fixture(name="there")
def _there(clock: FrozenClock) -> Iterator[FaultyProvider]:
    """A second provider."""
    with FaultyProvider(clock=clock) as there:
        yield there


def tell(app: Flask, provider: str, token: str) -> tuple[int, Any]:
    """As a provider's server would; what it is answered."""
    answer = app.test_client().post(DOOR + provider, data={"logout_token": token})
    return answer.status_code, answer.get_json()


def test_two_providers_may_give_their_logout_tokens_the_same_name(
    make_app: MakeApp, op: FaultyProvider, there: FaultyProvider
) -> None:
    """Its `jti` is unique among those of its issuer, and no further (RFC 7519 4.1.7)."""
    app = make_app(**provider_env(op), **provider_env(there, "ZITADEL"))
    here, elsewhere = ProviderClient(app, op), ProviderClient(app, there)
    here.sign_in_as()
    elsewhere.get(there.authorize(elsewhere.begin_sign_in("/", "zitadel").headers["Location"], OTHER))
    assert (here.name(), elsewhere.name()) == ("Vera Visitor", "V. Visitor")
    first = logout_token(op, here.clock(), sub="visitor-1", jti="same")
    second = logout_token(there, here.clock(), sub="vera-there", jti="same")

    assert [tell(app, "oidc", first)[0], tell(app, "zitadel", second)[0]] == [200, 200]
    assert (here.name(), elsewhere.name()) == (None, None)
    assert tell(app, "oidc", first)[0] == 400


def test_a_provider_without_id_tokens_ends_nothing_and_is_asked_nothing(
    make_app: MakeApp, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(AUTH_GITHUB_ID="i", AUTH_GITHUB_SECRET="s")
    asked: list[object] = []
    monkeypatch.setattr(requests.Session, "request", lambda *args, **_: asked.append(args))

    token = logout_token(op, app.extensions["genkan"].core.clock(), sub="583231")
    assert tell(app, "github", token) == (400, {"error": "invalid_request"})
    assert asked == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("sid", ["nul \0", "line\nend", "s" * 256, 7, []])
def test_a_name_that_cannot_be_kept_keeps_nobody_out(
    request: pytest.FixtureRequest,
    environment: Environment,
    make_app: MakeApp,
    op: FaultyProvider,
    database: str,
    sid: object,
) -> None:
    """They are in, and what the provider calls its session is not known: it can end it by `sub` only."""
    if database == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    client = ProviderClient(make_app(**provider_env(op)), op)
    with closing(client.options.adapter._database):
        client.sign_in_as(sid=sid)

        assert client.name() == "Vera Visitor"
        (record,) = client.options.session_store.list_live(int(client.clock()), 9)
        assert record.provider_sid is None
