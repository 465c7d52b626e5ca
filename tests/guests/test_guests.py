"""Applications that had a life before Genkan: their own tests pass before and after the lines that add it."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from tests.browser import Browser
from tests.guests.guest import Guest, run_own_tests


def browser_of(app: Flask) -> Browser:
    """Return a browser of the application, whose origin is that of its first request."""
    app.test_client().get("/api/auth/csrf")
    return Browser(app)


def test_the_application_s_own_tests_pass_without_genkan(guest: Guest, folder: Path) -> None:
    assert run_own_tests(folder).startswith(f"{guest.own_tests} passed")


def test_the_application_s_own_tests_pass_with_genkan(guest: Guest, patched: Path) -> None:
    assert run_own_tests(patched).startswith(f"{guest.own_tests} passed")


def test_ten_lines_are_enough(guest: Guest) -> None:
    assert 0 < len(guest.added_lines()) <= 10


def test_a_user_signs_in_by_a_provider_beside_the_passwords(app: Flask) -> None:
    browser = browser_of(app)
    assert 'data-status="unauthenticated"' in browser.get("/").text
    browser.sign_in(callback_url="/")
    page = browser.get("/").text
    assert 'data-status="authenticated"' in page
    assert "Hana Example" in page
    browser.sign_out()
    assert 'data-status="unauthenticated"' in browser.get("/").text
