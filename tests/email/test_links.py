"""Sign-in with a link or a code from a mail."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from markupsafe import escape

from genkan.claims import to_user
from genkan.providers.base import ProfileUser
from genkan.types import Account
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.email.mails import code, link, mails

ADDRESS = "hana@example.com"


def ask(browser: Browser, email: str = ADDRESS) -> str:
    """Ask for a link and return the URL of the next page."""
    response = browser.submit("/api/auth/signin/email", email=email, callbackUrl="/dashboard")
    assert response.status_code == 303
    return response.headers["Location"]


def test_the_providers_contain_mail(browser: Browser) -> None:
    assert browser.get("/api/auth/providers").get_json()["email"] == {
        "id": "email",
        "name": "E-mail",
        "type": "email",
        "signinUrl": "http://127.0.0.1:5000/api/auth/signin/email",
        "callbackUrl": "http://127.0.0.1:5000/api/auth/callback/email",
    }


def test_a_link_signs_in_in_the_browser_that_asked(browser: Browser, app: Flask) -> None:
    assert ask(browser) == "http://127.0.0.1:5000/api/auth/verify-request?provider=email&type=email"
    page = browser.get("/api/auth/verify-request?provider=email&type=email").get_data(as_text=True)
    assert ADDRESS in page

    (mail,) = mails(app)
    assert mail.to == ADDRESS
    parts = urlsplit(link(mail))
    assert parts.path == "/api/auth/callback/email"
    assert list(parse_qs(parts.query)) == ["callbackUrl", "token", "email"]
    response = browser.get(link(mail))

    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:5000/dashboard")
    session = browser.session()
    assert session is not None
    assert session["user"]["email"] == ADDRESS


def test_a_link_works_once(browser: Browser, app: Flask) -> None:
    ask(browser)
    url = link(mails(app)[0])
    browser.get(url)

    assert browser.get(url).headers["Location"] == "http://127.0.0.1:5000/api/auth/error?error=Verification"


def test_a_link_works_for_ten_minutes(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    ask(browser)
    clock.advance(601)

    assert "error=Verification" in browser.get(link(mails(app)[0])).headers["Location"]


def test_a_program_that_opens_links_uses_nothing_up(browser: Browser, app: Flask) -> None:
    ask(browser)
    url = link(mails(app)[0])
    scanner = Browser(app)
    assert scanner.client.head(url.removeprefix(scanner.origin), base_url=scanner.origin).status_code == 405
    page = scanner.get(url)
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert ADDRESS in page.get_data(as_text=True)
    assert scanner.session() is None

    browser.get(url)

    assert browser.session() is not None


def test_another_browser_signs_in_with_a_button(browser: Browser, app: Flask) -> None:
    ask(browser)
    other = Browser(app)
    page = other.get(link(mails(app)[0])).get_data(as_text=True)
    fields = dict(re.findall(r'name="([a-zA-Z]+)" value="([^"]*)"', page))

    response = other.post("/api/auth/callback/email", data=fields)

    assert response.status_code == 303
    assert other.session() is not None


def test_a_code_signs_in_in_the_browser_that_asked_only(browser: Browser, app: Flask) -> None:
    ask(browser)
    digits = code(mails(app)[0])
    other = Browser(app)
    assert "error=Verification" in other.submit("/api/auth/callback/email", code=digits).headers["Location"]

    response = browser.submit("/api/auth/callback/email", code=f" {digits[:3]}-{digits[3:]} ")

    assert response.headers["Location"] == "http://127.0.0.1:5000/dashboard"
    assert browser.session() is not None
    assert "error=Verification" in browser.get(link(mails(app)[0])).headers["Location"]


def test_a_wrong_code_shows_the_field_again(browser: Browser, app: Flask) -> None:
    ask(browser)
    wrong = "000000" if code(mails(app)[0]) != "000000" else "000001"

    response = browser.submit("/api/auth/callback/email", code=wrong)

    page = browser.get(response.headers["Location"])
    assert page.status_code == 422
    assert 'name="code"' in page.get_data(as_text=True)
    browser.submit("/api/auth/callback/email", code=code(mails(app)[0]))
    assert browser.session() is not None


def test_the_right_code_after_five_wrong_ones_is_refused(browser: Browser, app: Flask) -> None:
    ask(browser)
    ask(browser)
    codes = [code(mail) for mail in mails(app)]
    wrong = next(f"{number:06}" for number in range(3) if f"{number:06}" not in codes)
    for _ in range(5):
        browser.submit("/api/auth/callback/email", code=wrong)

    browser.submit("/api/auth/callback/email", code=codes[0])
    browser.get(link(mails(app)[1]))

    assert browser.session() is None


@pytest.mark.parametrize(
    "address", ["", "hana", "a@b@c.com", "a,b@example.com", '"a"@example.com', "a@example.com\r\nBcc: b"]
)
def test_what_is_no_address_is_refused(browser: Browser, app: Flask, address: str) -> None:
    response = browser.submit("/api/auth/signin/email", email=address)

    assert response.status_code == 422
    assert "That is not an e-mail address" in response.text
    assert f'value="{escape(address)}"' in response.text
    assert mails(app) == []


def test_clients_of_auth_js_get_the_error_of_what_is_no_address(browser: Browser) -> None:
    response = browser.submit("/api/auth/signin/email", {"X-Auth-Return-Redirect": "1"}, email="hana")

    assert response.get_json() == {"url": "http://127.0.0.1:5000/api/auth/signin?error=EmailSignin&reason=address"}


def test_an_address_is_normalised(browser: Browser, app: Flask) -> None:
    ask(browser, " Hana\uff20EXAMPLE.com ")
    browser.get(link(mails(app)[0]))

    assert browser.session()["user"]["email"] == ADDRESS  # type: ignore[index]


def test_the_fourth_mail_in_a_quarter_of_an_hour_is_not_sent(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    locations = {ask(browser) for _ in range(4)}

    assert len(locations) == 1
    assert len(mails(app)) == 3
    clock.advance(15 * 60 + 1)
    ask(browser)
    assert len(mails(app)) == 4


def test_the_domain_in_unicode_and_in_ascii_is_one_user(browser: Browser, app: Flask) -> None:
    """A provider sends the former, and mails go to the latter."""
    profile = ProfileUser("hana", email="hana@bücher.example", email_verified=True)
    user, _ = browser.core.adapter.create_user(to_user(profile, 0), Account("hub", "hana", "oidc"))
    ask(browser, "Hana@BÜCHER.example")
    (mail,) = mails(app)
    assert mail.to == "hana@xn--bcher-kva.example"
    browser.get(link(mail))

    assert browser.session() is not None
    assert [found.id for found in browser.core.adapter.list_users()] == [user.id]
