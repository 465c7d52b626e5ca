"""The application of these tests, its users, and the statements that a request sends to the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from itertools import count
from typing import Any

from flask import Flask
from sqlalchemy import event, inspect, select, table, text
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from genkan.adapters.addresses import AddressStores
from genkan.adapters.sqlalchemy import Database
from genkan.types import Account, User
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.email.mails import link, mails

PASSWORD = "three green lanterns at noon"
OTHER = "seven quiet rivers under snow"

_numbers = count(1)


def new_address(kind: str = "user") -> str:
    """Return an address that no other test has. All of a kind have the same length."""
    return f"{kind}{next(_numbers):05}@example.com"


class Site:
    """Application with a frozen clock."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self.app, self.clock = app, clock
        self.core = app.extensions["genkan"].core
        self.database: Database = self.core.adapter._database
        self.local: AddressStores = self.core.email.stores
        self._networks = count(1)

    def browser(self) -> Browser:
        """Return a new browser in a network of its own."""
        number = next(self._networks)
        browser = Browser(self.app)
        browser.client.environ_base["REMOTE_ADDR"] = f"10.{number >> 8 & 255}.{number & 255}.7"
        return browser

    def user(self, email: str, *, verified: bool = True, password: str | None = None, disabled: bool = False) -> None:
        """Store a user with an account of a provider."""
        proven = datetime.fromtimestamp(int(self.clock()), UTC) if verified else None
        account = Account("hub", f"subject of {email}", "oidc")
        user, _ = self.core.adapter.create_user(User("", "Hana", email, email_verified=proven), account)
        if password is not None:
            assert self.local.addresses.set_password(user.id, self.core.passwords.hasher.hash(password))
        if disabled:
            self.core.adapter.update_user(user.id, disabled=True)

    def mails_to(self, email: str) -> list[Any]:
        """Return the mails to this address, the latest first."""
        return [mail for mail in mails(self.app) if mail.to == email]

    def sign_up(self, email: str, password: str = PASSWORD) -> Browser:
        """Return the browser of a new user with this password, signed in."""
        browser = self.browser()
        browser.submit("/account/sign-up", email=email, password=password)
        browser.get(link(self.mails_to(email)[0]))
        assert browser.session() is not None
        return browser

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the statements that are sent to the database during the block."""
        sent: list[str] = []

        def add(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            # The list of revocations is read once a second.
            if "revocations" not in statement and "pg_" not in statement:
                sent.append(statement)

        self.core.sessions.revocations.read_now()
        event.listen(self.database.engine, "before_cursor_execute", add)
        try:
            yield sent
        finally:
            event.remove(self.database.engine, "before_cursor_execute", add)

    @contextmanager
    def failing(self, table: str) -> Iterator[None]:
        """Let every statement that inserts into or updates this table fail during the block."""

        def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith((f"INSERT INTO {table}", f"UPDATE {table}")):
                raise OperationalError(statement, None, Exception("the connection was lost"))

        event.listen(self.database.engine, "before_cursor_execute", fail)
        try:
            yield
        finally:
            event.remove(self.database.engine, "before_cursor_execute", fail)

    def rows(self) -> list[tuple[str, str]]:
        """Return table and text of every row of the database."""
        found: list[tuple[str, str]] = []
        with self.database.engine.connect() as connection:
            for name in inspect(connection).get_table_names():
                found += [
                    (name, repr(tuple(row))) for row in connection.execute(select(text("*")).select_from(table(name)))
                ]
        return found


def fields_of(response: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the page."""
    page = response.get_data(as_text=True)
    return {
        name: unescape(value) for name, value in re.findall(r'name="(\w+)"(?: type="email")? value="([^"]*)"', page)
    }
