"""What every adapter promises, asked of SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from genkan.adapters import RETENTION_SECONDS, Adapter, token_columns
from genkan.errors import AdapterError, OAuthAccountNotLinked
from genkan.types import Account, User
from tests.clock import FrozenClock

NOW = 1_800_000_000.0
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


def test_an_id_that_is_given_is_kept(adapter: Adapter) -> None:
    user, _ = adapter.create_user(replace(ADA, id="9f1c", role="owner"), account())
    assert (user.id, user.role) == ("9f1c", "owner")


def test_nobody_is_found_where_nobody_is(adapter: Adapter) -> None:
    adapter.create_user(ADA, account())
    assert adapter.get_user("nobody") is None
    assert adapter.get_user("") is None
    assert adapter.get_user_by_email("nobody@example.org") is None
    assert adapter.get_user_by_account("hub", "nobody") is None
    assert adapter.get_user_by_account("other", "ada-at-hub") is None
    assert adapter.get_account("other", "ada-at-hub") is None


def test_creating_the_same_account_again_gives_the_first_user_unchanged(adapter: Adapter) -> None:
    first, _ = adapter.create_user(ADA, account())
    again, created = adapter.create_user(replace(ADA, name="Someone else"), account())
    assert (again, created) == (first, False)


def test_twenty_threads_that_create_one_person_at_once_make_one_user(adapter: Adapter) -> None:
    barrier = Barrier(20, timeout=30)

    def create(_: int) -> tuple[User, bool]:
        barrier.wait()
        return adapter.create_user(ADA, account())

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(create, range(20)))
    assert sum(created for _, created in results) == 1
    assert {user.id for user, _ in results} == {user.id for user in adapter.list_users()}
    assert len(adapter.list_users()) == 1


def test_an_address_that_belongs_to_another_account_is_refused_and_leaves_nothing(adapter: Adapter) -> None:
    adapter.create_user(ADA, account())
    with pytest.raises(OAuthAccountNotLinked):
        adapter.create_user(replace(BOB, email="ADA@EXAMPLE.ORG"), account("bob-at-hub"))
    assert adapter.get_user_by_account("hub", "bob-at-hub") is None
    assert len(adapter.list_users()) == 1


def test_one_subject_at_two_providers_is_two_people(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, account("1", "hub"))
    bob, created = adapter.create_user(BOB, account("1", "lab"))
    assert created
    assert ada.id != bob.id


def test_users_without_an_address_do_not_collide(adapter: Adapter) -> None:
    first, _ = adapter.create_user(replace(ADA, email=None), account("1"))
    second, created = adapter.create_user(replace(ADA, email=None), account("2"))
    assert created
    assert first.id != second.id
    assert first.email is None


def test_a_later_sign_in_refreshes_name_and_image_but_neither_address_nor_role(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    said = User(user.id, "Ada L.", "new@example.org", "https://img.example/new.png", "owner")
    updated = adapter.refresh_user(said, account())
    assert updated == replace(user, name="Ada L.", image="https://img.example/new.png")
    assert adapter.get_user(user.id) == updated


def test_what_the_provider_does_not_say_stays(adapter: Adapter) -> None:
    user, _ = adapter.create_user(replace(ADA, email_verified=VERIFIED), account())
    assert adapter.refresh_user(User(user.id), account()) == user


def test_a_verification_counts_for_the_stored_address_only(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    other = replace(user, email="new@example.org", email_verified=VERIFIED)
    assert adapter.refresh_user(other, account()).email_verified is None
    same = replace(user, email="ADA@example.org", email_verified=VERIFIED)
    assert adapter.refresh_user(same, account()).email_verified == VERIFIED


def test_a_later_sign_in_replaces_the_tokens_and_keeps_an_unmentioned_refresh_token(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    adapter.refresh_user(user, account(access_token="at-2", scope="openid"))
    stored = adapter.get_account("hub", "ada-at-hub")
    assert stored is not None
    assert (stored.user_id, stored.type) == (user.id, "oidc")
    assert stored.tokens == {"access_token": "at-2", "refresh_token": "rt-1", "scope": "openid"}


def test_updating_somebody_who_is_gone_is_a_store_error(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    with pytest.raises(AdapterError):
        adapter.refresh_user(user, account("nobody"))
    with pytest.raises(AdapterError):
        adapter.refresh_user(replace(user, id="nobody"), account())


def test_linking_adds_a_way_in_and_twice_is_as_good_as_once(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    for _ in range(2):
        adapter.link_account(user.id, account("ada-at-lab", "lab"))
    assert adapter.get_user_by_account("lab", "ada-at-lab") == user


def test_linking_what_belongs_to_somebody_else_is_refused(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, account())
    bob, _ = adapter.create_user(BOB, account("bob-at-hub"))
    with pytest.raises(OAuthAccountNotLinked):
        adapter.link_account(bob.id, account())
    assert adapter.get_user_by_account("hub", "ada-at-hub") == ada


def test_linking_to_nobody_is_a_store_error(adapter: Adapter) -> None:
    with pytest.raises(AdapterError):
        adapter.link_account("nobody", account())
    assert adapter.get_account("hub", "ada-at-hub") is None


def test_an_id_is_spent_exactly_once(adapter: Adapter) -> None:
    assert adapter.use_once("state-1", NOW + 600)
    assert not adapter.use_once("state-1", NOW + 600)
    assert adapter.use_once("state-2", NOW + 600)


def test_twenty_threads_that_spend_one_id_find_one_winner(adapter: Adapter) -> None:
    barrier = Barrier(20, timeout=30)

    def spend(_: int) -> bool:
        barrier.wait()
        return adapter.use_once("state", NOW + 600)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(spend, range(20))) == 1


def test_a_spent_id_is_remembered_past_its_end_and_then_forgotten(adapter: Adapter, clock: FrozenClock) -> None:
    assert adapter.use_once("state", NOW + 10)
    clock.now = NOW + 10 + RETENTION_SECONDS / 2
    assert not adapter.use_once("state", NOW + 10)
    clock.now = NOW + 1000
    assert adapter.use_once("another", NOW + 2000)
    assert adapter.use_once("state", NOW + 2000)


@pytest.mark.parametrize("id", ["", "x" * 10_000, "nul\0", "\ufffd", "'; DROP TABLE users"])
def test_any_text_can_be_spent(adapter: Adapter, id: str) -> None:
    assert adapter.use_once(id, NOW + 600)
    assert not adapter.use_once(id, NOW + 600)


def test_everybody_is_listed_by_address(adapter: Adapter) -> None:
    adapter.create_user(BOB, account("2"))
    adapter.create_user(ADA, account("1"))
    adapter.create_user(User(id="", name="Nameless"), account("3"))
    assert [user.email for user in adapter.list_users()] == [None, "ada@example.org", "bob@example.org"]


def test_a_role_is_given_to_one_user(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    adapter.create_user(BOB, account("bob"))
    assert adapter.update_user(user.id, role="owner") == replace(user, role="owner")
    assert adapter.update_user("nobody", role="owner") is None
    assert [user.role for user in adapter.list_users()] == ["owner", "user"]


def test_several_fields_change_at_once_and_none_where_none_is_given(adapter: Adapter) -> None:
    user, _ = adapter.create_user(ADA, account())
    changed = replace(user, name="Countess", name_overridden=True, role="owner", disabled=True)
    assert adapter.update_user(user.id) == user
    assert adapter.update_user(user.id, name="Countess", role="owner", disabled=True) == changed
    assert adapter.update_user(user.id) == adapter.get_user(user.id) == changed


def test_of_a_token_answer_only_the_known_columns_in_their_types_are_kept() -> None:
    kept = token_columns({"access_token": ["no"], "scope": "openid", "expires_at": 12.7, "expires_in": 5, "x": "y"})
    assert kept["scope"] == "openid"
    assert kept["expires_at"] == 12
    assert {name for name, value in kept.items() if value is not None} == {"scope", "expires_at"}


@pytest.mark.parametrize("value", ["12", True, -1, 2**63, float("nan"), float("inf"), None])
def test_an_expiry_that_is_no_moment_is_left_out(value: object) -> None:
    assert token_columns({"expires_at": value})["expires_at"] is None


def test_what_was_spent_and_has_expired_is_dropped_and_what_has_not_is_not(
    adapter: Adapter, clock: FrozenClock
) -> None:
    clock.now = NOW
    for id, expires in (("over", NOW + 10), ("over too", NOW + 11), ("not over", NOW + 900)):
        assert adapter.use_once(id, expires)
    assert adapter.purge(NOW + 500) == 2
    assert adapter.purge(NOW + 500) == 0
    assert adapter.use_once("over", NOW + 900)
    assert not adapter.use_once("not over", NOW + 900)
