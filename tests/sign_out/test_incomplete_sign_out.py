"""A sign-out that could not be stored: what the client is told, and what the ticket can and cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from re import findall

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.crypto.sealer import Sealer
from genkan.errors import AdapterError
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import Environment, MakeApp
from tests.core import SECRET

COOKIE = "authjs.session-token"


@pytest.fixture(name="strategy", params=["jwt", "database"], autouse=True)
def _strategy(request: pytest.FixtureRequest, environment: Environment) -> str:
    environment["AUTH_SESSION_STRATEGY"] = request.param
    return str(request.param)


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in()
    return browser


@contextmanager
def failing(browser: Browser, *methods: str) -> Iterator[None]:
    def fail(*_: object, **__: object) -> None:
        raise AdapterError("full")

    with pytest.MonkeyPatch.context() as patch:
        for method in methods:
            patch.setattr(browser.core.sessions.store, method, fail)
        yield


def copy_of(browser: Browser) -> Browser:
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    return copy


def ticket_in(response: TestResponse) -> str:
    (ticket,) = findall(r'name="ticket" value="([^"]+)"', response.text)
    return unescape(ticket)


def failed_sign_out(browser: Browser) -> str:
    """Sign out while nothing can be stored. Return the ticket."""
    with failing(browser, "revoke_session"):
        response = browser.submit("/api/auth/signout")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert browser.cookie(COOKIE) is None
    return ticket_in(response)


def test_the_session_is_valid_until_the_ticket_is_used_and_never_again(hana: Browser) -> None:
    copy = copy_of(hana)
    ticket = failed_sign_out(hana)
    assert copy.session() is not None
    assert hana.submit("/api/auth/signout", ticket=ticket, callbackUrl="/about").headers["Location"].endswith("/about")
    assert copy.session() is None


def test_the_ticket_revokes_no_other_session(hana: Browser) -> None:
    ticket = failed_sign_out(hana)
    hana.sign_in()
    assert hana.submit("/api/auth/signout", ticket=ticket).status_code == 303
    assert hana.session() is not None


def test_the_ticket_works_twice_and_on_another_worker(hana: Browser, make_app: MakeApp) -> None:
    copy, ticket = copy_of(hana), failed_sign_out(hana)
    other = Browser(make_app())
    for _ in range(2):
        assert other.submit("/api/auth/signout", ticket=ticket).status_code == 303
    copy.core.sessions.revocations.read_now()
    assert copy.session() is None


def test_the_ticket_expires(hana: Browser, clock: FrozenClock) -> None:
    copy, ticket = copy_of(hana), failed_sign_out(hana)
    clock.advance(16 * 60)
    response = hana.submit("/api/auth/signout", ticket=ticket)
    assert "/api/auth/error" in response.headers["Location"]
    assert copy.session() is not None


@pytest.mark.parametrize("salt", [COOKIE, "authjs.flow", "authjs.sign-out"])
def test_a_value_that_was_sealed_for_another_purpose_is_no_ticket(hana: Browser, clock: FrozenClock, salt: str) -> None:
    sid = hana.core.sessions.store.list_all_active(int(clock()), 1)[0].id
    forged = Sealer((SECRET,), salt, clock).seal({"sid": sid, "cookie_value": ""}, 900)
    response = Browser(hana.app).submit("/api/auth/signout", ticket=forged)
    assert "/api/auth/error" in response.headers["Location"]
    assert hana.session() is not None


def test_a_ticket_needs_the_csrf_token(hana: Browser) -> None:
    copy, ticket = copy_of(hana), failed_sign_out(hana)
    hana.post("/api/auth/signout", data={"ticket": ticket})
    assert copy.session() is not None


def test_htmx_gets_the_menu_that_says_so(hana: Browser) -> None:
    copy = copy_of(hana)
    with failing(hana, "revoke_session"):
        response = hana.submit("/api/auth/signout", headers=HTMX)
    assert response.status_code == 202
    assert 'data-status="unauthenticated"' in response.text
    assert "You are signed out in this browser only" in response.text
    assert "session-changed" in response.headers["HX-Trigger"]
    done = hana.submit("/api/auth/signout", headers=HTMX, ticket=ticket_in(response))
    assert "this browser only" not in done.text
    assert copy.session() is None


def test_a_session_that_cannot_be_read_can_be_ended_later(hana: Browser) -> None:
    """The store fails altogether, so that a worker with the `database` strategy knows no id."""
    copy = copy_of(hana)
    with failing(hana, "revoke_session", "get_claims", "read_revocations", "get"):
        response = hana.submit("/api/auth/signout")
        assert response.status_code == 503
    assert hana.submit("/api/auth/signout", ticket=ticket_in(response)).status_code == 303
    assert copy.session() is None


def test_a_sign_in_that_cannot_revoke_the_session_before_it_starts_none(hana: Browser) -> None:
    """Both are one transaction."""
    before = hana.cookie(COOKIE)
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object) -> None:
            raise AdapterError("full")

        patch.setattr(type(hana.core.sessions.store._revocations), "end", fail)
        location = hana.sign_in("Sam Sample").headers["Location"]
    assert "/api/auth/error" in location
    assert hana.cookie(COOKIE) == before
    assert (hana.session() or {})["user"]["name"] == "Hana Example"
    assert len(hana.core.sessions.store.list_all_active(hana.core.sessions.now(), 10)) == 1


def test_an_update_that_cannot_revoke_gets_503(hana: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jwt callback returns None, which revokes the session."""
    token = hana.csrf_token()
    with failing(hana, "revoke_session"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(hana.core.sessions.callbacks), "jwt", lambda *_: None)
        response = hana.post("/api/auth/session", json={"csrfToken": token, "data": {}})
    assert response.status_code == 503
    assert hana.cookie(COOKIE)
