"""Errors of a provider while it refreshes an access token."""

from __future__ import annotations

import time
from typing import Any

import pytest

from genkan.actions import access_token as tokens
from genkan.errors import ProviderError, ProviderUnavailable, ReauthorizationRequired
from genkan.oauth import client as oauth_client
from tests.provider_client import run_parallel
from tests.providers.access_tokens.user_client import HOUR, UserClient, outcome
from tests.servers.faulty.faults import Faults


def test_an_invalid_grant_removes_the_tokens_for_all_parallel_calls_and_keeps_the_session(user: UserClient) -> None:
    user.op.faults = Faults(token="invalid-grant")
    user.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(user.token)] * 20)) == {ReauthorizationRequired}
    assert len(user.op.refreshes) == 1
    assert user.account().tokens == {}
    assert user.lost() == 1
    assert user.name() == "Vera Visitor"
    with pytest.raises(ReauthorizationRequired) as caught:
        user.token()
    assert caught.value.provider == "oidc"
    assert len(user.op.refreshes) == 1


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["500", "503", "reset", "invalid-client", "html", "no-access-token", "html-error"])
def test_a_temporary_provider_error_loses_no_tokens(user: UserClient, fault: Any) -> None:
    user.clock.advance(HOUR)
    before = user.account()
    user.op.faults = Faults(token=fault)
    user.op.refreshing = "keep"
    assert outcome(user.token) in (ProviderUnavailable, ProviderError)
    assert user.account() == before
    user.op.faults = Faults()
    assert user.token() == user.account().tokens["access_token"]
    assert user.lost() == 0


def test_twenty_parallel_calls_to_a_provider_that_is_down_make_one_request(user: UserClient) -> None:
    user.op.faults = Faults(token="500")
    user.op.before["/token"] = lambda: time.sleep(0.3)
    user.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(user.token)] * 20)) == {ProviderUnavailable}
    assert len(user.op.refreshes) == 1


def test_a_provider_that_hangs_delays_callers_no_longer_than_the_timeout(
    user: UserClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_client, "PROVIDER_TIMEOUT", 0.5)
    monkeypatch.setattr(tokens, "WAIT_TIMEOUT", 0.2)
    user.op.faults = Faults(token="hang")
    user.op.refreshing = "keep"
    user.clock.advance(HOUR)
    started = time.monotonic()
    assert set(run_parallel(*[lambda: outcome(user.token)] * 10)) == {ProviderUnavailable}
    assert time.monotonic() - started < 5
    assert len(user.op.refreshes) <= 1
    user.op.faults = Faults()
    assert user.token()


def test_a_response_lost_after_a_rotation_requires_reauthorization(user: UserClient) -> None:
    user.op.faults = Faults(token="reset")
    user.clock.advance(HOUR)
    assert outcome(user.token) is ProviderUnavailable
    user.op.faults = Faults()
    assert [outcome(user.token) for _ in range(3)] == [ReauthorizationRequired] * 3
    assert len(user.op.refreshes) == 2


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("changed", [{"sub": "another-user"}, {"iss": "https://elsewhere.example"}, {"aud": "another"}])
def test_an_id_token_with_another_identity_requires_reauthorization(user: UserClient, changed: dict[str, str]) -> None:
    faults = {"iss": "wrong-iss", "aud": "wrong-aud"}
    [name] = changed
    user.op.refreshed_claims = changed if name == "sub" else {}
    user.op.faults = Faults(id_token=faults.get(name))  # type: ignore[arg-type]  # names of its own
    user.clock.advance(HOUR)
    assert outcome(user.token) is ReauthorizationRequired
    assert user.account().tokens == {}
    assert user.lost() == 1


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["wrong-key", "alg-none", "wrong-at-hash", "wrong-azp"])
def test_an_invalid_id_token_is_not_stored_but_the_other_tokens_are(user: UserClient, fault: Any) -> None:
    first = user.account().tokens
    user.op.faults = Faults(id_token=fault)
    user.clock.advance(HOUR)
    token = user.token()
    stored = user.account().tokens
    assert stored["access_token"] == token
    assert stored["id_token"] == first["id_token"]
    assert stored["refresh_token"] != first["refresh_token"]
