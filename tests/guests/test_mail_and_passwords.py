"""An application with users of its own turns sign-in by mail and passwords on, or keeps its own passwords."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.browser import Browser
from tests.email.mails import code, link, mails
from tests.guests.guest import Guest
from tests.guests.test_guests import browser_of
from tests.guests.test_own_users import only

ADDRESS = "rin@example.com"
PASSWORD = "three green lanterns at noon"


@pytest.fixture(name="passwords", params=["on"])
def _passwords(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="guest")
def _guest(guest: Guest, passwords: str) -> Guest:
    """Return the application with this value of AUTH_PASSWORDS."""

    def environment(folder: Path, testing: bool) -> dict[str, str]:
        return {**guest.environment(folder, testing), "AUTH_PASSWORDS": passwords}

    return replace(guest, environment=environment)


def sign_in(browser: Browser, password: str) -> bool:
    browser.submit("/api/auth/callback/credentials", email=ADDRESS, password=password)
    return browser.session() is not None


@only("catalog")
def test_a_reader_signs_up_and_signs_in(app: Flask) -> None:
    browser = browser_of(app)
    browser.submit("/genkan/account/sign-up", email=ADDRESS, password=PASSWORD)
    browser.submit("/api/auth/callback/email", code=code(mails(app)[0]))
    assert "Books for" in browser.get("/account").text
    assert sign_in(Browser(app), PASSWORD)
    other = Browser(app)
    other.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/account")
    assert other.get(link(mails(app)[0])).headers["Location"].endswith("/account")
    assert other.session() is not None
    models = sys.modules["catalog.models"]
    with app.app_context():
        [reader] = models.db.session.scalars(models.db.select(models.User))
        assert (reader.email, reader.email_confirmed) == (ADDRESS, True)


@only("catalog")
@pytest.mark.parametrize("passwords", ["off"], indirect=True)
def test_a_reader_keeps_the_password_of_before(app: Flask) -> None:
    models, catalog = sys.modules["catalog.models"], sys.modules["catalog"]
    catalog.accounts.authorize(lambda fields: models.User.by_password(fields["email"], fields["password"]))
    with app.app_context():
        reader = models.User(name="Rin", email=ADDRESS)
        reader.set_password("old password")
        models.db.session.add(reader)
        models.db.session.commit()
    browser = browser_of(app)
    assert not sign_in(browser, "another password")
    assert sign_in(browser, "old password")
    assert "Books for Rin" in browser.get("/account").text
    with app.app_context():
        assert models.db.session.scalar(models.db.select(models.db.func.count()).select_from(models.User)) == 1
