"""The account page: profile, sessions, accounts and activity of the signed-in user."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.adapters.sessions import SessionRecord
from genkan.types import Account
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

FORM_AND_HTMX: list[dict[str, str]] = [{}, HTMX]
"""Request headers of a form without JavaScript, and of one sent by HTMX."""


def sign_in(app: Flask, name: str = "Hana Example", device: str = FIREFOX, address: str = "192.0.2.1") -> Browser:
    """Sign in from a new browser, with this User-Agent and IP address."""
    browser = Browser(app)
    browser.client.environ_base.update(HTTP_USER_AGENT=device, REMOTE_ADDR=address)
    browser.sign_in(name)
    return browser


def user_id(browser: Browser) -> str:
    """Return the id of the signed-in user."""
    return str((browser.session() or {})["user"]["id"])


def records(browser: Browser) -> list[SessionRecord]:
    """Return the active sessions of the signed-in user."""
    live: list[SessionRecord] = browser.options.sessions.store.list_active(
        user_id(browser), int(browser.options.clock())
    )
    return live


def sid(browser: Browser) -> str:
    """Return the id of this browser's session."""
    token = browser.cookie("authjs.session-token")
    return str(browser.options.sessions.sealer.open(token or "")["sid"])


def text(response: TestResponse) -> str:
    """Return the text of a page or fragment, without tags."""
    assert response.status_code == 200, response.status
    return " ".join(unescape(re.sub("<[^>]*>", " ", response.text)).split())


def link(browser: Browser, provider: str = "github", account: str = "hana-at-hub") -> None:
    """Link another account to the signed-in user."""
    browser.options.adapter.link_account(user_id(browser), Account(provider, account, "oauth"))


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return sign_in(app)


@pytest.fixture(name="phone")
def _phone(app: Flask, hana: Browser) -> Browser:
    """Return a second browser with a session of the same user."""
    return sign_in(app, device=PHONE, address="2001:db8::7")


@pytest.fixture(name="alex")
def _alex(app: Flask) -> Browser:
    """Return a browser with a session of another user."""
    return sign_in(app, "Alex Admin", address="198.51.100.9")


def test_the_page_shows_profile_sessions_accounts_and_activity(hana: Browser, phone: Browser) -> None:
    content = text(hana.get("/account"))

    assert "Name Hana Example E-mail hana@example.com Role user" in content
    assert "Firefox on Windows This one 192.0.2.1 · Development Signed in" in content
    assert "Safari on iPhone 2001:db8::7 · Development Signed in" in content
    assert content.count("This one") == 1
    assert content.count("Signed in with Development on Safari on iPhone") == 1
    assert "Safari on iPhone This one 2001:db8::7" in text(phone.get("/account"))
    assert '<time datetime="' in hana.get("/account").text


def test_no_page_contains_a_session_token(hana: Browser, phone: Browser) -> None:
    pages = hana.get("/account").text + hana.get("/account/delete").text
    for browser in (hana, phone):
        cookie = browser.cookie("authjs.session-token")
        assert cookie is not None
        assert cookie[:40] not in pages
        assert cookie[-40:] not in pages


def test_the_pages_of_one_user_contain_no_data_of_another(hana: Browser, alex: Browser) -> None:
    seen = "".join(alex.get(path).text for path in ("/account", "/partials/account/sessions", "/account/delete"))

    for value in ("Hana", "hana@", "192.0.2.1", sid(hana), user_id(hana)):
        assert value not in seen


