"""The name form of the account page."""

from __future__ import annotations

import pytest

from tests.account.page.conftest import FORM_AND_HTMX, text
from tests.browser import HTMX, Browser


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
