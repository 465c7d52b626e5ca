"""A user whom the application deletes has no session any more, and a primary key that is used again revives none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, text

from tests.clock import FrozenClock
from tests.extension.own_users.conftest import client_of
from tests.extension.own_users.shops import Shop
from tests.provider_client import ProviderClient
from tests.servers.faulty.provider import FaultyProvider


def delete_object(shop: Shop, session: Any) -> None:
    """Delete as most applications do."""
    session.delete(session.query(shop.User).one())


def delete_by_query(shop: Shop, session: Any) -> None:
    """Delete several at once in SQLAlchemy's older style."""
    session.query(shop.User).filter_by(name="Vera Visitor").delete()


def delete_by_statement(shop: Shop, session: Any) -> None:
    """Delete several at once in SQLAlchemy's newer style."""
    session.execute(delete(shop.User).where(shop.User.name == "Vera Visitor"))


def delete_by_sql(shop: Shop, session: Any) -> None:
    """Delete without the ORM, where foreign keys are enforced."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA foreign_keys=ON"))
    session.execute(text('DELETE FROM "user"'))


@pytest.mark.parametrize("remove", [delete_object, delete_by_query, delete_by_statement, delete_by_sql])
def test_the_sessions_of_a_deleted_user_end(
    shop: Shop, client: ProviderClient, remove: Callable[[Shop, Any], None]
) -> None:
    client.sign_in_as()
    assert client.session() is not None
    with shop.context() as session:
        remove(shop, session)
        session.commit()
    client.core.sessions.revocations.read_now()
    assert client.session() is None
    assert shop.stored_ids() == []


def test_a_deletion_that_is_rolled_back_ends_nothing(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    with shop.context() as session:
        delete_object(shop, session)
        session.flush()
        session.rollback()
    client.core.sessions.revocations.read_now()
    assert client.session() is not None


def test_a_deletion_that_nothing_reports_ends_the_session_in_two_minutes(
    shop: Shop, client: ProviderClient, clock: FrozenClock
) -> None:
    client.sign_in_as()
    # In SQLite without foreign keys. In PostgreSQL the foreign key reports it.
    with shop.engine_context() as connection:
        connection.execute(text('DELETE FROM "user"'))
    clock.advance(121)
    assert client.session() is None


def test_forget_ends_the_sessions(shop: Shop, client: ProviderClient) -> None:
    client.sign_in_as()
    with shop.context():
        shop.accounts.forget(shop.users()[0])
    assert client.session() is None
    assert shop.stored_ids() == []
    assert len(shop.users()) == 1


@pytest.mark.parametrize("remove", [delete_object, delete_by_statement, delete_by_sql])
def test_a_primary_key_that_is_used_again_revives_no_session_and_no_link(
    shop: Shop, client: ProviderClient, op: FaultyProvider, remove: Callable[[Shop, Any], None]
) -> None:
    client.sign_in_as()
    key = shop.users()[0].id
    with shop.context() as session:
        remove(shop, session)
        session.commit()
    shop.add_user(id=key, name="Successor")
    client.core.sessions.revocations.read_now()
    assert client.session() is None
    again = client_of(shop, op)
    again.sign_in_as()
    assert (again.session() or {})["user"]["id"] != str(key)
    assert shop.current_user_id(client) is None


def test_a_link_that_the_deletion_left_ends_when_the_key_is_used_again(
    shop: Shop, client: ProviderClient, op: FaultyProvider, url: str
) -> None:
    """SQLite enforces no foreign keys by default, so only the insertion shows it."""
    if not url.startswith("sqlite"):
        return
    client.sign_in_as()
    key = shop.users()[0].id
    with shop.engine_context() as connection:
        connection.execute(text('DELETE FROM "user"'))
    shop.add_user(id=key, name="Successor")
    client.core.sessions.revocations.read_now()
    assert client.session() is None
    assert shop.stored_ids() == []
