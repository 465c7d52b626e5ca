"""Changes of a user's address by a link, and links that undo them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from genkan.adapters.addresses import AddressStores, Verification
from genkan.adapters.passkeys import Passkey
from genkan.adapters.second_factors import TrustedDevice
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES
from genkan.adapters.stores import Stores
from genkan.errors import OAuthAccountNotLinked
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.session_stores import Reader
from tests.unit.adapters.addresses.test_proofs import (
    HANA,
    KINDS,
    NOW,
    PLANTED,
    VERIFIED,
    add_session,
    change,
    link_of,
    plant,
    prove,
    works,
)


def test_a_change_of_the_address_ends_sessions_and_the_trust_in_devices_and_voids_links(
    stores: Stores, local: AddressStores, clock: FrozenClock
) -> None:
    user = prove(local, "hash").user
    add_session(stores, user.id)
    local.verifications.add(link_of(user.id), None)
    factors = stores.factors
    assert factors is not None
    factors.trust(
        user.id, TrustedDevice(id="1", token_hash="1", device="", created=NOW, last_used=NOW, expires=NOW + 99)
    )
    clock.advance(60)
    changed = change(local, user.id, "New@Example.org")
    later = datetime.fromtimestamp(NOW + 60, UTC)
    assert changed == replace(user, email="new@example.org", email_verified=later) == stores.adapter.get_user(user.id)
    assert works(stores, local, user.id) == {"password"}
    assert factors.list_devices(user.id) == []
    read = {(one.kind, one.subject) for one in Reader(stores.sessions).read()}
    assert read == {("changed", user.id), ("user", user.id)}
    assert prove(local).user.id != user.id


def test_an_undone_change_ends_what_another_person_may_have_added(stores: Stores, local: AddressStores) -> None:
    """Links that undo an earlier change stay."""
    user = prove(local, "hash").user
    add_session(stores, user.id)
    later, earlier = (
        link_of(user.id, "undo"),
        replace(link_of(user.id, "undo"), token_hash="earlier", expires=NOW + 599),
    )
    for verification in (link_of(user.id), later, earlier):
        local.verifications.add(verification, None)

    assert change(local, user.id, "old@example.org", "undo") == replace(user, email="old@example.org")
    assert works(stores, local, user.id) == set()
    assert local.verifications.find(later.identifier, later.token_hash) is None
    assert local.verifications.find(earlier.identifier, "earlier") == earlier


@pytest.mark.parametrize("secret_is_new", [True, False])
def test_an_undone_change_removes_what_was_added_since_it_was_asked_for(
    stores: Stores, local: AddressStores, clock: FrozenClock, *, secret_is_new: bool
) -> None:
    """And nothing that is older or has no time, as what Auth.js has added."""
    user = prove(local).user
    factors, passkeys = stores.factors, stores.passkeys
    assert factors is not None
    assert passkeys is not None

    def add(name: str) -> None:
        stores.adapter.link_account(user.id, Account("club", name, "oidc"))
        passkeys.add(
            Passkey(
                credential_id=name,
                user_id=user.id,
                public_key="",
                counter=0,
                device_type="singleDevice",
                backed_up=False,
            )
        )

    def turn_on() -> None:
        assert factors.begin_totp(user.id, "secret", "owner", 60)
        assert factors.confirm_totp(user.id, "secret", "owner", 1, ["code"], replaces=False)

    add("authjs")
    tables = AUTHJS_TABLES
    with stores.adapter._database.write() as session:  # type: ignore[attr-defined]
        session.execute(tables.accounts.update().values(linked_at=None))
        session.execute(tables.authenticators.update().values(created_at=None))
    add("old")
    if not secret_is_new:
        turn_on()
    clock.advance(60)
    add("new")
    if secret_is_new:
        turn_on()
    else:
        factors.replace_codes(user.id, ["another code"])

    undo = replace(link_of(user.id, "undo"), email="old@example.org")
    local.verifications.add(undo, None)
    changed = local.addresses.change_email(undo, remove_since=NOW + 60)
    assert changed is not None
    assert changed.removed == ("passkey", "club", *(("totp",) if secret_is_new else ()))
    kept = [(account.provider, account.provider_account_id) for account in stores.adapter.list_accounts(user.id)]
    assert kept == [("club", "authjs"), ("club", "old"), ("passkey", "authjs"), ("passkey", "old")]
    assert [passkey.credential_id for passkey in passkeys.list(user.id)] == ["authjs", "old"]
    stored = factors.totp(user.id)
    assert (stored.secret if stored else None) == (None if secret_is_new else "secret")
    assert factors.codes_left(user.id) == 0


def test_an_address_that_another_user_has_proven_is_not_taken(stores: Stores, local: AddressStores) -> None:
    user, other = prove(local).user, prove(local, email="other@example.org").user
    with pytest.raises(OAuthAccountNotLinked):
        change(local, other.id, HANA.upper())
    assert local.verifications.find(f"address:{other.id}", f"to {HANA.upper()}"), "the link still works"
    assert stores.adapter.get_user(other.id) == other
    assert stores.adapter.get_user(user.id) == user


def test_an_address_that_another_user_has_not_proven_is_taken(stores: Stores, local: AddressStores) -> None:
    squatter = plant(stores, local, *KINDS)
    other = prove(local, email="other@example.org").user
    assert change(local, other.id, HANA) == replace(other, email=HANA)
    assert works(stores, local, squatter.id) == {"account"}


def test_a_change_to_the_address_that_the_user_had_not_proven_is_its_first_proof(
    stores: Stores, local: AddressStores
) -> None:
    user = plant(stores, local, *KINDS)
    assert change(local, user.id, HANA) == replace(user, email_verified=VERIFIED)
    assert works(stores, local, user.id) == set()


def test_the_password_of_a_user_whose_address_was_stored_in_unicode_is_replaced(
    stores: Stores, local: AddressStores
) -> None:
    user = prove(local, "hash", "hana@bücher.example").user
    assert prove(local, email="hana@xn--bcher-kva.example").user == user
    assert local.addresses.set_password(user.id, "new", email="hana@xn--bcher-kva.example")
    assert not local.addresses.set_password(user.id, "new", email="hana@xn--bcher-kvb.example")


@pytest.mark.parametrize("change_of", ["password", "address", "proof", "deletion"])
def test_links_end_for_both_spellings_of_the_domain(stores: Stores, local: AddressStores, change_of: str) -> None:
    in_unicode, in_ascii = "hana@bücher.example", "hana@xn--bcher-kva.example"
    if change_of == "proof":
        user, _ = stores.adapter.create_user(User("", "Sly", in_unicode), PLANTED)
    else:
        user = prove(local, "hash", in_unicode).user
    # Auth.js sends its links to the address as it was typed.
    links = [
        Verification(identifier=name, token_hash=name, expires=NOW + 600, email=name) for name in (in_unicode, in_ascii)
    ]
    for link in links:
        local.verifications.add(link, None)
    if change_of == "password":
        assert local.addresses.set_password(user.id, "new")
    elif change_of == "address":
        assert change(local, user.id, "new@example.org")
    elif change_of == "proof":
        assert prove(local, email=in_ascii).removed
    else:
        stores.adapter.delete_user(user.id)
    assert [local.verifications.find(link.identifier, link.token_hash) for link in links] == [None, None]
