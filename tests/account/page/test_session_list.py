"""The session list of the account page: each session can be revoked."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.account.page.conftest import FORM_AND_HTMX, records, sid, sign_in, text
from tests.browser import Browser
from tests.conftest import ORIGIN


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
    assert "ended" not in text(hana.get("/account/partials/activity"))


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_revoking_the_session_in_use_signs_out(hana: Browser, phone: Browser, headers: dict[str, str]) -> None:
    response = hana.submit(f"/account/sessions/{sid(hana)}/end", headers=headers)

    if headers:
        assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/")
    else:
        assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/")
    assert "Clear-Site-Data" not in response.headers  # its time grows with the browser's cache
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
