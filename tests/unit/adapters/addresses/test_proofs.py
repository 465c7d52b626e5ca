"""The first proof of an address: what was planted on the user before no longer works, and one user has the address."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier

import pytest

from genkan.adapters import NO_PROFILE
from genkan.adapters.addresses import AddressStores, ProvenUser, Purpose, Verification
from genkan.adapters.sessions import SessionRecord
from genkan.adapters.stores import Stores
from genkan.errors import LastAccountError, OAuthAccountNotLinked
from genkan.types import Account, User
from tests.clock import START
from tests.databases import LIFETIME
from tests.session_stores import Reader

NOW = int(START)
HANA = "hana@example.org"
VERIFIED = datetime.fromtimestamp(NOW, UTC)
PROVEN = User("", email=HANA, email_verified=VERIFIED)
PLANTED = Account("hub", "planted", "oidc")
AT_CLUB = Account("club", "hana", "oidc", {"access_token": "at"})
KINDS = ("password", "session", "link", "undo")
"""What is planted beside the account."""


def prove(local: AddressStores, password: str | None = None, email: str = HANA) -> ProvenUser:
    return local.addresses.prove(replace(PROVEN, email=email), NO_PROFILE, password=password)


def add_session(stores: Stores, user_id: str, id: str = "sid") -> None:
    """Store a session, which starts after the rule that a new password adds."""
    record = SessionRecord(
        id=id, user_id=user_id, provider="hub", created=NOW + 1, last_seen=NOW, expires=NOW + 3600, device="",
        absolute_expires=NOW + LIFETIME,
    )  # fmt: skip
    stores.sessions.create(record)


def sessions_of(stores: Stores, user_id: str) -> list[str]:
    return [record.id for record in stores.sessions.list_active(user_id, NOW)]


def link_of(user_id: str, purpose: Purpose = "reset") -> Verification:
    return Verification(
        identifier=f"{purpose}:{user_id}", token_hash=purpose, expires=NOW + 600, purpose=purpose, user_id=user_id,
        email="other@example.org",
    )  # fmt: skip


def change(local: AddressStores, user_id: str, email: str, purpose: Purpose = "address") -> User | None:
    """Change the address by a new link, which is used up."""
    verification = replace(link_of(user_id, purpose), token_hash=f"to {email}", email=email.lower())
    local.verifications.add(verification, None)
    changed = local.addresses.change_email(verification)
    assert local.addresses.change_email(verification) is None
    return None if changed is None else changed.user


def plant(stores: Stores, local: AddressStores, *kinds: str) -> User:
    """Store a user with the unverified address, with what another person can sign in by."""
    user, _ = stores.adapter.create_user(User("", "Sly", HANA, role="editor"), PLANTED)
    if "password" in kinds:
        assert local.addresses.set_password(user.id, "hash of the squatter")
    if "session" in kinds:
        add_session(stores, user.id)
    if "link" in kinds:
        local.verifications.add(link_of(user.id), None)
    if "undo" in kinds:
        local.verifications.add(link_of(user.id, "undo"), None)
    return user


def works(stores: Stores, local: AddressStores, user_id: str) -> set[str]:
    """Return what of it works."""
    owner = stores.adapter.get_user_by_account("hub", "planted")
    found = {
        "password": local.addresses.password(user_id) is not None,
        "account": owner is not None and owner.id == user_id,
        "session": bool(sessions_of(stores, user_id)),
        "link": local.verifications.find(f"reset:{user_id}", "reset") is not None,
        "undo": local.verifications.find(f"undo:{user_id}", "undo") is not None,
    }
    return {kind for kind, works in found.items() if works}


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS])
@pytest.mark.parametrize("proof", ["mail", "new account", "own account"])
def test_what_was_planted_no_longer_works(
    stores: Stores, local: AddressStores, kinds: tuple[str, ...], proof: str
) -> None:
    user = plant(stores, local, *kinds)
    assert works(stores, local, user.id) == {"account", *kinds}
    if proof == "mail":
        proven = prove(local)
        assert proven == (replace(user, email_verified=VERIFIED), False, True)
    elif proof == "new account":
        stored, is_new = stores.adapter.create_user(replace(PROVEN, name="Hana"), AT_CLUB)
        assert (stored, is_new) == (replace(user, name="Hana", email_verified=VERIFIED), False)
    else:
        stores.adapter.link_account(user.id, AT_CLUB)
        stored = stores.adapter.refresh_user(replace(PROVEN, id=user.id), AT_CLUB)
        assert stored == replace(user, email_verified=VERIFIED)
    assert works(stores, local, user.id) == set()
    stored_accounts = [account.provider for account in stores.adapter.list_accounts(user.id)]
    assert stored_accounts == ([] if proof == "mail" else ["club"])
    assert ("user", user.id) in [(one.kind, one.subject) for one in Reader(stores.sessions).read()]


def test_the_only_account_of_a_user_keeps_the_sessions_when_it_proves_the_address(
    stores: Stores, local: AddressStores
) -> None:
    """Auth.js stores each address without the proof, and its sessions come from this account."""
    user = plant(stores, local, "session")
    stored = stores.adapter.refresh_user(replace(PROVEN, id=user.id), PLANTED)
    assert stored == replace(user, email_verified=VERIFIED)
    assert works(stores, local, user.id) == {"account", "session"}


def test_a_later_sign_in_removes_nothing(stores: Stores, local: AddressStores) -> None:
    user, _ = stores.adapter.create_user(replace(PROVEN, name="Hana"), AT_CLUB)
    stores.adapter.link_account(user.id, PLANTED)
    local.addresses.set_password(user.id, "hash")
    add_session(stores, user.id)
    stores.adapter.refresh_user(replace(PROVEN, id=user.id), AT_CLUB)
    assert prove(local) == (user, False, False)
    assert works(stores, local, user.id) == {"password", "account", "session"}


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_provider_does_not_replace_an_address_that_was_proven_by_mail(
    stores: Stores, local: AddressStores, *, is_changed: bool
) -> None:
    user, _ = stores.adapter.create_user(PROVEN, AT_CLUB)
    if is_changed:
        change(local, user.id, "chosen@example.com")
    else:
        prove(local)

    stored = stores.adapter.refresh_user(replace(PROVEN, id=user.id, email="new@club.example"), AT_CLUB)

    assert stored.email == ("chosen@example.com" if is_changed else HANA)
    assert local.addresses.password(user.id) is None


def test_a_disabled_user_is_returned_as_it_is(stores: Stores, local: AddressStores) -> None:
    user = plant(stores, local, "password")
    disabled = stores.adapter.update_user(user.id, disabled=True)
    assert prove(local, "hash") == (disabled, False, False)
    assert works(stores, local, user.id) == {"password", "account"}


def test_the_user_who_gets_an_address_later_takes_it_from_one_who_has_not_proven_it(
    stores: Stores, local: AddressStores
) -> None:
    squatter = plant(stores, local, *KINDS)
    hana, _ = stores.adapter.create_user(User("", "Hana"), AT_CLUB)
    assert stores.adapter.refresh_user(replace(PROVEN, id=hana.id), AT_CLUB).email == HANA
    assert works(stores, local, squatter.id) == {"account"}
    assert stores.adapter.get_user(squatter.id) == replace(squatter, email=None)


def test_the_first_proof_creates_a_user_and_later_ones_find_it(local: AddressStores) -> None:
    created = prove(local, "hash", "Hana@Example.org")
    assert created.is_new
    assert (created.user.email, created.user.email_verified, created.user.role) == (HANA, VERIFIED, "user")
    assert local.addresses.password(created.user.id) == "hash"
    assert prove(local, "another hash") == (created.user, False, False)
    assert local.addresses.password(created.user.id) == "hash"


def test_a_user_without_a_password_gets_that_of_the_sign_up(stores: Stores, local: AddressStores) -> None:
    user, _ = stores.adapter.create_user(PROVEN, AT_CLUB)
    assert prove(local, "hash") == (user, False, False)
    assert local.addresses.password(user.id) == "hash"


@pytest.mark.parametrize("is_planted", [True, False])
def test_concurrent_proofs_of_one_address_have_one_user(
    stores: Stores, local: AddressStores, *, is_planted: bool
) -> None:
    if is_planted:
        plant(stores, local, "password")
    barrier = Barrier(10, timeout=30)

    def attempt(number: int) -> str:
        barrier.wait()
        if number % 2:
            return prove(local).user.id
        try:
            return stores.adapter.create_user(PROVEN, Account("club", str(number), "oidc"))[0].id
        except OAuthAccountNotLinked:
            return "refused"

    with ThreadPoolExecutor(10) as pool:
        results = Counter(pool.map(attempt, range(10)))
    [user] = stores.adapter.list_users()
    assert user.email_verified is not None
    assert set(results) <= {user.id, "refused"}
    assert results[user.id] >= 5
    assert local.addresses.password(user.id) is None


def test_a_password_is_replaced_and_sessions_links_and_codes_end(stores: Stores, local: AddressStores) -> None:
    user = prove(local).user
    add_session(stores, user.id)
    local.verifications.add(link_of(user.id), None)
    assert local.addresses.set_password(user.id, "first")
    assert local.addresses.set_password(user.id, "second")
    assert local.addresses.password(user.id) == "second"
    assert works(stores, local, user.id) == {"password"}


@pytest.mark.parametrize("id", ["unknown", "nul\0"])
def test_an_unknown_user_has_no_password(local: AddressStores, id: str) -> None:
    assert not local.addresses.set_password(id, "hash")
    assert not local.addresses.rehash_password(id, "hash", "new")
    assert local.addresses.password(id) is None
    assert local.addresses.change_email(link_of(id)) is None


def test_a_hash_is_replaced_only_while_it_is_the_stored_one(stores: Stores, local: AddressStores) -> None:
    user = prove(local, "old").user
    add_session(stores, user.id)
    assert local.addresses.rehash_password(user.id, "old", "new")
    assert not local.addresses.rehash_password(user.id, "old", "newer")
    assert local.addresses.password(user.id) == "new"
    assert sessions_of(stores, user.id) == ["sid"]


def test_a_deleted_user_leaves_neither_password_nor_links(stores: Stores, local: AddressStores) -> None:
    user = prove(local, "hash").user
    local.verifications.add(link_of(user.id), None)
    local.verifications.add(Verification(identifier=HANA, token_hash="x", expires=NOW + 600, email=HANA), None)
    stores.adapter.delete_user(user.id)
    assert works(stores, local, user.id) == set()
    assert local.verifications.find(HANA, "x") is None


def test_a_user_with_a_verified_address_needs_no_account_if_mail_is_on(stores: Stores, local: AddressStores) -> None:
    hana, _ = stores.adapter.create_user(PROVEN, AT_CLUB)
    sly, _ = stores.adapter.create_user(User("", "Sly", "sly@example.org"), PLANTED)
    for user, account, email_sign_in in ((hana, AT_CLUB, False), (sly, PLANTED, True)):
        with pytest.raises(LastAccountError):
            stores.adapter.unlink_account(
                user.id, account.provider, account.provider_account_id, enabled_providers=["hub", "club"],
                email_sign_in=email_sign_in,
            )  # fmt: skip
    assert stores.adapter.unlink_account(hana.id, "club", "hana", enabled_providers=["club"], email_sign_in=True)
    assert prove(local).user == hana