@pytest.mark.parametrize("part", ["facts", "sessions", "activity"])
def test_each_fragment_can_be_loaded_alone(hana: Browser, part: str) -> None:
    response = hana.get(f"/partials/account/{part}", headers=HTMX)

    assert response.text.lstrip().startswith("<")
    assert "<html" not in response.text
    assert f'id="account-{part}"' in response.text
    assert f'hx-get="/partials/account/{part}"' in hana.get("/account").text


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_revoked_session_is_refused_at_its_next_request_also_as_a_copy(
    hana: Browser, phone: Browser, headers: dict[str, str]
) -> None:
    copy = phone.cookie("authjs.session-token") or ""
    response = hana.submit(f"/account/sessions/{sid(phone)}/end", headers=headers)

    if headers:
        assert "Safari" not in text(response)
        assert "The session has been ended." in response.text
        assert response.headers["HX-Trigger"] == '{"account-changed": {"target": "body"}}'
    else:
        assert (response.status_code, response.headers["Location"]) == (303, "/account?notice=ended")
        assert "The session has been ended." in hana.get("/account?notice=ended").text
    assert phone.session() is None
    assert hana.session() is not None
    phone.client.set_cookie("authjs.session-token", copy, domain="127.0.0.1")
    assert phone.get("/account").status_code == 303
    assert "The session on Safari on iPhone was ended from your account page" in text(hana.get("/account"))


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_session_of_another_user_is_not_found(hana: Browser, alex: Browser, headers: dict[str, str]) -> None:
    for name in (sid(hana), "unknown", "jti:unknown", "%00", "x" * 500):
        assert alex.submit(f"/account/sessions/{name}/end", headers=headers).status_code == 404, name

    assert hana.session() is not None
    assert alex.session() is not None
    assert "ended" not in text(hana.get("/partials/account/activity"))


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_revoking_the_session_in_use_signs_out(hana: Browser, phone: Browser, headers: dict[str, str]) -> None:
    response = hana.submit(f"/account/sessions/{sid(hana)}/end", headers=headers)

    if headers:
        assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/")
    else:
        assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    assert hana.cookie("authjs.session-token") is None
    assert hana.session() is None
    assert phone.session() is not None


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_revoking_the_other_sessions_keeps_this_one(
    app: Flask, hana: Browser, phone: Browser, alex: Browser, headers: dict[str, str]
) -> None:
    tablet = sign_in(app)
    response = hana.submit("/account/sessions/end-others", headers=headers)

    assert response.status_code == (200 if headers else 303)
    assert [browser.session() is None for browser in (phone, tablet, hana, alex)] == [True, True, False, False]
    assert [record.id for record in records(hana)] == [sid(hana)]
    assert "You are signed out everywhere else." in hana.get("/account?notice=others-ended").text


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_new_name_is_in_every_session_at_the_next_request(
    hana: Browser, phone: Browser, headers: dict[str, str]
) -> None:
    assert phone.get("/api/user/profile").get_json()["name"] == "Hana Example"
    response = hana.submit("/account/name", headers=headers, name="  Hana\n the \u202eGreat ")

    if headers:
        assert "Your name has been changed." in response.text
        assert 'value="Hana the Great"' in response.text
        assert response.headers["HX-Trigger"] == '{"session-changed": {"target": "body"}}'
    else:
        assert (response.status_code, response.headers["Location"]) == (303, "/account?notice=renamed")
    for browser in (hana, phone):
        assert (browser.session() or {})["user"]["name"] == "Hana the Great"
        assert browser.get("/api/user/profile").get_json()["name"] == "Hana the Great"
        assert 'Hi, <b dir="auto">Hana the Great</b>' in browser.get("/partials/user-menu").text
    assert "Changed the name" in text(hana.get("/account"))
    phone.sign_in()
    assert (phone.session() or {})["user"]["name"] == "Hana the Great"


@pytest.mark.parametrize("typed", ["", "   ", "\u202e\x00\n", "\u200b", "\u3000"])
def test_an_empty_name_is_an_error_and_the_form_is_shown_again(hana: Browser, typed: str) -> None:
    page = hana.submit("/account/name", name=typed)
    part = hana.submit("/account/name", headers=HTMX, name=typed)

    assert (page.status_code, part.status_code) == (422, 200)
    for response in (page, part):
        assert "Please type a name." in response.text
        assert 'aria-invalid="true"' in response.text
    assert "<h1>Your account</h1>" in page.text
    assert "HX-Trigger" not in part.headers
    assert (hana.session() or {})["user"]["name"] == "Hana Example"


def test_a_name_is_cut_to_two_hundred_characters_and_escaped(hana: Browser) -> None:
    hana.submit("/account/name", name="<script>alert(1)</script>" + "é" * 500)
    name = (hana.session() or {})["user"]["name"]

    assert len(name) == 200
    assert "<script>alert" not in hana.get("/account").text
    assert "&lt;script&gt;alert(1)" in hana.get("/account").text


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_after_unlinking_an_account_the_page_offers_to_revoke_the_other_sessions(
    hana: Browser, phone: Browser, headers: dict[str, str]
) -> None:
    link(hana)
    response = hana.submit("/account/accounts/github/unlink", headers=headers, account="hana-at-hub")

    if not headers:
        assert (response.status_code, response.headers["Location"]) == (303, "/account?notice=unlinked")
        response = hana.get("/account?notice=unlinked")
    assert "Unlinked. It can no longer be used to sign in here." in response.text
    assert 'action="/account/sessions/end-others"' in response.text
    assert "End all other sessions" in response.text
    assert [account.provider for account in hana.options.adapter.list_accounts(user_id(hana))] == ["development"]
    assert "Unlinked GitHub" in text(hana.get("/partials/account/activity"))
    assert phone.session() is not None


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_the_last_account_has_no_button_and_cannot_be_unlinked(hana: Browser, headers: dict[str, str]) -> None:
    assert "Unlink" not in text(hana.get("/account"))
    assert "Your only account" in text(hana.get("/account"))
    [account] = hana.options.adapter.list_accounts(user_id(hana))
    response = hana.submit("/account/accounts/development/unlink", headers=headers, account=account.provider_account_id)

    assert response.status_code == (200 if headers else 409)
    assert "This is your only account, so it stays linked." in response.text
    assert hana.options.adapter.list_accounts(user_id(hana)) == [account]


