"""Behaviour of every adapter, tested with SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from genkan.adapters import Adapter, token_columns
from genkan.adapters.sessions import RETENTION_SECONDS
from genkan.errors import AdapterError, OAuthAccountNotLinked
from genkan.types import Account, User
from tests.clock import START, FrozenClock

NOW = START
VERIFIED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
TOKENS = {"access_token": "at-1", "refresh_token": "rt-1", "id_token": "it-1", "expires_at": 1_800_003_600}
ADA = User(id="", name="Ada", email="Ada@Example.org", image="https://img.example/ada.png")
BOB = User(id="", name="Bob", email="bob@example.org")


def account(subject: str = "ada-at-hub", provider: str = "hub", **tokens: Any) -> Account:
    return Account(provider=provider, provider_account_id=subject, type="oidc", tokens=tokens or TOKENS)


def test_a_first_sign_in_creates_the_user_and_the_account(adapter: Adapter) -> None:
    user, created = adapter.create_user(replace(ADA, email_verified=VERIFIED), account())
    assert created
    assert user.id
    assert user == User(user.id, "Ada", "ada@example.org", ADA.image, "user", VERIFIED)
    assert adapter.get_user(user.id) == user
    assert adapter.get_user_by_account("hub", "ada-at-hub") == user
    assert adapter.get_user_by_email("ADA@example.ORG") == user
    assert adapter.list_users() == [user]


def test_a_given_user_id_is_kept(adapter: Adapter) -> None:
    user, _ = adapter.create_user(replace(ADA, id="9f1c", role="owner"), account())
    assert (user.id, user.role) == ("9f1c", "owner")


def test_unknown_users_and_accounts_are_none(adapter: Adapter) -> None:
    adapter.create_user(ADA, account())
    assert adapter.get_user("unknown") is None
    assert adapter.get_user("") is None
    assert adapter.get_user_by_email("unknown@example.org") is None
    assert adapter.get_user_by_account("hub", "unknown") is None
    assert adapter.get_user_by_account("other", "ada-at-hub") is None
    assert adapter.get_account("other", "ada-at-hub") is None


def test_creating_an_existing_account_returns_its_user_unchanged(adapter: Adapter) -> None:
    first, _ = adapter.create_user(ADA, account())
    second, created = adapter.create_user(replace(ADA, name="Another name"), account())
    assert (second, created) == (first, False)


def test_concurrent_calls_for_one_account_create_one_user(adapter: Adapter) -> None:
    barrier = Barrier(20, timeout=30)

    def create(_: int) -> tuple[User, bool]:
        barrier.wait()
        return adapter.create_user(ADA, account())

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(create, range(20)))
    assert sum(created for _, created in results) == 1
    assert {user.id for user, _ in results} == {user.id for user in adapter.list_users()}
    assert len(adapter.list_users()) == 1


def test_an_email_address_of_another_user_is_refused_and_nothing_is_stored(adapter: Adapter) -> None:
    adapter.create_user(ADA, account())
    with pytest.raises(OAuthAccountNotLinked):
        adapter.create_user(replace(BOB, email="ADA@EXAMPLE.ORG"), account("bob-at-hub"))
    assert adapter.get_user_by_account("hub", "bob-at-hub") is None
    assert len(adapter.list_users()) == 1


def test_the_same_subject_at_two_providers_is_two_users(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, account("1", "hub"))
    bob, created = adapter.create_user(BOB, account("1", "lab"))
    assert created
    assert ada.id != bob.id


def test_several_users_may_have_no_email_address(adapter: Adapter) -> None:
    first, _ = adapter.create_user(replace(ADA, email=None), account("1"))
    second, created = adapter.create_user(replace(ADA, email=None), account("2"))
    assert created
    assert first.id != second.id
    assert first.email is None


def test_a_later_sign_in_updates_name_and_image_but_not_email_and_role(adapter: Adapter) -> None:
    user, _ = adapter.create_user(replace(ADA, email_verified=VERIFIED), account())
    profile = User(user.id, "Ada L.", "new@example.org", "https://img.example/new.png", "owner")
    updated = adapter.refresh_user(profile, account())
    assert updated == replace(user, name="Ada L.", image="https://img.example/new.png")
    assert adapter.get_user(user.id) == updated


def test_a_later_sign_in_keeps_fields_that_the_provider_does_not_send(adapter: Adapter) -> None:
    user, _ = adapter.create_user(replace(ADA, email_verified=VERIFIED), account())
    assert adapter.refresh_user(User(user.id), account()) == user


def test_a_later_sign_in_replaces_the_tokens_but_keeps_a_refresh_token_that_is_not_sent(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    adapter.refresh_user(user, account(access_token="at-2", scope="openid"))
    stored = adapter.get_account("hub", "ada-at-hub")
    assert stored is not None
    assert (stored.user_id, stored.type) == (user.id, "oidc")
    assert stored.tokens == {"access_token": "at-2", "refresh_token": "rt-1", "scope": "openid"}


def test_refreshing_a_user_or_account_that_does_not_exist_is_an_adapter_error(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    with pytest.raises(AdapterError):
        adapter.refresh_user(user, account("unknown"))
    with pytest.raises(AdapterError):
        adapter.refresh_user(replace(user, id="unknown"), account())


def test_an_account_can_be_linked_twice_to_the_same_user(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    for _ in range(2):
        adapter.link_account(user.id, account("ada-at-lab", "lab"))
    assert adapter.get_user_by_account("lab", "ada-at-lab") == user


def test_linking_an_account_of_another_user_is_refused(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, account())
    bob, _ = adapter.create_user(BOB, account("bob-at-hub"))
    with pytest.raises(OAuthAccountNotLinked):
        adapter.link_account(bob.id, account())
    assert adapter.get_user_by_account("hub", "ada-at-hub") == ada


def test_linking_to_an_unknown_user_is_an_adapter_error(adapter: Adapter) -> None:
    with pytest.raises(AdapterError):
        adapter.link_account("unknown", account())
    assert adapter.get_account("hub", "ada-at-hub") is None


def test_an_id_can_be_used_once(adapter: Adapter) -> None:
    assert adapter.use_once("state-1", NOW + 600)
    assert not adapter.use_once("state-1", NOW + 600)
    assert adapter.use_once("state-2", NOW + 600)


def test_one_of_many_concurrent_calls_uses_an_id(adapter: Adapter) -> None:
    barrier = Barrier(20, timeout=30)

    def use(_: int) -> bool:
        barrier.wait()
        return adapter.use_once("state", NOW + 600)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(use, range(20))) == 1


def test_a_used_id_is_known_until_it_is_deleted(adapter: Adapter, clock: FrozenClock) -> None:
    assert not adapter.is_used("state")
    assert adapter.use_once("state", NOW + 10)
    assert adapter.is_used("state")
    assert not adapter.is_used("another")
    clock.now = NOW + 10 + RETENTION_SECONDS / 2
    assert adapter.purge() == 0
    assert adapter.is_used("state")
    assert not adapter.use_once("state", NOW + 10)


def test_looking_up_an_id_does_not_use_it(adapter: Adapter) -> None:
    assert not adapter.is_used("state")
    assert adapter.use_once("state", NOW + 10)


@pytest.mark.parametrize("id", ["", "x" * 10_000, "nul\0", "\ufffd", "'; DROP TABLE users"])
def test_any_text_is_a_valid_id(adapter: Adapter, id: str) -> None:
    assert adapter.use_once(id, NOW + 600)
    assert not adapter.use_once(id, NOW + 600)


def test_users_are_listed_by_email_address(adapter: Adapter) -> None:
    adapter.create_user(BOB, account("2"))
    adapter.create_user(ADA, account("1"))
    adapter.create_user(User(id="", name="Nameless"), account("3"))
    assert [user.email for user in adapter.list_users()] == [None, "ada@example.org", "bob@example.org"]


def test_a_role_changes_for_one_user_only(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    adapter.create_user(BOB, account("bob"))
    assert adapter.update_user(user.id, role="owner") == replace(user, role="owner")
    assert adapter.update_user("unknown", role="owner") is None
    assert [user.role for user in adapter.list_users()] == ["owner", "user"]


def test_update_user_changes_several_fields_or_none(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    changed = replace(user, name="Countess", name_overridden=True, role="owner", disabled=True)
    assert adapter.update_user(user.id) == user
    assert adapter.update_user(user.id, name="Countess", role="owner", disabled=True) == changed
    assert adapter.update_user(user.id) == adapter.get_user(user.id) == changed


def test_only_known_token_fields_of_the_right_type_are_stored() -> None:
    columns = token_columns({"access_token": ["no"], "scope": "openid", "expires_at": 12.7, "expires_in": 5, "x": "y"})
    assert columns["scope"] == "openid"
    assert columns["expires_at"] == 12
    assert {name for name, value in columns.items() if value is not None} == {"scope", "expires_at"}


@pytest.mark.parametrize("value", ["12", True, -1, 2**63, float("nan"), float("inf"), None])
def test_an_invalid_expiry_is_left_out(value: object) -> None:
    assert token_columns({"expires_at": value})["expires_at"] is None


def test_purge_deletes_used_ids_that_have_expired_only(adapter: Adapter, clock: FrozenClock) -> None:
    for id, expires in (("expired", NOW + 10), ("also expired", NOW + 11), ("valid", NOW + RETENTION_SECONDS)):
        assert adapter.use_once(id, expires)
    clock.now = NOW + RETENTION_SECONDS + 500
    deleted = []
    for _ in range(30):
        deleted.append(adapter.purge())
        clock.advance(3600)
    assert sum(deleted) == 2
    assert deleted[-1] == 0
    assert adapter.use_once("expired", NOW + 2 * RETENTION_SECONDS)
    assert not adapter.use_once("valid", NOW + 2 * RETENTION_SECONDS)
