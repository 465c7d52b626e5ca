"""Session ids and logout tokens of one provider are separate from those of other providers."""

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

LOGOUT_PATH = "/api/auth/backchannel-logout/"
OTHER_ACCOUNT = {"sub": "vera-there", "name": "V. Visitor", "email": "vera@elsewhere.example"}


@pytest.fixture(name="other_op")
def _other_op(clock: FrozenClock) -> Iterator[FaultyProvider]:
    """A second provider."""
    with FaultyProvider(clock=clock) as other_op:
        yield other_op


def send_logout_token(app: Flask, provider: str, token: str) -> tuple[int, Any]:
    """Send a logout token as the provider's server does. Return status and body."""
    response = app.test_client().post(LOGOUT_PATH + provider, data={"logout_token": token})
    return response.status_code, response.get_json()


def test_logout_tokens_of_two_providers_may_have_the_same_jti(
    make_app: MakeApp, op: FaultyProvider, other_op: FaultyProvider
) -> None:
    """A `jti` is unique only within its issuer (RFC 7519 section 4.1.7)."""
    app = make_app(**provider_env(op), **provider_env(other_op, "ZITADEL"))
    first_client, second_client = ProviderClient(app, op), ProviderClient(app, other_op)
    first_client.sign_in_as()
    second_client.get(
        other_op.authorize(second_client.begin_sign_in("/", "zitadel").headers["Location"], OTHER_ACCOUNT)
    )
    assert (first_client.name(), second_client.name()) == ("Vera Visitor", "V. Visitor")
    first = logout_token(op, first_client.clock(), sub="visitor-1", jti="same")
    second = logout_token(other_op, first_client.clock(), sub="vera-there", jti="same")

    assert [send_logout_token(app, "oidc", first)[0], send_logout_token(app, "zitadel", second)[0]] == [200, 200]
    assert (first_client.name(), second_client.name()) == (None, None)
    assert send_logout_token(app, "oidc", first)[0] == 400


def test_a_logout_token_for_a_provider_without_id_tokens_is_refused_without_a_request(
    make_app: MakeApp, op: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(AUTH_GITHUB_ID="i", AUTH_GITHUB_SECRET="s")
    requested: list[object] = []
    monkeypatch.setattr(requests.Session, "request", lambda *args, **_: requested.append(args))

    token = logout_token(op, app.extensions["genkan"].core.clock(), sub="583231")
    assert send_logout_token(app, "github", token) == (400, {"error": "invalid_request"})
    assert requested == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("sid", ["nul \0", "line\nend", "s" * 256, 7, []])
def test_a_sid_that_cannot_be_stored_does_not_prevent_the_sign_in(
    request: pytest.FixtureRequest,
    environment: Environment,
    make_app: MakeApp,
    op: FaultyProvider,
    database: str,
    sid: object,
) -> None:
    """The session has no provider session id then, so the provider can revoke it by `sub` only."""
    if database == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    client = ProviderClient(make_app(**provider_env(op)), op)
    with closing(client.core.adapter._database):
        client.sign_in_as(sid=sid)

        assert client.name() == "Vera Visitor"
        (record,) = client.core.sessions.store.list_all_active(int(client.clock()), 9)
        assert record.provider_sid is None
