"""News for whoever wants it: the right news in the right order, and no receiver can spoil it for the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import pytest
from blinker import NamedSignal

from genkan import signals
from genkan.http.cookies import RequestCookies
from genkan.session.reader import read
from genkan.types import Account, Session, Token, User
from tests.browser import Browser
from tests.clock import FrozenClock

COOKIE = "authjs.session-token"

SIGNALS = (
    signals.signed_in,
    signals.signed_out,
    signals.user_created,
    signals.account_linked,
    signals.session,
)

News = list[tuple[str, dict[str, Any]]]


@pytest.fixture(name="heard")
def _heard() -> Iterator[News]:
    heard: News = []
    with ExitStack() as stack:
        for signal in SIGNALS:
            stack.enter_context(signal.connected_to(_receiver(signal, heard)))
        yield heard


def _receiver(signal: NamedSignal, heard: News) -> Any:
    def receive(_sender: object, **news: object) -> None:
        heard.append((signal.name, news))

    return receive


def _names(heard: News) -> list[str]:
    return [name for name, _ in heard]


def test_a_first_sign_in_tells_of_the_user_the_account_and_the_sign_in(browser: Browser, heard: News) -> None:
    browser.sign_in()
    assert _names(heard) == ["user-created", "account-linked", "signed-in"]
    created, linked, signed_in = (news for _, news in heard)
    assert isinstance(created["user"], User)
    assert isinstance(linked["account"], Account)
    assert linked["account"].user_id == created["user"].id == signed_in["user"].id
    assert linked["profile"]["sub"] == linked["account"].provider_account_id
    assert signed_in["is_new_user"] is True


def test_a_later_sign_in_tells_of_the_sign_in_only(browser: Browser, heard: News) -> None:
    browser.sign_in()
    browser.sign_out()
    heard.clear()
    browser.sign_in()
    assert _names(heard) == ["signed-in"]
    assert heard[0][1]["is_new_user"] is False


def test_a_session_is_told_once_in_each_request_that_asks_and_finds_one(browser: Browser, heard: News) -> None:
    browser.get("/dashboard")
    browser.sign_in()
    heard.clear()
    for path in ("/health/live", "/dashboard", "/api/auth/session", "/about"):
        browser.get(path)
    assert _names(heard) == ["session-read", "session-read"]
    session, token = heard[0][1]["session"], heard[0][1]["token"]
    assert isinstance(session, Session)
    assert session.user.id == token["sub"]


def test_signing_out_tells_whose_session_it_was_and_nothing_when_nobody_was_there(
    browser: Browser, heard: News
) -> None:
    browser.sign_in()
    (subject,) = {news["user"].id for name, news in heard if name == "signed-in"}
    heard.clear()
    browser.sign_out()
    browser.sign_out()
    assert [(name, news["token"]["sub"]) for name, news in heard if name == "signed-out"] == [("signed-out", subject)]


def test_a_receiver_that_raises_is_logged_by_its_class_and_keeps_nobody_from_hearing_or_signing_in(
    browser: Browser, heard: News, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_sender: object, **_news: object) -> None:
        raise RuntimeError("the token is eyJ")

    caplog.set_level(logging.INFO)
    with ExitStack() as stack:
        for signal in SIGNALS:
            stack.enter_context(signal.connected_to(fail))
        browser.sign_in()
        assert browser.session()
    assert _names(heard) == ["user-created", "account-linked", "signed-in", "session-read"]
    failed = [record for record in caplog.records if record.getMessage() == "event receiver failed"]
    assert len(failed) == 4
    assert "eyJ" not in str([record.__dict__ for record in caplog.records])


def test_a_receiver_that_scribbles_on_the_token_changes_no_session(browser: Browser, clock: FrozenClock) -> None:
    def scribble(_sender: object, *, session: Session, token: dict[str, Any]) -> None:
        token.clear()

    browser.sign_in()
    before = browser.session()
    clock.advance(86_400)
    with signals.session.connected_to(scribble):
        assert "authjs.session-token" in browser.get("/api/auth/session").headers["Set-Cookie"]
    after = browser.session()
    assert before
    assert after
    assert after["user"] == before["user"]


def test_where_nobody_listens_nothing_happens() -> None:
    signals.send(signals.account_linked, user=None)


def test_whoever_hears_of_a_sign_out_gets_a_token_of_their_own(browser: Browser) -> None:
    """Another tab's request may be answered from the same finished session at that moment."""
    browser.sign_in()
    shared = _token(browser, f"{COOKIE}={browser.cookie(COOKIE)}")
    before = deepcopy(shared)

    def spoil(_sender: object, token: Token, **_news: object) -> None:
        token.update(sub="somebody else", role="admin")

    with signals.signed_out.connected_to(spoil):
        browser.sign_out()

    assert shared == before
    assert before["role"] == "user"


def _token(browser: Browser, cookie: str) -> Token:
    known = read(RequestCookies(cookie), browser.options.sessions).cached
    assert known is not None
    return known.token
