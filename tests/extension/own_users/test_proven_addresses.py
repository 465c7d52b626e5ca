"""Users who sign in by mail in an application with users of its own: the hooks create and find them in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from genkan.adapters import NO_PROFILE
from genkan.adapters.addresses import AddressStores, ProvenUser
from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase, DatabaseOptions
from genkan.adapters.sqlalchemy.stores import StoreSettings
from genkan.adapters.stores import Stores
from genkan.errors import AccessDenied
from genkan.types import Account, Identity, User
from tests.clock import START
from tests.databases import LIFETIME, SECRET
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import Shop
from tests.provider_client import run_parallel
from tests.servers.faulty.provider import FaultyProvider

OLGA = "olga@example.org"
VERIFIED = datetime.fromtimestamp(int(START), UTC)
PROVEN = User("", name="olga", email=OLGA, email_verified=VERIFIED)
SQUATTER: dict[str, Any] = {"sub": "squatter", "name": "Sly Squatter", "email": OLGA, "email_verified": False}


def stores_of(shop: Shop, **more_hooks: Any) -> Stores:
    """Return the stores in the application's database, with its hooks as they are now and with more of them."""
    options = DatabaseOptions(engine=shop.engine, metadata=shop.User.metadata, session=shop.session, user=shop.User)
    settings = StoreSettings(secrets=[SECRET], lifetime=LIFETIME, max_sessions=9)
    hooks = replace(shop.accounts.user_hooks, **more_hooks)
    return ApplicationDatabase(options).open_stores(shop.app.app_context, hooks, settings)


def local_of(shop: Shop) -> AddressStores:
    local = stores_of(shop).local
    assert local is not None
    return local


def prove(shop: Shop, password: str | None = None) -> ProvenUser:
    with shop.context():
        return local_of(shop).addresses.prove(PROVEN, NO_PROFILE, password=password)


def find_confirmed(shop: Shop, identity: Identity) -> Any:
    return shop.session.query(shop.User).filter_by(email=identity.email, email_confirmed=True).first()


@pytest.mark.parametrize("key", ["integer", "uuid"])
def test_the_hook_creates_the_user_of_a_proven_address_once(make: MakeShop, key: str) -> None:
    shop = make(key=key)
    identities: list[Identity] = []

    @shop.accounts.new_user
    def new_user(identity: Identity) -> Any:
        identities.append(identity)
        return shop.User(name=identity.name, email=identity.email)

    first, second = prove(shop, "hash"), prove(shop)
    [own_user] = shop.users()
    assert (first.is_new, second.is_new, first.user) == (True, False, second.user)
    assert first.user.application_id == str(own_user.id)
    assert (own_user.email, first.user.email, first.user.email_verified) == (OLGA, OLGA, VERIFIED)
    [identity] = identities
    assert (identity.id, identity.provider, identity.subject, identity.email) == (f"email:{OLGA}", "email", OLGA, OLGA)
    with shop.context():
        assert local_of(shop).addresses.password(first.user.id) == "hash"


def test_the_hook_finds_a_user_of_the_application(shop: Shop) -> None:
    shop.accounts.existing_user()(partial(find_confirmed, shop))
    key = shop.add_user(name="Olga", email=OLGA, email_confirmed=True)
    proven = prove(shop)
    assert (proven.is_new, proven.user.application_id, len(shop.users())) == (False, str(key), 1)


@pytest.mark.parametrize(
    "own_user", [None, {"name": "Olga", "email": OLGA, "is_active": False, "email_confirmed": True}]
)
def test_a_user_whom_the_application_refuses_leaves_nothing(shop: Shop, own_user: dict[str, Any] | None) -> None:
    shop.accounts.existing_user()(partial(find_confirmed, shop))
    shop.accounts.new_user(lambda _: None)
    if own_user is not None:
        shop.add_user(**own_user)
    with pytest.raises(AccessDenied):
        prove(shop)
    assert shop.stored_ids() == []


def test_a_user_who_is_no_longer_active_is_returned_as_disabled(shop: Shop) -> None:
    user = prove(shop).user
    shop.change(is_active=False)
    assert prove(shop, "hash").user.disabled
    with shop.context():
        assert local_of(shop).addresses.password(user.id) is None


def test_a_user_of_the_application_who_is_gone_is_not_found_again(shop: Shop) -> None:
    first = prove(shop, "hash").user
    with shop.engine_context() as connection:
        connection.execute(text('DELETE FROM "user"'))
        connection.execute(text("UPDATE genkan_users SET application_user_id = NULL"))
    second = prove(shop)
    assert second.is_new
    assert second.user.id != first.id
    assert shop.stored_ids() == [second.user.id]
    with shop.context():
        assert local_of(shop).addresses.password(first.id) is None


@pytest.mark.parametrize("proof", ["mail", "provider"])
def test_what_was_planted_on_the_user_of_the_hook_no_longer_works(shop: Shop, op: FaultyProvider, proof: str) -> None:
    """The hook finds a user who has signed up at a provider with this address, which was not proven."""
    shop.accounts.new_user(lambda identity: shop.User(name=identity.name, email=identity.unverified_email))
    squatter = client_of(shop, op)
    squatter.sign_in_as(**SQUATTER)
    shop.change(email_confirmed=True)
    [planted] = shop.stored_ids()
    with shop.context():
        stores = stores_of(shop, existing_user=partial(find_confirmed, shop))
        assert stores.local is not None
        assert stores.sessions.list_active(planted, int(START))
        if proof == "mail":
            proven = stores.local.addresses.prove(PROVEN, NO_PROFILE)
            assert (proven.is_new, proven.removed) == (False, True)
        else:
            stores.adapter.create_user(PROVEN, Account("club", "olga", "oidc"))
        user = stores.adapter.get_user(planted)
        assert user is not None
        assert (user.email, user.email_verified) == (OLGA, VERIFIED)
        accounts = [account.provider for account in stores.adapter.list_accounts(planted)]
        assert accounts == ([] if proof == "mail" else ["club"])
        assert stores.sessions.list_active(planted, int(START)) == []


def test_concurrent_proofs_create_one_user(shop: Shop) -> None:
    results: list[ProvenUser] = []
    run_parallel(*[lambda: results.append(prove(shop)) for _ in range(4)])
    [own_user] = shop.users()
    assert {proven.user.application_id for proven in results} == {str(own_user.id)}
    assert len(results) == 4


def test_an_account_that_is_linked_to_another_user_of_the_application_stays_there(shop: Shop) -> None:
    """Its user had the address without a proof, and loses it."""
    with shop.context():
        stores = stores_of(shop)
        assert stores.local is not None
        user, _ = stores.adapter.create_user(User("", "Sly", OLGA), Account("hub", "sly", "oidc"))
        stores.local.addresses.set_password(user.id, "hash")
    proven = prove(shop)
    assert (proven.is_new, proven.removed) == (True, False)
    with shop.context():
        stores = stores_of(shop)
        assert stores.local is not None
        assert stores.local.addresses.password(user.id) is None
        squatter = stores.adapter.get_user_by_account("hub", "sly")
    assert squatter is not None
    assert (squatter.id, squatter.email) == (user.id, None)
