"""The account page: what people see of themselves, and what they can change or end; theirs, and nobody else's."""

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

VOICES: list[dict[str, str]] = [{}, HTMX]
"""A form without JavaScript, and with HTMX."""


def visitor(app: Flask, name: str = "Hana Example", device: str = FIREFOX, address: str = "192.0.2.1") -> Browser:
    """Somebody who has signed in there."""
    browser = Browser(app)
    browser.client.environ_base.update(HTTP_USER_AGENT=device, REMOTE_ADDR=address)
    browser.sign_in(name)
    return browser


def user_id(browser: Browser) -> str:
    """Who that is."""
    return str((browser.session() or {})["user"]["id"])


def records(browser: Browser) -> list[SessionRecord]:
    """Where they are signed in."""
    live: list[SessionRecord] = browser.options.sessions.store.live(user_id(browser), int(browser.options.clock()))
    return live


def sid(browser: Browser) -> str:
    """What this browser's session is called."""
    token = browser.cookie("authjs.session-token")
    return str(browser.options.sessions.sealer.open(token or "")["sid"])


def text(answer: TestResponse) -> str:
    """What a page or a part says, without its tags."""
    assert answer.status_code == 200, answer.status
    return " ".join(unescape(re.sub("<[^>]*>", " ", answer.text)).split())


def link(browser: Browser, provider: str = "github", account: str = "hana-at-hub") -> None:
    """One more way in for that person."""
    browser.options.adapter.link_account(user_id(browser), Account(provider, account, "oauth"))


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return visitor(app)


@pytest.fixture(name="phone")
def _phone(app: Flask, hana: Browser) -> Browser:
    """Hana's other device."""
    return visitor(app, device=PHONE, address="2001:db8::7")


@pytest.fixture(name="alex")
def _alex(app: Flask) -> Browser:
    """Somebody else."""
    return visitor(app, "Alex Admin", address="198.51.100.9")


def test_the_page_tells_who_one_is_where_one_is_signed_in_how_and_what_happened(hana: Browser, phone: Browser) -> None:
    said = text(hana.get("/account"))

    assert "Name Hana Example E-mail hana@example.com Role user" in said
    assert "Firefox on Windows This one 192.0.2.1 · Development Signed in" in said
    assert "Safari on iPhone 2001:db8::7 · Development Signed in" in said
    assert said.count("This one") == 1
    assert said.count("Signed in with Development on Safari on iPhone") == 1
    assert "Safari on iPhone This one 2001:db8::7" in text(phone.get("/account"))
    assert '<time datetime="' in hana.get("/account").text


def test_nothing_on_the_page_opens_a_session(hana: Browser, phone: Browser) -> None:
    pages = hana.get("/account").text + hana.get("/account/delete").text
    for browser in (hana, phone):
        cookie = browser.cookie("authjs.session-token")
        assert cookie is not None
        assert cookie[:40] not in pages
        assert cookie[-40:] not in pages


def test_nobody_sees_anything_of_somebody_else(hana: Browser, alex: Browser) -> None:
    seen = "".join(alex.get(path).text for path in ("/account", "/partials/account/sessions", "/account/delete"))

    for theirs in ("Hana", "hana@", "192.0.2.1", sid(hana), user_id(hana)):
        assert theirs not in seen


