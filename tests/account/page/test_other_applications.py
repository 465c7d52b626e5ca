"""The account page for sessions that another application created."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.account.page.conftest import FORM_AND_HTMX, text, user_id
from tests.browser import HTMX, Browser


def next_js(app: Flask, **claims: str) -> Browser:
    """Return a browser with a session that a Next.js application created with the same secret."""
    browser = Browser(app)
    token = browser.core.sessions.sealer.seal({"name": "Nia Next", "email": "nia@example.com", **claims}, 3600)
    browser.client.set_cookie("authjs.session-token", token, domain="127.0.0.1")
    return browser


def test_a_user_of_another_application_sees_that_nothing_is_stored(app: Flask) -> None:
    browser = next_js(app, sub="next-1", jti="a")
    page = browser.get("/account")

    assert "Nothing is stored about you here" in page.text
    assert "nia@example.com" in page.text
    assert "/account/" not in page.text.replace("/account/partials/facts", "")
    assert text(browser.get("/account/partials/facts")).startswith("Name Nia Next E-mail nia@example.com")
    for path in ("/account/name", "/account/sessions/x/end", "/account/accounts/github/unlink", "/account/delete"):
        assert browser.submit(path, name="Nia", headers=HTMX).status_code in {401, 404}, path
    assert browser.session() is not None


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_session_of_another_application_is_not_listed_and_can_revoke_all_others(
    app: Flask, hana: Browser, headers: dict[str, str]
) -> None:
    browser = next_js(app, sub=user_id(hana), jti="b")
    content = text(browser.get("/account"))
    assert "The session you are using now is not listed" in content
    assert "Sign out everywhere else" in content
    assert "This one" not in content

    response = browser.submit("/account/sessions/end-others", headers=headers)
    assert response.status_code in {200, 303}
    assert browser.session() is not None
    assert hana.session() is None
