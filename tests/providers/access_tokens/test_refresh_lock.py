"""Parallel refreshes of an access token: one request under one lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from genkan.actions import access_token as tokens
from genkan.actions.access_token import LOCK_SECONDS, access_token
from genkan.errors import ProviderUnavailable, ReauthorizationRequired
from tests.provider_client import run_parallel
from tests.providers.access_tokens.user_client import HOUR, UserClient, outcome
from tests.servers.faulty.faults import Faults


def test_twenty_parallel_calls_make_one_request_and_get_one_token(user: UserClient) -> None:
    user.op.before["/token"] = lambda: time.sleep(0.02)
    for round in range(1, 6):
        user.clock.advance(HOUR)
        access_tokens = run_parallel(*[user.token] * 20)
        assert set(access_tokens) == {user.account().tokens["access_token"]}
        assert len(user.op.refreshes) == round


def test_callers_wait_for_an_abandoned_lock_until_it_expires(user: UserClient, monkeypatch: pytest.MonkeyPatch) -> None:
    user.clock.advance(HOUR)
    now = user.clock()
    assert user.core.adapter.acquire_refresh_lock(user.account(), now, now + LOCK_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "WAIT_TIMEOUT", 0.1)
        assert outcome(user.token) is ProviderUnavailable
    assert user.op.refreshes == []
    user.clock.advance(LOCK_SECONDS)
    assert len(set(run_parallel(*[user.token] * 10))) == 1
    assert len(user.op.refreshes) == 1


def test_a_sign_in_during_a_refresh_wins(user: UserClient) -> None:
    new_tokens = {"access_token": "at-2", "refresh_token": "rt-2", "expires_at": int(user.clock()) + 9 * HOUR}

    def sign_in() -> None:
        stored_user = user.core.adapter.get_user(user.id)
        assert stored_user is not None
        user.core.adapter.refresh_user(stored_user, replace(user.account(), tokens=new_tokens))

    for fault in (None, "invalid-grant"):
        user.clock.advance(2 * HOUR)
        user.sign_in_as()
        user.op.faults = Faults(token=fault)
        user.op.before["/token"] = sign_in
        user.clock.advance(HOUR)
        assert user.token() == "at-2"
        assert user.account().tokens["refresh_token"] == "rt-2"
        assert user.account().refresh_locked_until is None
        user.op.before.clear()
    assert user.lost() == 0


def test_an_account_deleted_during_a_refresh_stays_deleted(user: UserClient) -> None:
    user.op.before["/token"] = lambda: user.core.adapter.delete_user(user.id)
    user.clock.advance(HOUR)
    assert outcome(user.token) is ReauthorizationRequired
    assert user.core.adapter.list_accounts(user.id) == []


class SlowAdapter:
    """Adapter that calls `before_lock` between reading an expired token and taking the lock."""

    def __init__(self, adapter: Any, before_lock: Callable[[], object]) -> None:
        self._adapter = adapter
        self._overtaken_by = before_lock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def acquire_refresh_lock(self, *access_tokens: Any) -> bool:
        """Take the lock after another caller has finished."""
        self._overtaken_by()
        return bool(self._adapter.acquire_refresh_lock(*access_tokens))


def test_a_lock_taken_after_another_refresh_makes_no_request(user: UserClient) -> None:
    user.clock.advance(HOUR)
    slow = replace(user.core, adapter=SlowAdapter(user.core.adapter, user.token))
    assert access_token(user.id, "oidc", slow) == user.account().tokens["access_token"]
    assert len(user.op.refreshes) == 1
    assert user.account().refresh_locked_until is None
