"""Access tokens of a user's provider account: validity, refresh under a lock, and errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from genkan.actions import access_token as tokens
from genkan.actions.access_token import LOCK_SECONDS, access_token
from genkan.core import Core
from genkan.errors import (
    AdapterError,
    InvalidProvider,
    ProviderError,
    ProviderUnavailable,
    ReauthorizationRequired,
)
from genkan.oauth import client as oauth_client
from genkan.types import Account
from tests.conftest import MakeApp
from tests.provider_client import ProviderClient, get_state, provider_env, run_parallel
from tests.servers.faulty.faults import Faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.postgres import PostgreSQL

HOUR = 3600


@pytest.fixture(name="provider_app", params=["sqlite", "postgresql"])
def _provider_app(
    request: pytest.FixtureRequest, make_app: MakeApp, op: FaultyProvider, tmp_path: Path
) -> Iterator[Flask]:
    sqlite_url = f"sqlite:///{tmp_path}/genkan.db"
    url = sqlite_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    app = make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off", DATABASE_URL=url)
    yield app
    get_state(app).core.adapter._database.close()  # type: ignore[attr-defined]  # only tests close it


class UserClient(ProviderClient):
    """Client with a session whose first access token is valid for an hour."""

    def __init__(self, app: Flask, op: FaultyProvider) -> None:
        super().__init__(app, op)
        self.options: Core = get_state(app).core
        self.sign_in_as()
        self.id = str((self.session() or {})["user"]["id"])

    def token(self) -> str:
        """Return the access token as a view gets it."""
        return access_token(self.id, "oidc", self.options)

    def account(self) -> Account:
        """Return the stored account."""
        [account] = self.options.adapter.list_accounts(self.id)
        return account

    def lost(self) -> int:
        """Return how often the activity records a lost connection."""
        return [entry.kind for entry in self.options.sessions.store.list_activity(self.id, 100)].count(
            "connection-lost"
        )


@pytest.fixture(name="user")
def _user_client(provider_app: Flask, op: FaultyProvider) -> UserClient:
    op.refreshing = "rotate"
    return UserClient(provider_app, op)


def outcome(function: Callable[[], str]) -> str | type[Exception]:
    """Return the token or the type of the exception."""
    try:
        return function()
    except (ReauthorizationRequired, ProviderUnavailable, ProviderError, AdapterError) as error:
        return type(error)


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


def test_twenty_parallel_calls_make_one_request_and_get_one_token(user: UserClient) -> None:
    user.op.before["/token"] = lambda: time.sleep(0.02)
    for round in range(1, 6):
        user.clock.advance(HOUR)
        access_tokens = run_parallel(*[user.token] * 20)
        assert set(access_tokens) == {user.account().tokens["access_token"]}
        assert len(user.op.refreshes) == round


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


def test_callers_wait_for_an_abandoned_lock_until_it_expires(user: UserClient, monkeypatch: pytest.MonkeyPatch) -> None:
    user.clock.advance(HOUR)
    now = user.clock()
    assert user.options.adapter.acquire_refresh_lock(user.account(), now, now + LOCK_SECONDS)
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
        stored_user = user.options.adapter.get_user(user.id)
        assert stored_user is not None
        user.options.adapter.refresh_user(stored_user, replace(user.account(), tokens=new_tokens))

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
    user.op.before["/token"] = lambda: user.options.adapter.delete_user(user.id)
    user.clock.advance(HOUR)
    assert outcome(user.token) is ReauthorizationRequired
    assert user.options.adapter.list_accounts(user.id) == []


def test_the_first_usable_account_or_the_named_one_gives_the_token(user: UserClient) -> None:
    for subject, access_tokens in {"a-dead": {}, "b-expired": {"access_token": "at-b", "expires_at": 1}}.items():
        user.options.adapter.link_account(user.id, Account("oidc", subject, "oidc", access_tokens))
    assert user.token() == user.options.adapter.get_account("oidc", "visitor-1").tokens["access_token"]  # type: ignore[union-attr]  # it exists
    for subject in ("a-dead", "b-expired", "unknown"):
        with pytest.raises(ReauthorizationRequired):
            access_token(user.id, "oidc", user.options, provider_account_id=subject)


def test_an_unknown_provider_raises_invalid_provider(user: UserClient) -> None:
    with pytest.raises(InvalidProvider):
        access_token(user.id, "google", user.options)


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
    slow = replace(user.options, adapter=SlowAdapter(user.options.adapter, user.token))
    assert access_token(user.id, "oidc", slow) == user.account().tokens["access_token"]
    assert len(user.op.refreshes) == 1
    assert user.account().refresh_locked_until is None


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
    failing = replace(user.options, adapter=ReadOnlyAdapter(user.options.adapter))
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
    failing = replace(user.options, adapter=ReadOnlyAdapter(user.options.adapter))
    user.clock.advance(HOUR)
    assert access_token(user.id, "oidc", failing)
    assert outcome(user.token) is ReauthorizationRequired
    assert user.lost() == 1
    user.sign_in_as()
    assert user.token() == user.account().tokens["access_token"]


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
def test_an_unrotated_refresh_token_survives_a_failed_update(user: UserClient) -> None:
    user.op.refreshing = "keep"
    failing = replace(user.options, adapter=ReadOnlyAdapter(user.options.adapter))
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