@pytest.mark.parametrize("part", ["facts", "sessions", "activity"])
def test_each_part_that_follows_the_session_can_be_had_alone(hana: Browser, part: str) -> None:
    answer = hana.get(f"/partials/account/{part}", headers=HTMX)

    assert answer.text.lstrip().startswith("<")
    assert "<html" not in answer.text
    assert f'id="account-{part}"' in answer.text
    assert f'hx-get="/partials/account/{part}"' in hana.get("/account").text


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_a_session_that_is_ended_is_dead_at_its_next_request_also_as_a_copy(
    hana: Browser, phone: Browser, voice: dict[str, str]
) -> None:
    copy = phone.cookie("authjs.session-token") or ""
    answer = hana.submit(f"/account/sessions/{sid(phone)}/end", headers=voice)

    if voice:
        assert "Safari" not in text(answer)
        assert "The session has been ended." in answer.text
        assert answer.headers["HX-Trigger"] == '{"account-changed": {"target": "body"}}'
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account?notice=ended")
        assert "The session has been ended." in hana.get("/account?notice=ended").text
    assert phone.session() is None
    assert hana.session() is not None
    phone.client.set_cookie("authjs.session-token", copy, domain="127.0.0.1")
    assert phone.get("/account").status_code == 303
    assert "The session on Safari on iPhone was ended from your account page" in text(hana.get("/account"))


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_the_sessions_of_others_are_not_there(hana: Browser, alex: Browser, voice: dict[str, str]) -> None:
    for name in (sid(hana), "unknown", "jti:unknown", "%00", "x" * 500):
        assert alex.submit(f"/account/sessions/{name}/end", headers=voice).status_code == 404, name

    assert hana.session() is not None
    assert alex.session() is not None
    assert "ended" not in text(hana.get("/partials/account/activity"))


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_to_end_the_session_in_use_is_to_sign_out(hana: Browser, phone: Browser, voice: dict[str, str]) -> None:
    answer = hana.submit(f"/account/sessions/{sid(hana)}/end", headers=voice)

    if voice:
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/")
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert hana.cookie("authjs.session-token") is None
    assert hana.session() is None
    assert phone.session() is not None


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_all_others_end_and_this_one_goes_on(
    app: Flask, hana: Browser, phone: Browser, alex: Browser, voice: dict[str, str]
) -> None:
    tablet = visitor(app)
    answer = hana.submit("/account/sessions/end-others", headers=voice)

    assert answer.status_code == (200 if voice else 303)
    assert [browser.session() is None for browser in (phone, tablet, hana, alex)] == [True, True, False, False]
    assert [record.id for record in records(hana)] == [sid(hana)]
    assert "You are signed out everywhere else." in hana.get("/account?notice=others-ended").text


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_a_new_name_shows_in_every_session_from_the_next_request_on(
    hana: Browser, phone: Browser, voice: dict[str, str]
) -> None:
    assert phone.get("/api/user/profile").get_json()["name"] == "Hana Example"
    answer = hana.submit("/account/name", headers=voice, name="  Hana\n the \u202eGreat ")

    if voice:
        assert "Your name has been changed." in answer.text
        assert 'value="Hana the Great"' in answer.text
        assert answer.headers["HX-Trigger"] == '{"session-changed": {"target": "body"}}'
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account?notice=renamed")
    for browser in (hana, phone):
        assert (browser.session() or {})["user"]["name"] == "Hana the Great"
        assert browser.get("/api/user/profile").get_json()["name"] == "Hana the Great"
        assert 'Hi, <b dir="auto">Hana the Great</b>' in browser.get("/partials/user-menu").text
    assert "Changed the name" in text(hana.get("/account"))
    phone.sign_in()
    assert (phone.session() or {})["user"]["name"] == "Hana the Great"


@pytest.mark.parametrize("typed", ["", "   ", "\u202e\x00\n", "\u200b", "\u3000"])
def test_no_name_is_no_name_and_what_was_typed_comes_back(hana: Browser, typed: str) -> None:
    page = hana.submit("/account/name", name=typed)
    part = hana.submit("/account/name", headers=HTMX, name=typed)

    assert (page.status_code, part.status_code) == (422, 200)
    for answer in (page, part):
        assert "Please type a name." in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert "<h1>Your account</h1>" in page.text
    assert "HX-Trigger" not in part.headers
    assert (hana.session() or {})["user"]["name"] == "Hana Example"


def test_a_name_has_two_hundred_characters_at_most_and_is_text_whatever_it_holds(hana: Browser) -> None:
    hana.submit("/account/name", name="<script>alert(1)</script>" + "é" * 500)
    name = (hana.session() or {})["user"]["name"]

    assert len(name) == 200
    assert "<script>alert" not in hana.get("/account").text
    assert "&lt;script&gt;alert(1)" in hana.get("/account").text


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_a_way_in_is_unlinked_and_the_offer_made_to_end_other_sessions(
    hana: Browser, phone: Browser, voice: dict[str, str]
) -> None:
    link(hana)
    answer = hana.submit("/account/accounts/github/unlink", headers=voice, account="hana-at-hub")

    if not voice:
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account?notice=unlinked")
        answer = hana.get("/account?notice=unlinked")
    assert "Unlinked. It can no longer be used to sign in here." in answer.text
    assert 'action="/account/sessions/end-others"' in answer.text
    assert "End all other sessions" in answer.text
    assert [account.provider for account in hana.options.adapter.list_accounts(user_id(hana))] == ["development"]
    assert "Unlinked GitHub" in text(hana.get("/partials/account/activity"))
    assert phone.session() is not None


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_the_last_way_in_has_no_button_and_stays_whoever_asks(hana: Browser, voice: dict[str, str]) -> None:
    assert "Unlink" not in text(hana.get("/account"))
    assert "Your only account" in text(hana.get("/account"))
    [way] = hana.options.adapter.list_accounts(user_id(hana))
    answer = hana.submit("/account/accounts/development/unlink", headers=voice, account=way.provider_account_id)

    assert answer.status_code == (200 if voice else 409)
    assert "This is your only account, so it stays linked." in answer.text
    assert hana.options.adapter.list_accounts(user_id(hana)) == [way]


