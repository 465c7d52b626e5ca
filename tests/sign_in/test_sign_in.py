"""Signing in and out with the development provider."""

from __future__ import annotations

from tests.browser import Browser


def test_a_user_signs_in_sees_the_dashboard_and_signs_out(browser: Browser) -> None:
    """The first steps with the example application."""
    response = browser.sign_in()

    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:5000/dashboard")
    assert "Welcome, Hana Example" in browser.get("/dashboard").get_data(as_text=True)
    assert browser.sign_out().status_code == 303
    assert browser.session() is None
    assert browser.get("/dashboard").status_code == 303
