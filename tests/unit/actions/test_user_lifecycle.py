"""Users and accounts after the first sign-in, in every adapter: accounts, names, refresh locks and deletion."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from genkan.adapters import Adapter
from genkan.errors import LastAccountError
from genkan.types import Account, User

NOW = 1_800_000_000.0
TOKENS = {"access_token": "at-1", "refresh_token": "rt-1", "expires_at": 1_800_003_600}
ADA = User(id="", name="Ada", email="Ada@Example.org")
BOB = User(id="", name="Bob", email="bob@example.org")
AT_HUB = Account("hub", "ada-at-hub", "oidc", TOKENS)
AT_LAB = Account("lab", "ada-at-lab", "oauth", {"access_token": "at-2"})
AT_OFF = Account("off", "ada-at-off", "oidc")
ENABLED = {"hub", "lab"}
"""Enabled providers."""


def test_accounts_are_listed_with_their_tokens(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_LAB)
    adapter.create_user(BOB, Account("hub", "bob-at-hub", "oidc"))
    adapter.link_account(ada.id, AT_HUB)
    assert adapter.list_accounts(ada.id) == [replace(AT_HUB, user_id=ada.id), replace(AT_LAB, user_id=ada.id)]
    assert adapter.list_accounts("unknown") == []


def test_only_the_account_s_own_user_can_unlink_it(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    bob, _ = adapter.create_user(BOB, Account("hub", "bob-at-hub", "oidc"))
    adapter.link_account(ada.id, AT_LAB)
    assert not adapter.unlink_account(bob.id, "lab", "ada-at-lab", enabled_providers=ENABLED)
    assert adapter.unlink_account(ada.id, "lab", "ada-at-lab", enabled_providers=ENABLED)
    assert not adapter.unlink_account(ada.id, "lab", "ada-at-lab", enabled_providers=ENABLED)
    assert adapter.get_user_by_account("lab", "ada-at-lab") is None
    assert adapter.get_user_by_account("hub", "ada-at-hub") == ada


def test_the_last_account_is_not_unlinked(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    with pytest.raises(LastAccountError):
        adapter.unlink_account(ada.id, "hub", "ada-at-hub", enabled_providers=ENABLED)
    assert adapter.get_user_by_account("hub", "ada-at-hub") == ada


def test_an_account_of_a_disabled_provider_does_not_count_as_the_last_one(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    adapter.link_account(ada.id, AT_OFF)
    adapter.link_account(ada.id, AT_LAB)
    for account in (AT_HUB, AT_OFF, AT_LAB):
        with pytest.raises(LastAccountError):
            adapter.unlink_account(ada.id, account.provider, account.provider_account_id, enabled_providers=())
    assert adapter.unlink_account(ada.id, "hub", "ada-at-hub", enabled_providers=ENABLED)
    with pytest.raises(LastAccountError):
        adapter.unlink_account(ada.id, "lab", "ada-at-lab", enabled_providers=ENABLED)
    assert adapter.unlink_account(ada.id, "off", "ada-at-off", enabled_providers=ENABLED)
    assert [account.provider for account in adapter.list_accounts(ada.id)] == ["lab"]


def test_of_two_accounts_that_are_unlinked_concurrently_one_is_kept(adapter: Adapter) -> None:
    """The account of a disabled provider does not count, because the user cannot sign in with it."""
    ada, _ = adapter.create_user(ADA, AT_HUB)
    adapter.link_account(ada.id, AT_OFF)
    barrier = Barrier(2, timeout=30)

    def unlink(account: Account) -> bool:
        barrier.wait()
        try:
            return adapter.unlink_account(
                ada.id, account.provider, account.provider_account_id, enabled_providers=ENABLED
            )
        except LastAccountError:
            return False

    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            for account in (AT_HUB, AT_LAB):
                adapter.link_account(ada.id, account)
            assert sum(pool.map(unlink, (AT_HUB, AT_LAB))) == 1
            assert len(adapter.list_accounts(ada.id)) == 2


def test_a_user_is_disabled_and_enabled(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    assert not ada.disabled
    assert adapter.update_user(ada.id, disabled=True) == replace(ada, disabled=True)
    assert adapter.update_user(ada.id, disabled=True) == replace(ada, disabled=True)
    assert adapter.get_user(ada.id) == replace(ada, disabled=True)
    assert adapter.refresh_user(User(ada.id, "Ada L."), AT_HUB).disabled
    assert adapter.update_user(ada.id, disabled=False) == replace(ada, name="Ada L.")
    assert adapter.update_user("unknown", disabled=True) is None


def test_disabling_a_user_without_email_affects_no_other_user(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(replace(ADA, email=None), AT_HUB)
    bob, _ = adapter.create_user(BOB, Account("hub", "bob-at-hub", "oidc"))
    for id in (ada.id, ada.id, "unknown", "a\0b"):
        adapter.update_user(id, disabled=True)
    assert adapter.get_user(ada.id) == replace(ada, disabled=True)
    assert adapter.get_user(bob.id) == bob


def test_a_name_set_by_the_user_is_kept_at_later_sign_ins(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    assert adapter.refresh_user(User(ada.id, "Ada of the Hub"), AT_HUB).name == "Ada of the Hub"
    adapter.update_user(ada.id, name="Countess")

    assert (
        adapter.refresh_user(User(ada.id, "Ada of the Hub", image="https://hub.example/ada"), AT_HUB).name == "Countess"
    )
    assert adapter.get_user(ada.id) == replace(ada, name="Countess", image="https://hub.example/ada")


def test_a_user_is_renamed(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    adapter.create_user(BOB, Account("hub", "bob-at-hub", "oidc"))
    assert adapter.update_user(ada.id, name="Countess") == replace(ada, name="Countess")
    assert adapter.update_user("unknown", name="Unknown") is None
    assert [user.name for user in adapter.list_users()] == ["Countess", "Bob"]


def test_a_deleted_user_has_no_accounts_and_can_sign_up_again(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    bob, _ = adapter.create_user(BOB, Account("hub", "bob-at-hub", "oidc"))
    adapter.link_account(ada.id, AT_LAB)
    adapter.delete_user(ada.id)
    adapter.delete_user("unknown")
    assert adapter.list_users() == [bob]
    assert adapter.get_account("hub", "ada-at-hub") is None
    assert adapter.list_accounts(ada.id) == []
    new_user, created = adapter.create_user(ADA, AT_HUB)
    assert created
    assert new_user.id != ada.id


def test_one_caller_at_a_time_acquires_the_refresh_lock(adapter: Adapter) -> None:
    adapter.create_user(ADA, AT_HUB)
    barrier = Barrier(20, timeout=30)

    def acquire(_: int) -> bool:
        barrier.wait()
        return adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 15)

    with ThreadPoolExecutor(20) as pool:
        for _ in range(5):
            assert sum(pool.map(acquire, range(20))) == 1
            adapter.release_refresh_lock(AT_HUB, NOW + 15)
    assert not adapter.acquire_refresh_lock(AT_LAB, NOW, NOW + 15)


def test_a_refresh_lock_ends_by_release_new_tokens_or_expiry(adapter: Adapter) -> None:
    adapter.create_user(ADA, AT_HUB)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 15)
    adapter.release_refresh_lock(AT_HUB, NOW + 14)
    assert not adapter.acquire_refresh_lock(AT_HUB, NOW + 14, NOW + 29)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW + 15, NOW + 30)
    adapter.release_refresh_lock(AT_HUB, NOW + 30)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW + 15, NOW + 30)
    assert adapter.update_tokens(AT_HUB, "rt-1")
    assert adapter.acquire_refresh_lock(AT_HUB, NOW + 15, NOW + 30)


def test_a_refresh_lock_with_a_fractional_expiry_is_released(adapter: Adapter) -> None:
    adapter.create_user(ADA, AT_HUB)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 20.5)
    assert not adapter.acquire_refresh_lock(AT_HUB, NOW + 20.25, NOW + 40.75)
    adapter.release_refresh_lock(AT_HUB, NOW + 20.5)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 20.5)


def test_a_refresh_lock_from_before_the_clock_was_set_back_is_ignored(adapter: Adapter) -> None:
    adapter.create_user(ADA, AT_HUB)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 15)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW - 3600, NOW - 3585)


def test_a_sign_in_does_not_release_a_refresh_lock(adapter: Adapter) -> None:
    ada, _ = adapter.create_user(ADA, AT_HUB)
    assert adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 15)
    adapter.refresh_user(ada, AT_HUB)
    assert not adapter.acquire_refresh_lock(AT_HUB, NOW, NOW + 15)
    [account] = adapter.list_accounts(ada.id)
    assert account.refresh_locked_until == NOW + 15


def test_tokens_are_updated_only_if_the_used_refresh_token_is_the_stored_one(adapter: Adapter) -> None:
    adapter.create_user(ADA, AT_HUB)
    rotated = replace(AT_HUB, tokens={"access_token": "at-2", "refresh_token": "rt-2"})
    assert adapter.update_tokens(rotated, "rt-1")
    assert not adapter.update_tokens(replace(AT_HUB, tokens={}), "rt-1")
    stored = adapter.get_account("hub", "ada-at-hub")
    assert stored is not None
    assert stored.tokens == rotated.tokens
    assert adapter.update_tokens(replace(AT_HUB, tokens={}), "rt-2")
    assert adapter.update_tokens(rotated, None)
    assert not adapter.update_tokens(AT_LAB, None)
