"""Verified and unverified email addresses in every adapter, tested with SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from genkan.adapters import Adapter
from genkan.errors import OAuthAccountNotLinked
from genkan.types import Account, User

VERIFIED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ADDRESS = "ada@example.org"
OWNER = User(id="", name="Owner", email="Ada@Example.org", email_verified=VERIFIED)
SQUATTER = User(id="", name="Squatter", email=ADDRESS)
"""User with an unverified address, as Auth.js stores it."""
NEW_USER = User(id="", name="New")


def create(adapter: Adapter, user: User) -> User:
    """Store a user with one account, whose subject is the name."""
    stored, created = adapter.create_user(user, account(user))
    assert created
    return stored


def account(user: User) -> Account:
    return Account("hub", str(user.name), "oidc")


def sign_in_verified(adapter: Adapter, user: User, email: str = ADDRESS) -> User:
    """Refresh the user with a verified address from the provider."""
    return adapter.refresh_user(replace(user, email=email, email_verified=VERIFIED), account(user))


def emails(adapter: Adapter) -> dict[str | None, tuple[str | None, datetime | None]]:
    return {user.name: (user.email, user.email_verified) for user in adapter.list_users()}


def test_the_first_user_with_the_verified_address_takes_an_unverified_row_over(adapter: Adapter) -> None:
    squatter = create(adapter, replace(SQUATTER, image="https://img.example/s.png"))
    owner, is_new = adapter.create_user(OWNER, account(OWNER))

    assert not is_new
    assert owner == replace(squatter, name="Owner", email_verified=VERIFIED)
    assert adapter.list_users() == [owner]
    assert adapter.get_user_by_account("hub", "Owner") == owner
    assert adapter.get_user_by_account("hub", "Squatter") is None


def test_a_disabled_user_with_an_unverified_address_is_not_changed(adapter: Adapter) -> None:
    squatter = create(adapter, SQUATTER)
    disabled = adapter.update_user(squatter.id, disabled=True)

    assert adapter.create_user(OWNER, account(OWNER)) == (disabled, False)
    assert [linked.provider_account_id for linked in adapter.list_accounts(squatter.id)] == ["Squatter"]


@pytest.mark.parametrize("email", [ADDRESS, "ADA@EXAMPLE.ORG"])
@pytest.mark.parametrize("verified", [VERIFIED, None])
def test_a_verified_address_gives_way_to_no_one(adapter: Adapter, email: str, verified: datetime | None) -> None:
    create(adapter, OWNER)
    other = replace(SQUATTER, email=email, email_verified=verified)
    with pytest.raises(OAuthAccountNotLinked):
        adapter.create_user(other, account(other))

    assert emails(adapter) == {"Owner": (ADDRESS, VERIFIED)}
    assert adapter.get_user_by_account("hub", "Squatter") is None


def test_an_unverified_address_does_not_give_way_to_an_unverified_one(adapter: Adapter) -> None:
    create(adapter, SQUATTER)
    with pytest.raises(OAuthAccountNotLinked):
        adapter.create_user(replace(SQUATTER, name="Second"), account(replace(SQUATTER, name="Second")))

    assert emails(adapter) == {"Squatter": (ADDRESS, None)}


def test_an_existing_account_takes_no_address_from_another_user(adapter: Adapter) -> None:
    existing, squatter = create(adapter, NEW_USER), create(adapter, SQUATTER)

    assert adapter.create_user(replace(OWNER, name="New"), account(NEW_USER)) == (existing, False)
    assert adapter.get_user(squatter.id) == squatter


@pytest.mark.parametrize("stored", [None, "Ada@example.org", "old@example.org"])
def test_a_user_without_a_verified_address_gets_the_one_of_a_later_sign_in(
    adapter: Adapter, stored: str | None
) -> None:
    user = create(adapter, replace(NEW_USER, email=stored))

    assert sign_in_verified(adapter, user, "ADA@example.org") == replace(user, email=ADDRESS, email_verified=VERIFIED)
    assert emails(adapter) == {"New": (ADDRESS, VERIFIED)}


@pytest.mark.parametrize("email", [None, "old@example.org"])
def test_an_unverified_address_of_a_later_sign_in_is_not_stored(adapter: Adapter, email: str | None) -> None:
    user = create(adapter, replace(NEW_USER, email=email))

    assert adapter.refresh_user(replace(user, email=ADDRESS), account(user)) == user
    assert adapter.get_user(user.id) == user


LATER = VERIFIED + timedelta(days=1)


@pytest.mark.parametrize("email", [ADDRESS, "ADA@example.ORG", None])
def test_the_same_verified_address_does_not_change(adapter: Adapter, email: str | None) -> None:
    user = create(adapter, OWNER)
    later = replace(user, email=email, email_verified=LATER if email else None)

    assert adapter.refresh_user(later, account(user)) == user
    assert adapter.get_user(user.id) == user


@pytest.mark.parametrize("time", [VERIFIED, LATER])
def test_a_verified_address_that_changed_at_the_provider_is_stored(adapter: Adapter, time: datetime) -> None:
    user = create(adapter, OWNER)
    changed = replace(user, email="new@example.org", email_verified=time)

    assert adapter.refresh_user(replace(changed, email="New@Example.org"), account(user)) == changed
    assert adapter.get_user(user.id) == changed
    assert adapter.get_user_by_email(ADDRESS) is None
    successor = create(adapter, replace(OWNER, name="Successor"))
    assert emails(adapter) == {"Owner": ("new@example.org", time), "Successor": (ADDRESS, VERIFIED)}
    assert successor.id != user.id


def test_an_unverified_address_does_not_replace_a_verified_one(adapter: Adapter) -> None:
    user = create(adapter, OWNER)

    assert adapter.refresh_user(replace(user, email="new@example.org", email_verified=None), account(user)) == user


def test_a_verified_address_of_another_user_is_not_taken_by_a_change(adapter: Adapter) -> None:
    create(adapter, OWNER)
    other = create(adapter, User("", "Other", "other@example.org", email_verified=VERIFIED))

    assert sign_in_verified(adapter, other) == other
    assert emails(adapter) == {"Owner": (ADDRESS, VERIFIED), "Other": ("other@example.org", VERIFIED)}


def test_the_address_of_a_user_with_several_accounts_does_not_change(adapter: Adapter) -> None:
    """It would change with every sign-in at the other provider."""
    user = create(adapter, OWNER)
    second = Account("club", "owner-at-the-club", "oidc")
    adapter.link_account(user.id, second)
    at_club = replace(user, email="owner@club.example", email_verified=LATER)

    assert adapter.refresh_user(at_club, second) == user
    assert adapter.refresh_user(at_club, account(user)) == user
    assert adapter.unlink_account(user.id, "hub", "Owner", enabled_providers=["hub", "club"])
    assert adapter.refresh_user(at_club, second).email == "owner@club.example"


def test_two_users_who_exchange_their_addresses_keep_them_apart(adapter: Adapter) -> None:
    one, other = create(adapter, OWNER), create(adapter, User("", "Other", "b@example.org", email_verified=VERIFIED))

    assert sign_in_verified(adapter, one, "b@example.org") == one
    assert sign_in_verified(adapter, other, "c@example.org").email == "c@example.org"
    assert sign_in_verified(adapter, one, "b@example.org").email == "b@example.org"
    assert sign_in_verified(adapter, other, ADDRESS).email == ADDRESS


@pytest.mark.parametrize("email", [None, "old@example.org"])
def test_a_later_sign_in_takes_no_verified_address_of_another_user(adapter: Adapter, email: str | None) -> None:
    create(adapter, OWNER)
    user = create(adapter, replace(NEW_USER, email=email))

    assert sign_in_verified(adapter, replace(user, image="https://img.example/n.png")) == replace(
        user, image="https://img.example/n.png"
    )
    assert emails(adapter) == {"Owner": (ADDRESS, VERIFIED), "New": (email, None)}


def test_a_later_sign_in_takes_an_unverified_address_of_another_user(adapter: Adapter) -> None:
    create(adapter, SQUATTER)
    user = create(adapter, NEW_USER)

    assert sign_in_verified(adapter, user).email == ADDRESS
    assert emails(adapter) == {"Squatter": (None, None), "New": (ADDRESS, VERIFIED)}


def test_one_of_many_concurrent_new_users_gets_the_address(adapter: Adapter) -> None:
    create(adapter, SQUATTER)
    barrier = Barrier(10, timeout=30)

    def attempt(number: int) -> str:
        user = replace(OWNER, name=f"user {number}")
        barrier.wait()
        try:
            adapter.create_user(user, account(user))
        except OAuthAccountNotLinked:
            return "refused"
        return "taken"

    with ThreadPoolExecutor(10) as pool:
        assert Counter(pool.map(attempt, range(10))) == {"taken": 1, "refused": 9}
    [user] = adapter.list_users()
    assert (user.email, user.email_verified) == (ADDRESS, VERIFIED)
    assert len(adapter.list_accounts(user.id)) == 1


def test_one_of_many_users_who_verify_an_address_concurrently_gets_it(adapter: Adapter) -> None:
    """The first user has it unverified, so that a verification and a release of one row meet."""
    users = [create(adapter, SQUATTER), *(create(adapter, User("", f"user {number}")) for number in range(9))]
    barrier = Barrier(10, timeout=30)

    def attempt(user: User) -> str | None:
        barrier.wait()
        return sign_in_verified(adapter, user).email

    with ThreadPoolExecutor(10) as pool:
        results = Counter(pool.map(attempt, users))
    assert results[ADDRESS] == 1
    stored = Counter(emails(adapter).values())
    assert stored == {(ADDRESS, VERIFIED): 1, (None, None): 9}


def test_one_of_many_users_whose_address_changes_to_the_same_one_gets_it(adapter: Adapter) -> None:
    users = [create(adapter, User("", f"user {i}", f"{i}@example.org", email_verified=VERIFIED)) for i in range(8)]
    barrier = Barrier(8, timeout=30)

    def attempt(user: User) -> bool:
        barrier.wait()
        return sign_in_verified(adapter, user).email == ADDRESS

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, users)) == [False] * 7 + [True]
    assert Counter(email == ADDRESS for email, _ in emails(adapter).values()) == {True: 1, False: 7}


IN_UNICODE, IN_ASCII = "hana@bücher.example", "hana@xn--bcher-kva.example"


def test_an_address_that_was_stored_with_its_domain_in_unicode_is_found(adapter: Adapter) -> None:
    stored = create(adapter, replace(OWNER, email=IN_UNICODE))
    assert [adapter.get_user_by_email(typed) for typed in (IN_ASCII, IN_UNICODE, IN_ASCII.upper())] == [stored] * 3
    for other in ("hana@xn--.example", "hana@xn--ü.example", "hana@xn--99999999999.example", "hana@xn--bcher-kva"):
        assert adapter.get_user_by_email(other) is None


def test_a_label_that_decodes_to_another_domain_is_no_spelling_of_it(adapter: Adapter) -> None:
    """Nor is one that decodes to a lone surrogate."""
    create(adapter, OWNER)
    for other in ("ada@xn--example-.org", "ada@xn--ib9b.org"):
        assert adapter.get_user_by_email(other) is None


def test_the_next_sign_in_stores_the_form_in_ascii(adapter: Adapter) -> None:
    """Also of a user with several accounts, whose address no other one replaces."""
    stored = create(adapter, replace(OWNER, email=IN_UNICODE))
    adapter.link_account(stored.id, Account("club", "hana", "oidc"))
    assert sign_in_verified(adapter, stored, IN_ASCII).email == IN_ASCII
    assert adapter.get_user_by_email(IN_ASCII) == replace(stored, email=IN_ASCII)


def test_of_two_users_with_both_forms_each_keeps_their_own(adapter: Adapter) -> None:
    """An earlier release has stored both."""
    with_ascii = create(adapter, replace(SQUATTER, email=IN_ASCII, email_verified=VERIFIED))
    with_unicode = create(adapter, replace(OWNER, email=IN_UNICODE))
    assert sign_in_verified(adapter, with_unicode, IN_ASCII) == with_unicode
    assert adapter.get_user_by_email(IN_ASCII) == with_ascii


def test_the_first_proof_of_an_address_that_was_stored_in_unicode_takes_its_row_over(adapter: Adapter) -> None:
    squatter = create(adapter, replace(SQUATTER, email=IN_UNICODE))
    owner, is_new = adapter.create_user(replace(OWNER, email=IN_ASCII), account(OWNER))
    assert (owner.id, owner.email, is_new) == (squatter.id, IN_ASCII, False)
    assert adapter.get_user_by_account("hub", "Squatter") is None
