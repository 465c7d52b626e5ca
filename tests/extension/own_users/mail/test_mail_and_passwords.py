"""Sign-in by mail and by password in an application with users of its own."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from blinker import Signal
from flask import Flask

from genkan import signals
from genkan.types import Identity
from tests.browser import Browser
from tests.email.mails import code, link, mails
from tests.extension.own_users.conftest import MakeShop
from tests.extension.own_users.shops import Shop

ADDRESS = "hana@example.com"
PASSWORD = "three green lanterns at noon"
OTHER = "seven quiet rivers under snow"
ACCOUNT = "/genkan/account"
ON: dict[str, str] = {"AUTH_PASSWORDS": "on", "AUTH_DEVELOPMENT_PROVIDER": "on"}


@pytest.fixture(name="identities")
def _identities() -> list[Identity]:
    return []


@pytest.fixture(name="shop")
def _shop(make: MakeShop, identities: list[Identity]) -> Shop:
    """Return a shop that finds its users by their verified address."""
    shop = make(**ON)

    @shop.accounts.existing_user()
    def existing_user(identity: Identity) -> Any:
        identities.append(identity)
        return shop.session.query(shop.User).filter_by(email=identity.email, email_confirmed=True).first()

    @shop.accounts.new_user
    def new_user(identity: Identity) -> Any:
        identities.append(identity)
        return shop.User(name=identity.name or str(identity.email), email=identity.email, email_confirmed=True)

    return shop


@pytest.fixture(name="app")
def _app(shop: Shop) -> Flask:
    shop.app.test_client().get("/api/auth/csrf")
    return shop.app


@pytest.fixture(name="guest")
def _guest(app: Flask) -> Browser:
    return Browser(app)


def sign_up(browser: Browser) -> None:
    browser.submit(f"{ACCOUNT}/sign-up", email=ADDRESS, password=PASSWORD)
    browser.submit("/api/auth/callback/email", code=code(mails(browser.app)[0]))
    assert browser.session() is not None


def sign_in_by_link(browser: Browser) -> None:
    browser.submit("/api/auth/signin/email", email=ADDRESS)
    browser.get(link(mails(browser.app)[0]))


def sign_in(browser: Browser, password: str = PASSWORD, email: str = ADDRESS) -> bool:
    browser.submit("/api/auth/callback/credentials", email=email, password=password)
    return browser.session() is not None


def confirm(browser: Browser, url: str, path: str) -> None:
    """Open a link of a mail and press its button."""
    fields = dict(re.findall(r'name="([a-zA-Z]+)" value="([^"]*)"', browser.get(url).text))
    browser.post(f"{ACCOUNT}{path}", data={name: unescape(fields[name]) for name in fields})


def test_a_sign_up_creates_a_user_of_the_application(shop: Shop, guest: Browser, identities: list[Identity]) -> None:
    sign_up(guest)
    [user] = shop.users()
    assert (user.email, user.email_confirmed) == (ADDRESS, True)
    assert shop.current_user_id(guest) == str(user.id)
    assert {(identity.id, identity.provider, identity.subject) for identity in identities} == {
        (f"email:{ADDRESS}", "email", ADDRESS)
    }
    assert {(identity.email, identity.unverified_email) for identity in identities} == {(ADDRESS, None)}
    other = Browser(shop.app)
    assert sign_in(other)
    assert shop.current_user_id(other) == str(user.id)
    assert len(shop.users()) == len(shop.stored_ids()) == 1


def test_a_link_signs_a_user_of_the_application_in(shop: Shop, guest: Browser) -> None:
    known = shop.add_user(name="Hana", email=ADDRESS, email_confirmed=True)
    sign_in_by_link(guest)
    assert shop.current_user_id(guest) == str(known)
    assert [user.id for user in shop.users()] == [known]
    guest.sign_out()
    sign_in_by_link(guest)
    assert shop.current_user_id(guest) == str(known)


def test_a_user_who_has_not_verified_the_address_is_not_taken(shop: Shop, guest: Browser) -> None:
    """The table refuses a second user with the address, which the application may decide otherwise."""
    shop.add_user(name="Sly", email=ADDRESS, email_confirmed=False)
    sign_in_by_link(guest)
    assert guest.session() is None
    assert shop.stored_ids() == []


def test_a_user_who_is_not_active_gets_nothing(shop: Shop, guest: Browser) -> None:
    sign_up(guest)
    shop.change(is_active=False)
    other = Browser(shop.app)
    assert not sign_in(other)
    count = len(mails(shop.app))
    other.submit("/api/auth/signin/email", email=ADDRESS)
    other.submit(f"{ACCOUNT}/reset", email=ADDRESS)
    assert len(mails(shop.app)) == count


def test_a_reset_replaces_the_password(shop: Shop, guest: Browser) -> None:
    sign_up(guest)
    other = Browser(shop.app)
    other.submit(f"{ACCOUNT}/reset", email=ADDRESS)
    other.get(link(mails(shop.app)[0]))
    other.submit(f"{ACCOUNT}/reset/new", password=OTHER)
    assert guest.session() is None
    assert not sign_in(Browser(shop.app))
    assert sign_in(Browser(shop.app), OTHER)


def test_the_application_stores_a_changed_address(shop: Shop, guest: Browser) -> None:
    def store(_: object, *, user: Any) -> None:
        own_user = shop.session.get(shop.User, int(user.application_id))
        own_user.email, own_user.email_confirmed = user.email, True
        shop.session.commit()

    sign_up(guest)
    with Signal.connected_to(signals.address_changed, store):
        other = Browser(shop.app)
        assert sign_in(other)
        guest.submit(f"{ACCOUNT}/address", email="new@example.com")
        old, new = mails(shop.app)[:2]
        confirm(guest, link(new), "/address/confirm")
        [user] = shop.users()
        assert user.email == "new@example.com"
        assert shop.current_user_id(guest) == str(user.id)
        assert other.session() is None
        assert sign_in(Browser(shop.app), email="new@example.com")

        confirm(Browser(shop.app), link(old), "/address/undo")
    assert [user.email for user in shop.users()] == [ADDRESS]
    assert guest.session() is None
    assert not sign_in(Browser(shop.app))
