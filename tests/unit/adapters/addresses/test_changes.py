"""Changes of a user's address by a link, and links that undo them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from genkan.adapters.addresses import AddressStores
from genkan.adapters.second_factors import TrustedDevice
from genkan.adapters.stores import Stores
from genkan.errors import OAuthAccountNotLinked
from tests.clock import FrozenClock
from tests.session_stores import Reader
from tests.unit.adapters.addresses.test_proofs import (
    HANA,
    KINDS,
    NOW,
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
