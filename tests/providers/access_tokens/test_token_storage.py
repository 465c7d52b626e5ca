"""Refreshed tokens that the database does not store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genkan.actions.access_token import LOCK_SECONDS, access_token
from genkan.errors import AdapterError, ReauthorizationRequired
from tests.providers.access_tokens.user_client import HOUR, UserClient, outcome
from tests.servers.postgres import PostgreSQL


class ReadOnlyAdapter:
    """Adapter that cannot store new tokens."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def update_tokens(self, *_: Any) -> bool:
        """Raise AdapterError."""
        raise AdapterError("read-only")


def test_tokens_that_cannot_be_stored_are_returned_once_and_not_logged(
    user: UserClient, caplog: pytest.LogCaptureFixture
) -> None:
    before = user.account()
    failing = replace(user.core, adapter=ReadOnlyAdapter(user.core.adapter))
    user.clock.advance(HOUR)
    token = access_token(user.id, "oidc", failing)
    assert user.op.refreshes == [before.tokens["refresh_token"]]
    assert token != before.tokens["access_token"]
    assert user.account() == before
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    logged = repr(vars(record))
    assert ("oidc" in logged, user.id in logged) == (True, True)
    assert token not in logged
    assert before.tokens["refresh_token"] not in logged


def test_after_a_failed_update_the_user_must_reauthorize(user: UserClient) -> None:
    failing = replace(user.core, adapter=ReadOnlyAdapter(user.core.adapter))
    user.clock.advance(HOUR)
    assert access_token(user.id, "oidc", failing)
    assert outcome(user.token) is ReauthorizationRequired
    assert user.lost() == 1
    user.sign_in_as()
    assert user.token() == user.account().tokens["access_token"]


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
def test_an_unrotated_refresh_token_survives_a_failed_update(user: UserClient) -> None:
    user.op.refreshing = "keep"
    failing = replace(user.core, adapter=ReadOnlyAdapter(user.core.adapter))
    user.clock.advance(HOUR)
    assert access_token(user.id, "oidc", failing)
    assert user.token() == user.account().tokens["access_token"]
    assert user.lost() == 0


@pytest.mark.parametrize("provider_app", ["postgresql"], indirect=True)
def test_a_database_that_fails_during_a_rotation_requires_reauthorization(
    user: UserClient, postgres_server: PostgreSQL
) -> None:
    before = user.account().tokens
    user.op.before["/token"] = postgres_server.stop
    user.clock.advance(HOUR)
    try:
        assert user.token() != before["access_token"]
    finally:
        postgres_server.start()
    user.op.before.clear()
    assert user.account().tokens == before
    user.clock.advance(LOCK_SECONDS)
    assert outcome(user.token) is ReauthorizationRequired
    user.sign_in_as()
    assert user.token() == user.account().tokens["access_token"]
