"""Hooks as people write them: they commit, find users themselves, and fail in unusual places."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from blinker import Signal
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Integer, event
from sqlalchemy.orm import with_loader_criteria

import genkan
from genkan import Genkan, signals
from genkan.errors import ConfigurationError
from genkan.types import Identity
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import Shop, make_shop
from tests.provider_client import ProviderClient, failure_reason, run_parallel
from tests.servers.faulty.provider import FaultyProvider

OWNER: dict[str, Any] = {"sub": "owner", "name": "Olga Owner", "email": "olga@example.org", "email_verified": True}


def commit(shop: Shop, identity: Identity) -> Any:
    """Add and commit the user, as a function of the application may do already."""
    user = shop.User(name=identity.name, email=identity.email)
    shop.session.add(user)
    shop.session.commit()
    return user


def add(shop: Shop, identity: Identity) -> Any:
    """Add the user to the session and flush."""
    user = shop.User(name=identity.name, email=identity.email)
    shop.session.add(user)
    shop.session.flush()
    return user


@pytest.mark.parametrize("hook", [commit, add])
def test_a_hook_that_adds_the_user_itself_creates_a_new_user(shop: Shop, op: FaultyProvider, hook: Any) -> None:
    shop.accounts.new_user(partial(hook, shop))
    client, created = client_of(shop, op), []
    receiver = lambda _, **more: created.append(more["user"])  # noqa: E731
    with Signal.connected_to(signals.user_created, receiver):
        for _ in range(2):
            client.sign_in_as(**OWNER)
            assert client.name() == "Olga Owner"
            client.sign_out()
    assert len(shop.users()) == len(shop.stored_ids()) == len(created) == 1


def find_or_create(shop: Shop, identity: Identity) -> Any:
    """Look the address up without asking if it is verified."""
    return shop.session.query(shop.User).filter_by(email=identity.email).first() or shop.User(name=identity.name)


def test_an_unverified_address_never_gets_a_user_whom_the_hook_has_found(shop: Shop, op: FaultyProvider) -> None:
    shop.accounts.new_user(partial(find_or_create, shop))
    shop.add_user(name="Without an address")
    client = client_of(shop, op)
    failure_reason(client.sign_in_as(**{**OWNER, "email_verified": False}), client)
    assert client.session() is None
    assert shop.stored_ids() == []


@pytest.mark.parametrize("name", ["before_insert", "after_insert"])
def test_an_event_of_the_application_that_fails_refuses_the_sign_in(shop: Shop, op: FaultyProvider, name: str) -> None:
    def fail(*_: object) -> None:
        raise ValueError("name is too long for olga@example.org")

    event.listen(shop.User, name, fail)
    client = client_of(shop, op)
    failure_reason(client.sign_in_as(**OWNER), client)
    assert shop.users() == shop.stored_ids() == []


@pytest.mark.parametrize("role", [1, b"admin", ["admin"]])
def test_a_role_that_is_no_text_refuses_the_sign_in_and_leaves_nothing(
    shop: Shop, op: FaultyProvider, role: Any
) -> None:
    shop.accounts.role(lambda _: role)
    client = client_of(shop, op)
    failure_reason(client.sign_in_as(**OWNER), client)
    assert shop.users() == shop.stored_ids() == []


def test_is_active_may_be_a_method(make: MakeShop, op: FaultyProvider) -> None:
    shop = make(without=["is_active"])
    shop.User.is_active = lambda _self: False
    client = client_of(shop, op)
    failure_reason(client.sign_in_as(**OWNER), client)
    assert shop.users() == []


def test_concurrent_first_sign_ins_leave_one_user_without_a_unique_address(make: MakeShop, op: FaultyProvider) -> None:
    shop = make()
    shop.accounts.new_user(lambda identity: shop.User(name=identity.name))
    clients = [client_of(shop, op) for _ in range(3)]
    urls = [client.callback_url(**OWNER) for client in clients]
    run_parallel(*[partial(client.get, url) for client, url in zip(clients, urls, strict=True)])
    assert len(shop.users()) == len(shop.stored_ids()) == 1


def test_a_user_whom_the_application_s_session_hides_is_refused_and_keeps_the_link(
    shop: Shop, client: ProviderClient, op: FaultyProvider
) -> None:
    """As an extension for soft deletions does."""
    client.sign_in_as(**OWNER)
    hidden = shop.User.is_staff.is_(False)

    def hide(state: Any) -> None:
        if state.is_select and shop.change_is_hidden:
            state.statement = state.statement.options(with_loader_criteria(shop.User, hidden))

    with shop.app.app_context():
        event.listen(shop.session, "do_orm_execute", hide)
    shop.change(is_staff=True)
    shop.change_is_hidden = True
    again = client_of(shop, op)
    failure_reason(again.sign_in_as(**OWNER), again)
    shop.change_is_hidden = False
    assert len(shop.stored_ids()) == 1
    again.sign_in_as(**OWNER)
    assert again.name() == "Olga Owner"


def test_current_user_writes_nothing_of_the_application(make: MakeShop, op: FaultyProvider) -> None:
    """An object that is not complete yet is in the session when the view asks who is signed in."""
    shop = make(library="sqlalchemy")

    class Post(shop.Base):  # type: ignore[misc, name-defined]  # a class of this test
        __tablename__ = "post"
        id = Column(Integer, primary_key=True)
        author_id: Any = Column(ForeignKey(shop.User.id), nullable=False)

    Post.__table__.create(shop.engine())

    @shop.app.post("/post")
    def post() -> str:
        new = Post()
        shop.session.add(new)
        new.author_id = shop.accounts.current_user.id
        shop.session.commit()
        return str(new.id)

    client = client_of(shop, op)
    client.sign_in_as(**OWNER)
    assert client.post("/post").text == "1"


def test_two_classes_of_users_on_one_metadata_are_refused() -> None:
    db = SQLAlchemy()
    customer, staff = (
        type(name, (db.Model,), {"id": Column(Integer, primary_key=True)}) for name in ("Customer", "Staff")
    )
    Genkan(Flask("one"), db=db, user=customer)
    with pytest.raises(ConfigurationError, match="another class of users"):
        Genkan(Flask("other"), db=db, user=staff)


def test_two_classes_of_users_in_one_database_are_refused(make: MakeShop, url: str, tmp_path: Any) -> None:
    make()
    other = make_shop(tmp_path, url, table="staff", AUTH_URL="http://localhost")
    with pytest.raises(ConfigurationError, match="another class of users"):
        genkan.check(other.app)
    with other.app.app_context():
        other.engine().dispose()
