"""A primary key that changes, or that another user gets, takes no session and no link along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, text

from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import Shop
from tests.provider_client import ProviderClient
from tests.servers.faulty.provider import FaultyProvider

Replace = Callable[[Shop, Any, Any], None]


def switch_rows(shop: Shop, session: Any, key: Any) -> None:
    """Delete and insert in one flush, which the ORM writes as one UPDATE."""
    session.delete(session.get(shop.User, key))
    session.add(shop.User(id=key, name="Successor", email=None))


def insert_by_statement(shop: Shop, session: Any, key: Any) -> None:
    """Delete in SQL, and insert with the ORM's bulk statement."""
    session.execute(text('DELETE FROM "user"'))
    session.execute(insert(shop.User), [{"id": key, "name": "Successor"}])


def insert_in_core(shop: Shop, session: Any, key: Any) -> None:
    """Delete and insert with statements on the table."""
    session.execute(shop.User.__table__.delete())
    session.execute(shop.User.__table__.insert().values(id=key, name="Successor", **DEFAULTS))


DEFAULTS = {"email_confirmed": False, "is_staff": False, "is_active": True}


@pytest.mark.parametrize("replace", [switch_rows, insert_by_statement, insert_in_core])
def test_another_row_with_the_key_has_no_session_and_no_account(
    shop: Shop, client: ProviderClient, op: FaultyProvider, replace: Replace
) -> None:
    client.sign_in_as()
    key = shop.users()[0].id
    with shop.context() as session:
        replace(shop, session, key)
        session.commit()
    client.core.sessions.revocations.read_now()
    assert client.session() is None
    assert shop.current_user_id(client) is None
    again = client_of(shop, op)
    again.sign_in_as()
    assert (again.session() or {})["user"]["id"] != str(key)


@pytest.mark.parametrize("foreign_keys", [True, False])
def test_a_changed_key_keeps_its_user(make: MakeShop, op: FaultyProvider, foreign_keys: bool, url: str) -> None:
    shop = make(key="text")
    client = client_of(shop, op)
    client.sign_in_as()
    with shop.context() as session:
        if foreign_keys and url.startswith("sqlite"):
            session.execute(text("PRAGMA foreign_keys=ON"))
        session.query(shop.User).one().id = "renamed"
        session.commit()
    assert shop.current_user_id(client) == "renamed"
    first = shop.users()[0].id
    shop.add_user(id="mallory", name="Mallory")
    assert shop.current_user_id(client) == first


def test_forget_takes_a_user_whose_row_is_gone(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    with shop.context() as session:
        user = session.query(shop.User).one()
        assert user.id
        session.execute(text('DELETE FROM "user"'))
        session.commit()
        shop.accounts.forget(user)
    assert client.session() is None


@pytest.mark.parametrize("key", ["integer", "uuid", "text"])
def test_forget_takes_the_id_of_the_session(make: MakeShop, op: FaultyProvider, key: str) -> None:
    shop = make(key=key)
    client = client_of(shop, op)
    client.sign_in_as()
    with shop.context():
        shop.accounts.forget("no key of this type")
        assert client.session() is not None
        shop.accounts.forget((client.session() or {})["user"]["id"])
    assert client.session() is None


def test_tables_that_are_dropped_do_not_stop_the_application(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    with shop.engine_context() as connection:
        tables = [table for table in shop.User.metadata.sorted_tables if table.name.startswith("genkan_")]
        shop.User.metadata.drop_all(connection, tables=tables)
    shop.add_user(name="Second")
    with shop.context() as session:
        session.query(shop.User).delete()
        session.commit()
    assert shop.users() == []
