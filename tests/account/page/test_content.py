"""The content of the account page."""

from __future__ import annotations

import pytest

from tests.account.page.conftest import sid, text, user_id
from tests.browser import HTMX, Browser


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
    seen = "".join(alex.get(path).text for path in ("/account", "/account/partials/sessions", "/account/delete"))

    for value in ("Hana", "hana@", "192.0.2.1", sid(hana), user_id(hana)):
        assert value not in seen


@pytest.mark.parametrize("part", ["facts", "sessions", "activity"])
def test_each_fragment_can_be_loaded_alone(hana: Browser, part: str) -> None:
    response = hana.get(f"/account/partials/{part}", headers=HTMX)

    assert response.text.lstrip().startswith("<")
    assert "<html" not in response.text
    assert f'id="account-{part}"' in response.text
    assert f'hx-get="/account/partials/{part}"' in hana.get("/account").text


def test_activity_shows_the_twenty_latest_entries_newest_first(hana: Browser, phone: Browser) -> None:
    phone.sign_out()
    phone.sign_in()
    phone.sign_in()
    content = text(hana.get("/account/partials/activity"))

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
    assert hana.get("/account/partials/activity").text.count("<time") == 20


def test_an_unknown_notice_is_not_shown(hana: Browser) -> None:
    for notice in ("unlinked2", "<b>", "deleted", ""):
        assert 'class="notice"' not in hana.get("/account", query_string={"notice": notice}).text
