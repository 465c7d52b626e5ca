"""A sign-in with a passkey or a second factor, and a change that takes what it has proven away at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from genkan.actions.email.change_address import UNDO_MARGIN
from genkan.actions.second_factor.change import reset
from genkan.actions.users import list_sessions
from genkan.adapters.sessions import SessionRecord
from genkan.types import User
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import link, mails
from tests.passkeys.authenticator import Authenticator
from tests.passkeys.ceremonies import add_passkey, error_of, options, send, stored_id
from tests.passkeys.ceremonies import sign_in as sign_in_by_passkey
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS, SECOND, App, enter, secret_in, sign_in, sign_up
from tests.second_factor.test_passkeys import fields_of

OTHER = "seven quiet rivers under snow"

Meanwhile = Callable[[Any, str, Callable[[], object]], None]


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_URL="http://localhost:5000", AUTH_PASSWORDS="on", AUTH_PASSKEYS="on", AUTH_TOTP="on")


@pytest.fixture(name="meanwhile")
def _meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a function that runs an action once, just before a method of a store runs."""

    def before(store: Any, name: str, action: Callable[[], object]) -> None:
        method = getattr(type(store), name)

        def call(*arguments: Any, **named: Any) -> object:
            monkeypatch.undo()
            action()
            return method(*arguments, **named)

        monkeypatch.setattr(type(store), name, call)

    return before


def user_of(browser: Browser) -> User:
    user: User | None = browser.core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    return user


def active_sessions(browser: Browser) -> list[SessionRecord]:
    return list_sessions(user_of(browser).id, browser.core)


def waiting(app: Flask) -> Browser:
    browser = Browser(app)
    assert sign_in(browser) == SECOND.replace("127.0.0.1", "localhost")
    return browser


def reset_by_mail(app: Flask) -> Callable[[], None]:
    """Return the last step of a reset of the password, whose link the owner has opened."""
    owner = Browser(app)
    owner.submit("/account/reset", email=ADDRESS)
    owner.get(link(mails(app)[0]))

    def submit() -> None:
        assert owner.submit("/account/reset/new", password=OTHER).status_code == 303

    return submit


@pytest.mark.parametrize(
    ("change", "point"),
    [("reset", "the device is stored"), ("reset", "the session is stored"), ("off", "the session is stored")],
)
def test_a_second_factor_completes_no_sign_in_that_a_change_has_ended(
    enrolled: Enrolled, app: Flask, meanwhile: Meanwhile, change: str, point: str
) -> None:
    """A new password, or no second factor. Neither the session nor the trusted device remains."""
    browser, core = waiting(app), enrolled.browser.core
    user, factor = user_of(browser), core.second_factor
    action = reset_by_mail(app) if change == "reset" else lambda: reset(user, core, factor)
    known = len(active_sessions(browser))
    store, method = (factor.store, "trust") if "device" in point else (core.sessions.store, "create")
    meanwhile(store, method, action)

    assert "reason=expired" in enter(browser, enrolled.app.next_code(), trust="on").headers["Location"]
    assert browser.session() is None
    assert len(active_sessions(browser)) == (0 if change == "reset" else known)
    assert factor.store.list_devices(user.id) == []


@pytest.mark.parametrize("purpose", ["", "second"])
def test_a_removed_passkey_starts_no_session(
    enrolled: Enrolled, app: Flask, meanwhile: Meanwhile, purpose: str
) -> None:
    """Neither alone nor as the second factor. The session of the owner goes on."""
    owner, core = enrolled.browser, enrolled.browser.core
    passkey = add_passkey(owner)
    browser = waiting(app) if purpose else Browser(app)
    fields = {"purpose": purpose} if purpose else {}
    known = active_sessions(owner)
    credential = passkey.get(options(browser, **fields))
    meanwhile(
        core.sessions.store,
        "create",
        lambda: owner.submit("/account/passkeys/remove", id=stored_id(passkey.id)),
    )

    assert error_of(send(browser, "authenticate", credential, **fields)) == "Configuration"
    assert core.passkeys.store.list(user_of(owner).id) == []
    assert browser.session() is None
    assert [record.id for record in active_sessions(owner)] == [record.id for record in known]


def test_restoring_the_address_ends_a_session_that_a_younger_passkey_has_just_started(
    app: Flask, meanwhile: Meanwhile
) -> None:
    thief, owner, device = Browser(app), Browser(app), Browser(app)
    sign_up(thief, app)
    thief.submit("/account/address", email="thief@example.com")
    old, new = mails(app)[:2]
    passkey: Authenticator = add_passkey(thief)
    thief.submit("/account/address/confirm", None, **fields_of(thief, link(new)))
    fields = fields_of(owner, link(old))
    started: list[str | None] = []
    meanwhile(
        thief.core.email.stores.addresses,
        "change_email",
        lambda: started.append(error_of(sign_in_by_passkey(device, passkey))),
    )
    owner.submit("/account/address/undo", None, **fields)

    assert started == [None]
    assert device.session() is None
    assert active_sessions(owner) == []


def test_an_app_that_has_taken_the_place_of_an_older_one_stays_when_the_address_is_restored(
    enrolled: Enrolled, app: Flask, clock: FrozenClock
) -> None:
    browser, owner = Browser(app), Browser(app)
    clock.advance(UNDO_MARGIN + 1)
    sign_in(browser)
    enter(browser, enrolled.app.code())
    browser.submit("/account/address", email="other@example.com")
    old = mails(app)[0]
    new = App(secret_in(browser.get("/account/totp?replace").text), clock)
    browser.submit("/account/totp", code=new.code())

    owner.submit("/account/address/undo", None, **fields_of(owner, link(old)))
    assert enrolled.browser.core.second_factor.is_on(user_of(owner).id)


def test_restoring_the_address_before_the_change_starts_a_session_ends_that_session(
    app: Flask, clock: FrozenClock, meanwhile: Meanwhile
) -> None:
    thief, owner = Browser(app), Browser(app)
    sign_up(thief, app)
    thief.submit("/account/address", email="thief@example.com")
    old, new = mails(app)[:2]
    fields, undo = fields_of(thief, link(new)), fields_of(owner, link(old))

    def restore() -> None:
        assert owner.submit("/account/address/undo", None, **undo).status_code == 303
        # A session that starts in a later second is not covered by the end of all others.
        clock.advance(1)

    meanwhile(thief.core.sessions.store, "get", restore)
    thief.submit("/account/address/confirm", None, **fields)

    assert user_of(owner).email == ADDRESS
    assert thief.session() is None
    assert active_sessions(owner) == []
