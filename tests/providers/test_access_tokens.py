"""A provider's token for somebody: good, renewed once for all who ask, or one error that says what helps (O18, F21)."""

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
    on_disk = f"sqlite:///{tmp_path}/house.db"
    url = on_disk if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    app = make_app(**provider_env(op), AUTH_DEVELOPMENT_PROVIDER="off", DATABASE_URL=url)
    yield app
    get_state(app).core.adapter._database.close()  # type: ignore[attr-defined]  # nobody else has to


class Person(ProviderClient):
    """Somebody who is signed in, and whose first access token has an hour to live."""

    def __init__(self, app: Flask, op: FaultyProvider) -> None:
        super().__init__(app, op)
        self.options: Core = get_state(app).core
        self.sign_in_as()
        self.id = str((self.session() or {})["user"]["id"])

    def token(self) -> str:
        """What a view would be given."""
        return access_token(self.id, "oidc", self.options)

    def account(self) -> Account:
        """As it is stored."""
        [account] = self.options.adapter.list_accounts(self.id)
        return account

    def lost(self) -> int:
        """How often they were told that the connection is lost."""
        return [news.kind for news in self.options.session_store.list_activity(self.id, 100)].count("connection-lost")


@pytest.fixture(name="person")
def _person(provider_app: Flask, op: FaultyProvider) -> Person:
    op.refreshing = "rotate"
    return Person(provider_app, op)


def outcome(act: Callable[[], str]) -> str | type[Exception]:
    """The token, or what was raised in its place."""
    try:
        return act()
    except (ReauthorizationRequired, ProviderUnavailable, ProviderError, AdapterError) as error:
        return type(error)


def test_a_token_that_lives_is_given_without_asking(person: Person) -> None:
    person.clock.advance(HOUR - 31)
    assert person.token() == person.account().tokens["access_token"]
    assert person.op.refreshes == []


def test_a_token_that_has_half_a_minute_left_is_renewed(person: Person) -> None:
    before = person.account().tokens
    person.clock.advance(HOUR - 30)
    token = person.token()
    after = person.account().tokens
    assert token == after["access_token"] != before["access_token"]
    assert after["expires_at"] == person.clock() + HOUR
    assert person.op.refreshes == [before["refresh_token"]]
    assert person.account().refresh_locked_until is None
    assert person.token() == token


def test_a_rotated_refresh_token_is_the_next_one_used(person: Person) -> None:
    used = []
    for _ in range(3):
        used.append(person.account().tokens["refresh_token"])
        person.clock.advance(HOUR)
        person.token()
    assert person.op.refreshes == used
    assert len(set(used)) == 3


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("refreshing", ["keep", "silent"])
def test_a_refresh_token_that_is_not_replaced_is_kept(person: Person, refreshing: Any) -> None:
    person.op.refreshing = refreshing
    first = person.account().tokens
    for _ in range(2):
        person.clock.advance(HOUR)
        person.token()
    assert person.op.refreshes == [first["refresh_token"]] * 2
    assert person.account().tokens["refresh_token"] == first["refresh_token"]


def test_an_answer_without_a_new_id_token_keeps_the_first(person: Person) -> None:
    person.op.faults = Faults(token="no-id-token")
    first = person.account().tokens["id_token"]
    person.clock.advance(HOUR)
    person.token()
    assert person.account().tokens["id_token"] == first


def test_an_answer_that_names_no_end_gives_a_token_without_one(person: Person) -> None:
    person.op.expires_in = 0
    person.clock.advance(HOUR)
    token = person.token()
    person.clock.advance(100 * HOUR)
    assert person.token() == token


def test_twenty_who_ask_at_once_make_one_call_and_get_one_token(person: Person) -> None:
    person.op.before["/token"] = lambda: time.sleep(0.02)
    for round in range(1, 6):
        person.clock.advance(HOUR)
        given = run_parallel(*[person.token] * 20)
        assert set(given) == {person.account().tokens["access_token"]}
        assert len(person.op.refreshes) == round


def test_one_invalid_grant_ends_the_connection_for_twenty_and_not_the_session(person: Person) -> None:
    person.op.faults = Faults(token="invalid-grant")
    person.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(person.token)] * 20)) == {ReauthorizationRequired}
    assert len(person.op.refreshes) == 1
    assert person.account().tokens == {}
    assert person.lost() == 1
    assert person.name() == "Vera Visitor"
    with pytest.raises(ReauthorizationRequired) as caught:
        person.token()
    assert caught.value.provider == "oidc"
    assert len(person.op.refreshes) == 1


def test_signing_in_there_again_connects_again(person: Person) -> None:
    person.op.faults = Faults(token="invalid-grant")
    person.clock.advance(HOUR)
    assert outcome(person.token) is ReauthorizationRequired
    person.op.faults = Faults()
    person.sign_in_as()
    assert person.token() == person.account().tokens["access_token"]
    person.clock.advance(HOUR)
    assert person.token() == person.account().tokens["access_token"]