def test_an_account_of_a_disabled_provider_does_not_count_as_the_last_account(hana: Browser) -> None:
    link(hana, "gone-provider", "hana")
    [active] = [
        account for account in hana.options.adapter.list_accounts(user_id(hana)) if account.provider == "development"
    ]

    assert "Unlink Gone Provider" in hana.get("/account").text
    assert "Unlink Development" not in hana.get("/account").text
    response = hana.submit("/account/accounts/development/unlink", account=active.provider_account_id)
    assert response.status_code == 409
    assert hana.submit("/account/accounts/gone-provider/unlink", account="hana").status_code == 303


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_an_account_of_another_user_is_not_found(hana: Browser, alex: Browser, headers: dict[str, str]) -> None:
    link(hana)
    link(alex, account="alex-at-hub")
    before = hana.options.adapter.list_accounts(user_id(hana))

    for provider, account in (("github", "hana-at-hub"), ("github", ""), ("nowhere", "alex-at-hub")):
        response = alex.submit(f"/account/accounts/{provider}/unlink", headers=headers, account=account)
        assert response.status_code == 404
    assert alex.submit("/account/accounts/github/unlink", headers=headers).status_code == 404
    assert hana.options.adapter.list_accounts(user_id(hana)) == before
    assert len(alex.options.adapter.list_accounts(user_id(alex))) == 2


def test_accounts_of_configured_providers_that_are_not_linked_can_be_linked(hana: Browser) -> None:
    assert 'action="/account/accounts/github/link"' in hana.get("/account").text
    assert 'action="/account/accounts/development/link"' not in hana.get("/account").text
    link(hana)
    assert "/link" not in hana.get("/account").text


def test_activity_shows_the_twenty_latest_entries_newest_first(hana: Browser, phone: Browser) -> None:
    phone.sign_out()
    phone.sign_in()
    phone.sign_in()
    content = text(hana.get("/partials/account/activity"))

    sentences = (
        "A new sign-in took the place of the session on Safari on iPhone",
        "Signed in with Development on Safari on iPhone",
        "Signed out on Safari on iPhone",
        "Signed in with Development on Firefox on Windows",
    )
    places = [content.index(sentence) for sentence in sentences]
    assert sorted(places[1:]) == places[1:]
    for _ in range(9):
        phone.sign_in()
    assert hana.get("/partials/account/activity").text.count("<time") == 20


def test_an_unknown_notice_is_not_shown(hana: Browser) -> None:
    for notice in ("unlinked2", "<b>", "deleted", ""):
        assert 'class="told"' not in hana.get("/account", query_string={"said": notice}).text


def next_js(app: Flask, **claims: str) -> Browser:
    """Return a browser with a session that a Next.js application created with the same secret."""
    browser = Browser(app)
    token = browser.options.sessions.sealer.seal({"name": "Nia Next", "email": "nia@example.com", **claims}, 3600)
    browser.client.set_cookie("authjs.session-token", token, domain="127.0.0.1")
    return browser


def test_a_user_of_another_application_sees_that_nothing_is_stored(app: Flask) -> None:
    browser = next_js(app, sub="next-1", jti="a")
    page = browser.get("/account")

    assert "Nothing is stored about you here" in page.text
    assert "nia@example.com" in page.text
    assert "/account/" not in page.text.replace("/partials/account/facts", "")
    assert text(browser.get("/partials/account/facts")).startswith("Name Nia Next E-mail nia@example.com")
    for path in ("/account/name", "/account/sessions/x/end", "/account/accounts/github/unlink", "/account/delete"):
        assert browser.submit(path, name="Nia", headers=HTMX).status_code in {401, 404}, path
    assert browser.session() is not None


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_session_of_another_application_is_not_listed_but_revoked_with_all_others(
    app: Flask, hana: Browser, headers: dict[str, str]
) -> None:
    browser = next_js(app, sub=user_id(hana), jti="b")
    content = text(browser.get("/account"))
    assert "The session you are using now is not listed" in content
    assert "Sign out everywhere, also here" in content
    assert "This one" not in content

    response = browser.submit("/account/sessions/end-others", headers=headers)
    assert response.headers.get("HX-Redirect") or response.headers["Location"] == f"{ORIGIN}/"
    assert browser.session() is None
    assert hana.session() is None