def test_a_way_in_whose_provider_is_off_lets_nobody_in_so_the_other_one_is_the_last(hana: Browser) -> None:
    link(hana, "gone-provider", "hana")
    [way] = [way for way in hana.options.adapter.list_accounts(user_id(hana)) if way.provider == "development"]

    assert "Unlink Gone Provider" in hana.get("/account").text
    assert "Unlink Development" not in hana.get("/account").text
    answer = hana.submit("/account/accounts/development/unlink", account=way.provider_account_id)
    assert answer.status_code == 409
    assert hana.submit("/account/accounts/gone-provider/unlink", account="hana").status_code == 303


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_the_ways_in_of_others_are_not_there(hana: Browser, alex: Browser, voice: dict[str, str]) -> None:
    link(hana)
    link(alex, account="alex-at-hub")
    before = hana.options.adapter.list_accounts(user_id(hana))

    for provider, account in (("github", "hana-at-hub"), ("github", ""), ("nowhere", "alex-at-hub")):
        answer = alex.submit(f"/account/accounts/{provider}/unlink", headers=voice, account=account)
        assert answer.status_code == 404
    assert alex.submit("/account/accounts/github/unlink", headers=voice).status_code == 404
    assert hana.options.adapter.list_accounts(user_id(hana)) == before
    assert len(alex.options.adapter.list_accounts(user_id(alex))) == 2


def test_what_can_be_linked_is_what_is_configured_and_not_linked_yet(hana: Browser) -> None:
    assert 'action="/account/accounts/github/link"' in hana.get("/account").text
    assert 'action="/account/accounts/development/link"' not in hana.get("/account").text
    link(hana)
    assert "/link" not in hana.get("/account").text


def test_what_happened_is_told_in_sentences_the_latest_first_and_twenty_at_most(hana: Browser, phone: Browser) -> None:
    phone.sign_out()
    phone.sign_in()
    phone.sign_in()
    said = text(hana.get("/partials/account/activity"))

    sentences = (
        "A new sign-in took the place of the session on Safari on iPhone",
        "Signed in with Development on Safari on iPhone",
        "Signed out on Safari on iPhone",
        "Signed in with Development on Firefox on Windows",
    )
    places = [said.index(sentence) for sentence in sentences]
    assert sorted(places[1:]) == places[1:]
    for _ in range(9):
        phone.sign_in()
    assert hana.get("/partials/account/activity").text.count("<time") == 20


def test_a_page_says_only_what_pages_say(hana: Browser) -> None:
    for said in ("unlinked2", "<b>", "deleted", ""):
        assert 'class="told"' not in hana.get("/account", query_string={"said": said}).text


def next_js(app: Flask, **claims: str) -> Browser:
    """Somebody whom a Next.js front end has signed in."""
    browser = Browser(app)
    token = browser.options.sessions.sealer.seal({"name": "Nia Next", "email": "nia@example.com", **claims}, 3600)
    browser.client.set_cookie("authjs.session-token", token, domain="127.0.0.1")
    return browser


def test_somebody_whom_another_application_knows_is_told_that_nothing_is_stored_here(app: Flask) -> None:
    browser = next_js(app, sub="next-1", jti="a")
    page = browser.get("/account")

    assert "Nothing is stored about you here" in page.text
    assert "nia@example.com" in page.text
    assert "/account/" not in page.text.replace("/partials/account/facts", "")
    assert text(browser.get("/partials/account/facts")).startswith("Name Nia Next E-mail nia@example.com")
    for path in ("/account/name", "/account/sessions/x/end", "/account/accounts/github/unlink", "/account/delete"):
        assert browser.submit(path, name="Nia", headers=HTMX).status_code in {401, 404}, path
    assert browser.session() is not None


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_a_session_that_another_application_began_is_not_listed_and_ends_with_all_the_others(
    app: Flask, hana: Browser, voice: dict[str, str]
) -> None:
    browser = next_js(app, sub=user_id(hana), jti="b")
    said = text(browser.get("/account"))
    assert "The session you are using now is not listed" in said
    assert "Sign out everywhere, also here" in said
    assert "This one" not in said

    answer = browser.submit("/account/sessions/end-others", headers=voice)
    assert answer.headers.get("HX-Redirect") or answer.headers["Location"] == f"{ORIGIN}/"
    assert browser.session() is None
    assert hana.session() is None