def test_an_expired_token_without_a_refresh_token_ends_the_connection(provider_app: Flask, op: FaultyProvider) -> None:
    person = Person(provider_app, op)
    assert person.token()
    person.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(person.token)] * 5)) == {ReauthorizationRequired}
    assert op.refreshes == []
    assert person.account().tokens == {}
    assert person.lost() == 1


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["500", "503", "reset", "invalid-client", "html", "no-access-token", "html-error"])
def test_trouble_at_the_provider_costs_nothing_but_time(person: Person, fault: Any) -> None:
    person.clock.advance(HOUR)
    before = person.account()
    person.op.faults = Faults(token=fault)
    person.op.refreshing = "keep"
    assert outcome(person.token) in (ProviderUnavailable, ProviderError)
    assert person.account() == before
    person.op.faults = Faults()
    assert person.token() == person.account().tokens["access_token"]
    assert person.lost() == 0


def test_twenty_who_ask_a_provider_that_is_down_make_one_call(person: Person) -> None:
    person.op.faults = Faults(token="500")
    person.op.before["/token"] = lambda: time.sleep(0.3)
    person.clock.advance(HOUR)
    assert set(run_parallel(*[lambda: outcome(person.token)] * 20)) == {ProviderUnavailable}
    assert len(person.op.refreshes) == 1


def test_a_provider_that_hangs_holds_nobody_longer_than_the_bound(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_client, "PROVIDER_TIMEOUT", 0.5)
    monkeypatch.setattr(tokens, "WAIT_TIMEOUT", 0.2)
    person.op.faults = Faults(token="hang")
    person.op.refreshing = "keep"
    person.clock.advance(HOUR)
    began = time.monotonic()
    assert set(run_parallel(*[lambda: outcome(person.token)] * 10)) == {ProviderUnavailable}
    assert time.monotonic() - began < 5
    assert len(person.op.refreshes) <= 1
    person.op.faults = Faults()
    assert person.token()


def test_an_answer_that_is_lost_after_a_rotation_ends_in_reconnecting_and_not_in_a_loop(person: Person) -> None:
    person.op.faults = Faults(token="reset")
    person.clock.advance(HOUR)
    assert outcome(person.token) is ProviderUnavailable
    person.op.faults = Faults()
    assert [outcome(person.token) for _ in range(3)] == [ReauthorizationRequired] * 3
    assert len(person.op.refreshes) == 2


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "changed", [{"sub": "somebody-else"}, {"iss": "https://elsewhere.example"}, {"aud": "another"}]
)
def test_an_id_token_about_somebody_else_ends_the_connection(person: Person, changed: dict[str, str]) -> None:
    faults = {"iss": "wrong-iss", "aud": "wrong-aud"}
    [name] = changed
    person.op.refreshed_claims = changed if name == "sub" else {}
    person.op.faults = Faults(id_token=faults.get(name))  # type: ignore[arg-type]  # names of its own
    person.clock.advance(HOUR)
    assert outcome(person.token) is ReauthorizationRequired
    assert person.account().tokens == {}
    assert person.lost() == 1


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["wrong-key", "alg-none", "wrong-at-hash", "wrong-azp"])
def test_an_id_token_that_fails_a_check_is_not_kept_but_no_token_is_lost_for_it(person: Person, fault: Any) -> None:
    first = person.account().tokens
    person.op.faults = Faults(id_token=fault)
    person.clock.advance(HOUR)
    token = person.token()
    stored = person.account().tokens
    assert stored["access_token"] == token
    assert stored["id_token"] == first["id_token"]
    assert stored["refresh_token"] != first["refresh_token"]


