"""Sign-up, sign-in, reset and change of a password, in the reference application."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import code, link, mails

ADDRESS = "hana@example.com"
PASSWORD = "three green lanterns at noon"
OTHER = "seven quiet rivers under snow"


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_PASSWORDS="on")


def sign_up(browser: Browser, app: Flask, password: str = PASSWORD) -> None:
    """Sign up, and use the link of the mail in the same browser."""
    response = browser.submit("/account/sign-up", email=ADDRESS, password=password)
    assert response.status_code == 303
    browser.get(link(mails(app)[0]))
    assert browser.session() is not None


def sign_in(browser: Browser, password: str = PASSWORD, **headers: str) -> tuple[int, str]:
    """Sign in, and return status and location."""
    response = browser.submit(
        "/api/auth/callback/credentials", headers, email=ADDRESS, password=password, callbackUrl="/dashboard"
    )
    return response.status_code, response.headers.get("Location", "")


def test_a_user_signs_up_and_signs_in(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)

    assert sign_in(other) == (303, "http://127.0.0.1:5000/dashboard")
    assert other.session()["user"]["email"] == ADDRESS  # type: ignore[index]


def test_a_sign_up_is_confirmed_by_its_code(browser: Browser, app: Flask) -> None:
    browser.submit("/account/sign-up", email=ADDRESS, password=PASSWORD)
    browser.submit("/api/auth/callback/email", code=code(mails(app)[0]))

    assert browser.session() is not None
    assert sign_in(Browser(app))[0] == 303


def test_the_page_for_signing_up_keeps_the_callback_url(browser: Browser, app: Flask) -> None:
    def field_for(callback_url: str) -> str:
        page = browser.get("/account/sign-up", query_string={"callbackUrl": callback_url})
        return str(re.findall(r'name="callbackUrl" value="([^"]*)"', page.text)[0])

    assert field_for("https://evil.example/") == "/"
    url = field_for("http://127.0.0.1:5000/pots?page=2")
    assert url == "/pots?page=2"
    assert browser.submit("/account/sign-up", email=ADDRESS, password="short", callbackUrl=url).status_code == 422
    browser.submit("/account/sign-up", email=ADDRESS, password=PASSWORD, callbackUrl=url)
    assert browser.get(link(mails(app)[0])).headers["Location"] == "http://127.0.0.1:5000/pots?page=2"


def test_a_click_in_another_browser_does_not_activate_the_password(browser: Browser, app: Flask) -> None:
    browser.submit("/account/sign-up", email=ADDRESS, password=PASSWORD)
    owner = Browser(app)
    page = owner.get(link(mails(app)[0])).get_data(as_text=True)
    assert owner.session() is None
    fields = dict(re.findall(r'name="([a-zA-Z]+)"(?: type="email")? value="([^"]*)"', page))

    owner.post("/account/sign-up/confirm", data={**fields, "without": "1", "password": ""})

    assert owner.session() is not None
    assert sign_in(Browser(app))[0] == 401


def test_the_typed_password_activates_it_in_another_browser(browser: Browser, app: Flask) -> None:
    browser.submit("/account/sign-up", email=ADDRESS, password=PASSWORD)
    owner = Browser(app)
    page = owner.get(link(mails(app)[0])).get_data(as_text=True)
    fields = dict(re.findall(r'name="([a-zA-Z]+)"(?: type="email")? value="([^"]*)"', page))
    del fields["without"]
    wrong = owner.post("/account/sign-up/confirm", data={**fields, "password": OTHER})
    assert wrong.status_code == 422

    owner.post("/account/sign-up/confirm", data={**fields, "password": PASSWORD})

    assert owner.session() is not None
    assert sign_in(Browser(app))[0] == 303


def test_a_known_address_gets_a_mail_that_says_so(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    response = other.submit("/account/sign-up", email=ADDRESS, password=OTHER)

    assert response.headers["Location"].endswith("/verify-request?provider=email&type=email")
    assert mails(app)[0].subject == "You have an account at 127.0.0.1:5000"
    assert sign_in(Browser(app), OTHER)[0] == 401


def test_a_wrong_password_shows_the_page_again(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    page = other.submit("/api/auth/callback/credentials", email=ADDRESS, password=OTHER)

    assert page.status_code == 401
    assert "Address or password is not right" in page.get_data(as_text=True)
    assert f'value="{ADDRESS}"' in page.get_data(as_text=True)


def test_clients_of_auth_js_get_the_code(browser: Browser) -> None:
    response = browser.submit(
        "/api/auth/callback/credentials", {"X-Auth-Return-Redirect": "1"}, email=ADDRESS, password=PASSWORD
    )

    assert response.status_code == 200
    assert response.get_json() == {
        "url": "http://127.0.0.1:5000/api/auth/signin?error=CredentialsSignin&code=credentials"
    }


def test_a_reset_ends_all_sessions_and_voids_the_old_password(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    other.submit("/account/reset", email=ADDRESS)
    location = other.get(link(mails(app)[0])).headers["Location"]
    assert location == "http://127.0.0.1:5000/account/reset/new"
    assert ADDRESS in other.get(location).get_data(as_text=True)

    response = other.submit("/account/reset/new", password=OTHER)

    assert response.headers["Location"].endswith("/signin?notice=password-changed")
    assert other.session() is None
    assert browser.session() is None
    assert sign_in(Browser(app))[0] == 401
    assert sign_in(Browser(app), OTHER)[0] == 303
    assert mails(app)[0].subject == "Your password for 127.0.0.1:5000 was changed"
    assert other.submit("/account/reset/new", password=PASSWORD).status_code != 200


def test_a_link_for_a_reset_replaces_the_earlier_ones_of_the_same_user(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    for email in ("x@example.com", ADDRESS, "x@example.com", ADDRESS):
        other.submit("/account/reset", email=email)
    pages = [other.get(other.get(link(mail)).headers["Location"]) for mail in mails(app)[:2]]
    assert [page.status_code for page in pages] == [200, 302]


def test_an_unknown_address_looks_like_a_known_one_at_a_reset(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    pages = [
        Browser(app).submit("/account/reset", email=email).get_data(as_text=True)
        for email in (ADDRESS, "x@example.com")
    ]

    assert pages[0].replace(ADDRESS, "").split("csrf")[0] == pages[1].replace("x@example.com", "").split("csrf")[0]
    assert {mail.to for mail in mails(app)} == {ADDRESS}


def test_a_change_ends_the_other_sessions(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    sign_in(other)
    response = browser.submit("/account/password", current_password=PASSWORD, password=OTHER)

    assert response.headers["Location"].endswith("/account?notice=password-changed")
    assert browser.session() is not None
    assert other.session() is None
    assert sign_in(Browser(app), OTHER)[0] == 303


def test_the_sixth_wrong_password_is_throttled(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    other = Browser(app)
    statuses = [sign_in(other, OTHER)[0] for _ in range(7)]

    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429


def test_the_address_changes_with_a_link_to_the_new_one(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    browser.submit("/account/address", email="new@example.com")
    old, new = mails(app)[:2]
    assert (old.to, new.to) == (ADDRESS, "new@example.com")
    page = browser.get(link(new)).get_data(as_text=True)
    fields = dict(re.findall(r'name="([a-zA-Z]+)" value="([^"]*)"', page))
    assert browser.session()["user"]["email"] == ADDRESS  # type: ignore[index]

    browser.post("/account/address/confirm", data=fields)

    assert browser.session()["user"]["email"] == "new@example.com"  # type: ignore[index]
    undo = Browser(app)
    page = undo.get(link(old)).get_data(as_text=True)
    fields = dict(re.findall(r'name="([a-zA-Z]+)" value="([^"]*)"', page))
    undo.post("/account/address/undo", data=fields)
    assert browser.session() is None
    assert sign_in(Browser(app))[0] == 401


@pytest.mark.parametrize("strategy", ["jwt", "database"])
def test_a_change_of_the_address_ends_the_other_sessions(make_app: MakeApp, clock: FrozenClock, strategy: str) -> None:
    """Also that of a copied cookie. When the user authenticated stays as it was."""
    app = make_app(AUTH_PASSWORDS="on", AUTH_SESSION_STRATEGY=strategy)
    browser, other, thief = Browser(app), Browser(app), Browser(app)
    sign_up(browser, app)
    sign_in(other)
    name = browser.core.cookie_names.session
    thief.client.set_cookie(name, browser.cookie(name) or "", domain="127.0.0.1")
    browser.submit("/account/address", email="new@example.com")
    fields = dict(re.findall(r'name="(token|user)" value="([^"]*)"', browser.get(link(mails(app)[1])).text))
    assert None not in (other.session(), thief.session())
    clock.advance(600)

    response = browser.submit("/account/address/confirm", **fields)
    assert response.headers["Location"] == "/account?notice=address-changed"
    clock.advance(2)
    assert browser.session()["user"]["email"] == "new@example.com"  # type: ignore[index]
    assert "and your other sessions have ended" in browser.get("/account?notice=address-changed").text
    assert "reason=fresh" in browser.get("/account/address").headers["Location"]
    assert (other.session(), thief.session()) == (None, None)
    (record,) = browser.core.sessions.store.list_active(fields["user"], int(clock()))
    assert record.created >= int(clock()) - 2


def test_a_link_for_an_address_works_for_the_user_who_asked_only(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    browser.submit("/account/address", email="owner@example.com")
    url = link(mails(app)[1])
    owner = Browser(app)
    assert owner.get(url).headers["Location"].startswith("/api/auth/signin?callbackUrl=")
    page = browser.get(url).get_data(as_text=True)
    fields = dict(re.findall(r'name="(token|user)" value="([^"]*)"', page))
    assert owner.submit("/account/address/confirm", **fields).headers["Location"].startswith("/api/auth/signin")

    owner.submit("/api/auth/signin/email", email="another@example.com")
    owner.get(link(mails(app)[0]))

    assert "reason=another-person" in owner.get(url).headers["Location"]
    refused = owner.submit("/account/address/confirm", **fields)
    assert "reason=another-person" in refused.headers["Location"]
    assert browser.session()["user"]["email"] == ADDRESS  # type: ignore[index]


def test_a_sign_up_beyond_the_limit_is_not_hashed(browser: Browser, app: Flask) -> None:
    core = app.extensions["genkan"].core
    for number in range(20):
        assert core.email.limits.allow("sign_up", f"{number}@example.com", "127.0.0.1")

    # A sign-up that is hashed would wait for the only slot, and be refused.
    with core.passwords.hasher._slot():
        response = browser.submit("/account/sign-up", email=ADDRESS, password=PASSWORD)

    assert response.status_code == 303
    assert mails(app) == []


def test_a_link_that_restores_the_address_is_not_used_up_while_another_user_has_it(
    browser: Browser, app: Flask
) -> None:
    sign_up(browser, app)
    browser.submit("/account/address", email="new@example.com")
    old, new = mails(app)[:2]
    fields = dict(re.findall(r'name="(token|user)" value="([^"]*)"', browser.get(link(new)).get_data(as_text=True)))
    browser.submit("/account/address/confirm", **fields)
    owner = Browser(app)
    owner.submit("/api/auth/signin/email", email=ADDRESS)
    owner.get(link(mails(app)[0]))
    undo = dict(re.findall(r'name="(token|user)" value="([^"]*)"', owner.get(link(old)).get_data(as_text=True)))
    refused = owner.submit("/account/address/undo", **undo)
    assert "error=OAuthAccountNotLinked" in refused.headers["Location"]
    owner.submit("/account/delete", confirm="yes")

    owner.submit("/account/address/undo", **undo)

    assert browser.session() is None
    owner.submit("/api/auth/signin/email", email=ADDRESS)
    owner.get(link(mails(app)[0]))
    assert owner.session()["user"]["id"] == undo["user"]  # type: ignore[index]


def test_a_provider_does_not_replace_the_address_of_a_user_with_a_password(browser: Browser, app: Flask) -> None:
    sign_up(browser, app)
    linking = browser.submit("/account/accounts/development/link").headers["Location"]
    browser.get(browser.choose(linking, "Sam Sample"))
    other = Browser(app)
    other.sign_in("Sam Sample")

    assert other.session()["user"]["email"] == ADDRESS  # type: ignore[index]
    assert sign_in(Browser(app))[0] == 303
