"""Access tokens of a user's provider account: validity, refresh and rotation."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from genkan.actions.access_token import access_token
from genkan.errors import InvalidProvider, ReauthorizationRequired
from genkan.types import Account
from tests.provider_client import run_parallel
from tests.providers.access_tokens.user_client import HOUR, UserClient, outcome
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider


def test_a_valid_token_is_returned_without_a_request(user: UserClient) -> None:
    user.clock.advance(HOUR - 31)
    assert user.token() == user.account().tokens["access_token"]
    assert user.op.refreshes == []


def test_a_token_valid_for_30_seconds_or_less_is_refreshed(user: UserClient) -> None:
    before = user.account().tokens
    user.clock.advance(HOUR - 30)
    token = user.token()
    after = user.account().tokens
    assert token == after["access_token"] != before["access_token"]
    assert after["expires_at"] == user.clock() + HOUR
    assert user.op.refreshes == [before["refresh_token"]]
    assert user.account().refresh_locked_until is None
    assert user.token() == token


def test_a_rotated_refresh_token_is_used_next(user: UserClient) -> None:
    used = []
    for _ in range(3):
        used.append(user.account().tokens["refresh_token"])
        user.clock.advance(HOUR)
        user.token()
    assert user.op.refreshes == used
    assert len(set(used)) == 3


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("refreshing", ["keep", "silent"])
def test_a_refresh_token_that_is_not_replaced_is_kept(user: UserClient, refreshing: Any) -> None:
    user.op.refreshing = refreshing
    first = user.account().tokens
    for _ in range(2):
        user.clock.advance(HOUR)
        user.token()
    assert user.op.refreshes == [first["refresh_token"]] * 2
    assert user.account().tokens["refresh_token"] == first["refresh_token"]


def test_a_response_without_id_token_keeps_the_stored_one(user: UserClient) -> None:
    user.op.faults = Faults(token="no-id-token")
    first = user.account().tokens["id_token"]
    user.clock.advance(HOUR)
    user.token()
    assert user.account().tokens["id_token"] == first


def test_a_response_without_expiry_gives_a_token_without_expiry(user: UserClient) -> None:
    user.op.expires_in = 0
    user.clock.advance(HOUR)
    token = user.token()
    user.clock.advance(100 * HOUR)
    assert user.token() == token


def test_a_new_sign_in_restores_the_tokens(user: UserClient) -> None:
    user.op.faults = Faults(token="invalid-grant")
    user.clock.advance(HOUR)
    assert outcome(user.token) is ReauthorizationRequired
    user.op.faults = Faults()
    user.sign_in_as()
    assert user.token() == user.account().tokens["access_token"]
    user.clock.advance(HOUR)
    assert user.token() == user.account().tokens["access_token"]


def test_an_expired_token_without_a_refresh_token_requires_reauthorization(
    provider_app: Flask, op: FaultyProvider
) -> None:
    user = UserClient(provider_app, op)
    assert user.token()
    user.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(user.token)] * 5)) == {ReauthorizationRequired}
    assert op.refreshes == []
    assert user.account().tokens == {}
    assert user.lost() == 1


def test_the_first_usable_account_or_the_named_one_gives_the_token(user: UserClient) -> None:
    for subject, access_tokens in {"a-dead": {}, "b-expired": {"access_token": "at-b", "expires_at": 1}}.items():
        user.core.adapter.link_account(user.id, Account("oidc", subject, "oidc", access_tokens))
    assert user.token() == user.core.adapter.get_account("oidc", "visitor-1").tokens["access_token"]  # type: ignore[union-attr]  # it exists
    for subject in ("a-dead", "b-expired", "unknown"):
        with pytest.raises(ReauthorizationRequired):
            access_token(user.id, "oidc", user.core, provider_account_id=subject)


def test_an_unknown_provider_raises_invalid_provider(user: UserClient) -> None:
    with pytest.raises(InvalidProvider):
        access_token(user.id, "google", user.core)