def test_whoever_dies_with_the_lease_is_waited_for_until_it_runs_out(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.clock.advance(HOUR)
    now = person.clock()
    assert person.options.adapter.acquire_refresh_lock(person.account(), now, now + LOCK_SECONDS)
    with monkeypatch.context() as hurry:
        hurry.setattr(tokens, "WAIT_TIMEOUT", 0.1)
        assert outcome(person.token) is ProviderUnavailable
    assert person.op.refreshes == []
    person.clock.advance(LOCK_SECONDS)
    assert len(set(run_parallel(*[person.token] * 10))) == 1
    assert len(person.op.refreshes) == 1


def test_a_sign_in_in_the_middle_of_a_refresh_wins(person: Person) -> None:
    fresh = {"access_token": "at-2", "refresh_token": "rt-2", "expires_at": int(person.clock()) + 9 * HOUR}

    def sign_in() -> None:
        user = person.options.adapter.get_user(person.id)
        assert user is not None
        person.options.adapter.refresh_user(user, replace(person.account(), tokens=fresh))

    for fault in (None, "invalid-grant"):
        person.clock.advance(2 * HOUR)
        person.sign_in_as()
        person.op.faults = Faults(token=fault)
        person.op.before["/token"] = sign_in
        person.clock.advance(HOUR)
        assert person.token() == "at-2"
        assert person.account().tokens["refresh_token"] == "rt-2"
        assert person.account().refresh_locked_until is None
        person.op.before.clear()
    assert person.lost() == 0


def test_an_account_that_goes_in_the_middle_stays_gone(person: Person) -> None:
    person.op.before["/token"] = lambda: person.options.adapter.delete_user(person.id)
    person.clock.advance(HOUR)
    assert outcome(person.token) is ReauthorizationRequired
    assert person.options.adapter.list_accounts(person.id) == []


def test_of_several_accounts_the_first_that_can_gives_the_token_or_the_one_that_is_named(person: Person) -> None:
    for subject, given in {"a-dead": {}, "b-expired": {"access_token": "at-b", "expires_at": 1}}.items():
        person.options.adapter.link_account(person.id, Account("oidc", subject, "oidc", given))
    assert person.token() == person.options.adapter.get_account("oidc", "visitor-1").tokens["access_token"]  # type: ignore[union-attr]  # it is there
    for subject in ("a-dead", "b-expired", "nobodys"):
        with pytest.raises(ReauthorizationRequired):
            access_token(person.id, "oidc", person.options, provider_account_id=subject)


def test_a_provider_that_is_not_on_is_named_as_such(person: Person) -> None:
    with pytest.raises(InvalidProvider):
        access_token(person.id, "google", person.options)


class Late:
    """An adapter whose caller is overtaken between seeing an expired token and taking the lease."""

    def __init__(self, adapter: Any, overtaken_by: Callable[[], object]) -> None:
        self._adapter = adapter
        self._overtaken_by = overtaken_by

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def lease_refresh(self, *given: Any) -> bool:
        """Take it when somebody else is done with it."""
        self._overtaken_by()
        return bool(self._adapter.lease_refresh(*given))


def test_whoever_takes_the_lease_when_all_is_done_asks_nobody(person: Person) -> None:
    person.clock.advance(HOUR)
    late = replace(person.options, adapter=Late(person.options.adapter, person.token))
    assert access_token(person.id, "oidc", late) == person.account().tokens["access_token"]
    assert len(person.op.refreshes) == 1
    assert person.account().refresh_locked_until is None


class Refusing:
    """An adapter whose store takes no new tokens."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def replace_tokens(self, *_: Any) -> bool:
        """Refuse."""
        raise AdapterError("read-only")


def test_tokens_that_cannot_be_stored_are_used_once_and_logged_without_them(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    before = person.account()
    failing = replace(person.options, adapter=Refusing(person.options.adapter))
    person.clock.advance(HOUR)
    token = access_token(person.id, "oidc", failing)
    assert person.op.refreshes == [before.tokens["refresh_token"]]
    assert token != before.tokens["access_token"]
    assert person.account() == before
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    logged = repr(vars(record))
    assert ("oidc" in logged, person.id in logged) == (True, True)
    assert token not in logged
    assert before.tokens["refresh_token"] not in logged


def test_after_tokens_were_not_stored_the_user_connects_again(person: Person) -> None:
    failing = replace(person.options, adapter=Refusing(person.options.adapter))
    person.clock.advance(HOUR)
    assert access_token(person.id, "oidc", failing)
    assert outcome(person.token) is ReauthorizationRequired
    assert person.lost() == 1
    person.sign_in_as()
    assert person.token() == person.account().tokens["access_token"]


@pytest.mark.parametrize("provider_app", ["sqlite"], indirect=True)
def test_a_refresh_token_that_is_not_replaced_survives_a_store_that_fails(person: Person) -> None:
    person.op.refreshing = "keep"
    failing = replace(person.options, adapter=Refusing(person.options.adapter))
    person.clock.advance(HOUR)
    assert access_token(person.id, "oidc", failing)
    assert person.token() == person.account().tokens["access_token"]
    assert person.lost() == 0


@pytest.mark.parametrize("provider_app", ["postgresql"], indirect=True)
def test_a_database_that_dies_while_the_provider_rotates_ends_in_reconnecting(
    person: Person, postgres_server: PostgreSQL
) -> None:
    before = person.account().tokens
    person.op.before["/token"] = postgres_server.stop
    person.clock.advance(HOUR)
    try:
        assert person.token() != before["access_token"]
    finally:
        postgres_server.start()
    person.op.before.clear()
    assert person.account().tokens == before
    person.clock.advance(LOCK_SECONDS)
    assert outcome(person.token) is ReauthorizationRequired
    person.sign_in_as()
    assert person.token() == person.account().tokens["access_token"]
