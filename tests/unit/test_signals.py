"""Signals: their order and arguments, and isolation of failing receivers."""

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

Received = list[tuple[str, dict[str, Any]]]


@pytest.fixture(name="received")
def _received() -> Iterator[Received]:
    received: Received = []
    with ExitStack() as stack:
        for signal in SIGNALS:
            stack.enter_context(signal.connected_to(_receiver(signal, received)))
        yield received


def _receiver(signal: NamedSignal, received: Received) -> Any:
    def receive(_sender: object, **arguments: object) -> None:
        received.append((signal.name, arguments))

    return receive


def _names(received: Received) -> list[str]:
    return [name for name, _ in received]


def test_a_first_sign_in_sends_user_created_account_linked_and_signed_in(browser: Browser, received: Received) -> None:
    browser.sign_in()
    assert _names(received) == ["user-created", "account-linked", "signed-in"]
    created, linked, signed_in = (arguments for _, arguments in received)
    assert isinstance(created["user"], User)
    assert isinstance(linked["account"], Account)
    assert linked["account"].user_id == created["user"].id == signed_in["user"].id
    assert linked["profile"]["sub"] == linked["account"].provider_account_id
    assert signed_in["is_new_user"] is True


def test_a_later_sign_in_sends_signed_in_only(browser: Browser, received: Received) -> None:
    browser.sign_in()
    browser.sign_out()
    received.clear()
    browser.sign_in()
    assert _names(received) == ["signed-in"]
    assert received[0][1]["is_new_user"] is False


def test_session_is_sent_once_for_each_request_that_reads_a_session(browser: Browser, received: Received) -> None:
    browser.get("/dashboard")
    browser.sign_in()
    received.clear()
    for path in ("/health/live", "/dashboard", "/api/auth/session", "/about"):
        browser.get(path)
    assert _names(received) == ["session", "session"]
    session, token = received[0][1]["session"], received[0][1]["token"]
    assert isinstance(session, Session)
    assert session.user.id == token["sub"]


def test_signed_out_is_sent_with_the_token_and_only_for_a_session(browser: Browser, received: Received) -> None:
    browser.sign_in()
    (subject,) = {arguments["user"].id for name, arguments in received if name == "signed-in"}
    received.clear()
    browser.sign_out()
    browser.sign_out()
    assert [(name, arguments["token"]["sub"]) for name, arguments in received if name == "signed-out"] == [
        ("signed-out", subject)
    ]


def test_a_failing_receiver_is_logged_and_affects_neither_others_nor_the_request(
    browser: Browser, received: Received, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_sender: object, **_arguments: object) -> None:
        raise RuntimeError("the token is eyJ")

    caplog.set_level(logging.INFO)
    with ExitStack() as stack:
        for signal in SIGNALS:
            stack.enter_context(signal.connected_to(fail))
        browser.sign_in()
        assert browser.session()
    assert _names(received) == ["user-created", "account-linked", "signed-in", "session"]
    logged = [record for record in caplog.records if record.getMessage() == "signal receiver failed"]
    assert len(logged) == 4
    assert "eyJ" not in str([record.__dict__ for record in caplog.records])


def test_a_receiver_that_changes_the_token_does_not_change_the_session(browser: Browser, clock: FrozenClock) -> None:
    def clear_token(_sender: object, *, session: Session, token: dict[str, Any]) -> None:
        token.clear()

    browser.sign_in()
    before = browser.session()
    clock.advance(86_400)
    with signals.session.connected_to(clear_token):
        assert "authjs.session-token" in browser.get("/api/auth/session").headers["Set-Cookie"]
    after = browser.session()
    assert before
    assert after
    assert after["user"] == before["user"]


def test_a_signal_without_receivers_can_be_sent() -> None:
    signals.send(signals.account_linked, user=None)


def test_receivers_of_signed_out_get_a_copy_of_the_token(browser: Browser) -> None:
    """A concurrent request of another tab may use the same cached session."""
    browser.sign_in()
    cached = _token(browser, f"{COOKIE}={browser.cookie(COOKIE)}")
    before = deepcopy(cached)

    def change_token(_sender: object, token: Token, **_arguments: object) -> None:
        token.update(sub="another-user", role="admin")

    with signals.signed_out.connected_to(change_token):
        browser.sign_out()

    assert cached == before
    assert before["role"] == "user"


def _token(browser: Browser, cookie: str) -> Token:
    known = read(RequestCookies(cookie), browser.core.sessions).cached
    assert known is not None
    return known.token
