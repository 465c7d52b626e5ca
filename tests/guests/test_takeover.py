"""No sign-in reaches the row of another user: by an unverified address, a row prepared for a victim, or a reused key."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, inspect, select, text

from tests.browser import Browser
from tests.guests.applications import GUESTS
from tests.guests.guest import Guest
from tests.guests.test_guests import browser_of

HANA, UMA = "hana@example.com", "uma@example.com"
"""Addresses of two users of the development provider, which has not verified the second one."""

WITH_USERS = [name for name, guest in GUESTS.items() if guest.find_users]

NEW_KEYS = {"journal": 7, "board": "mallory"}
"""Keys for rows that tests add. None: the application chooses one."""


class Rows:
    """The users in the application's own table."""

    def __init__(self, app: Flask, guest: Guest) -> None:
        assert guest.find_users is not None
        self.app, self.guest = app, guest
        self.User, self._session = guest.find_users(sys.modules[guest.name])

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Open an application context and return the application's session. It is committed at the end."""
        with self.app.app_context():
            yield self._session
            self._session.commit()
            self._session.remove()

    def add(self, key: object = None, **columns: object) -> str:
        """Add a user with a password of an attacker or of the user. Return the primary key as text."""
        key = NEW_KEYS.get(self.guest.name) if key is None else key
        columns = columns if self.guest.name == "board" else {"name": "mallory", **columns}
        password = "password_hash" if self.guest.name == "journal" else "password"
        with self.session() as session:
            user = self.User(**({} if key is None else {"id": key}), **{password: "of mallory"}, **columns)
            session.add(user)
            session.flush()
            return str(user.id)

    def all(self) -> dict[str, str | None]:
        """Return the address of each user by the primary key as text."""
        with self.session() as session:
            return {str(user.id): user.email for user in session.scalars(select(self.User))}


@pytest.fixture(name="guest", params=WITH_USERS)
def _guest(request: pytest.FixtureRequest) -> Guest:
    return GUESTS[request.param]


@pytest.fixture(name="rows")
def _rows(app: Flask, guest: Guest) -> Rows:
    return Rows(app, guest)


def user_id(browser: Browser) -> str | None:
    """Return the primary key of the application's user, who is signed in. None if none is."""
    session = browser.session()
    return None if session is None else session["user"]["id"]


def sign_in(app: Flask, name: str = "Hana Example") -> tuple[Browser, str]:
    """Sign in as this user of the provider. Return the browser and where the sign-in led."""
    browser = browser_of(app)
    return browser, browser.sign_in(name, callback_url="/").headers["Location"]


def test_a_confirmed_address_leads_to_the_row(app: Flask, rows: Rows) -> None:
    key = rows.add(email=HANA, email_confirmed=True)
    browser, _ = sign_in(app)

    assert user_id(browser) == key
    assert rows.all() == {key: HANA}


def test_an_unverified_address_does_not_lead_to_the_row(app: Flask, rows: Rows, guest: Guest) -> None:
    key = rows.add(email=UMA, email_confirmed=True)
    browser, location = sign_in(app, "Uma Unverified")

    assert rows.all()[key] == UMA
    if guest.name == "journal":  # whose users need an address
        assert (user_id(browser), "error=AccessDenied" in location) == (None, True)
        assert rows.all() == {key: UMA}
    else:
        assert user_id(browser) not in (None, key)
        assert sorted(rows.all().values(), key=str) == [None, UMA]


def test_a_row_that_another_person_prepared_for_the_address_is_not_linked(app: Flask, rows: Rows) -> None:
    """The attacker has registered the victim's address with a password, and can't confirm it."""
    key = rows.add(email=HANA, email_confirmed=False)
    browser, location = sign_in(app)

    assert user_id(browser) is None
    assert "error=AccessDenied" in location
    assert browser.get(location).status_code < 500
    assert rows.all() == {key: HANA}


def delete_by_orm(session: Any, user: Any) -> None:
    session.delete(user)


def delete_in_bulk(session: Any, user: Any) -> None:
    session.execute(delete(type(user)).where(type(user).id == user.id))


def delete_by_sql(session: Any, user: Any) -> None:
    column = inspect(type(user)).primary_key[0]
    key = column.type.bind_processor(session.get_bind().dialect)
    parameters = {"key": key(user.id) if key else user.id}
    session.execute(text(f'DELETE FROM "{column.table.name}" WHERE id = :key'), parameters)


@pytest.mark.parametrize("delete_row", [delete_by_orm, delete_in_bulk, delete_by_sql])
def test_a_reused_key_revives_neither_session_nor_link(
    app: Flask, rows: Rows, delete_row: Callable[[Any, Any], None]
) -> None:
    browser, _ = sign_in(app)
    key = user_id(browser)
    with rows.session() as session:
        user = session.scalar(select(rows.User))
        reused = user.id
        delete_row(session, user)
    rows.add(reused, email="mallory@example.com")
    deadline = time.monotonic() + 5
    while user_id(browser) is not None:
        assert time.monotonic() < deadline, "the old session reaches the new row"
        time.sleep(0.1)
    again, _ = sign_in(app)

    assert user_id(again) != key
    assert rows.all()[str(key)] == "mallory@example.com"
