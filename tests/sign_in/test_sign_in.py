"""Signing in and out through the development provider, end to end in process."""

from __future__ import annotations

from tests.browser import Browser


def test_somebody_signs_in_sees_the_dashboard_and_signs_out(browser: Browser) -> None:
    """The first thing a newcomer does."""
    answer = browser.sign_in()

    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:5000/dashboard")
    assert "Welcome, Hana Example" in browser.get("/dashboard").get_data(as_text=True)
    assert browser.sign_out().status_code == 303
    assert browser.session() is None
    assert browser.get("/dashboard").status_code == 303
