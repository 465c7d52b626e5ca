"""A user who signs in by a provider is a user of the application, on its own pages and in its own forms."""

from __future__ import annotations

import re
import sys

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.guests.test_guests import browser_of


def only(name: str) -> pytest.MarkDecorator:
    """Run a test with one application."""
    return pytest.mark.parametrize("guest", [name], indirect=True)


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    browser = browser_of(app)
    browser.sign_in(callback_url="/")
    return browser


def submit(browser: Browser, path: str, form_on: str = "/", **fields: str) -> TestResponse:
    """Submit a form of the application with the token of Flask-WTF that is on the page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(form_on).text)
    assert found
    return browser.post(path, data={"csrf_token": found[1], **fields})


@only("journal")
def test_a_writer_posts_and_edits_the_profile(hana: Browser) -> None:
    assert submit(hana, "/", text="The sun came out.").headers["Location"] == "/"
    assert hana.get("/api/posts").get_json() == [{"id": 1, "text": "The sun came out.", "author": "Hana Example"}]
    submit(hana, "/profile", form_on="/profile", about="I write.")
    assert "I write." in hana.get("/writer/Hana Example").text
    assert hana.get("/api/me").get_json() == "Hana Example"


@only("journal")
def test_a_request_that_another_site_caused_has_no_writer(hana: Browser) -> None:
    assert hana.post("/", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    answer = hana.post("/post/1/delete", headers={"Origin": "https://evil.example"})
    assert answer.headers["Location"].startswith("/auth/login")


@only("journal")
def test_logging_out_of_the_journal_ends_the_session(hana: Browser) -> None:
    assert hana.get("/auth/logout").headers["Location"] == "/"
    assert hana.session() is None
    assert hana.get("/profile").headers["Location"].startswith("/auth/login")


@only("journal")
def test_a_name_that_is_taken_refuses_the_sign_in(app: Flask) -> None:
    browser = browser_of(app)
    form = {"name": "Hana Example", "email": "other@example.com", "password": "x", "repeated": "x"}
    submit(browser, "/auth/register", form_on="/auth/register", **form)
    location = browser.sign_in(callback_url="/").headers["Location"]
    assert "error=AccessDenied" in location
    assert browser.get(location).status_code < 500
    assert browser.session() is None


@only("catalog")
def test_a_reader_reserves_and_logs_out(app: Flask, hana: Browser) -> None:
    models = sys.modules["catalog.models"]
    with app.app_context():
        models.db.session.add(models.Book(title="Emma"))
        models.db.session.commit()
    assert submit(hana, "/book/1/reserve", form_on="/book/1").headers["Location"] == "/account"
    page = hana.get("/account").text
    assert "Books for Hana Example" in page
    assert "Emma" in page
    submit(hana, "/logout")
    assert hana.session() is None


@only("catalog")
def test_a_fragment_is_cached_for_each_reader_of_a_provider(app: Flask, hana: Browser) -> None:
    assert "Books for Hana Example" in hana.get("/account").text
    alex = browser_of(app)
    alex.sign_in("Alex Admin", callback_url="/")
    assert "Books for Alex Admin" in alex.get("/account").text
    assert "Books for Hana Example" in hana.get("/account").text


@only("board")
def test_a_member_begins_and_deletes_a_topic(hana: Browser) -> None:
    assert "Welcome, Hana Example" in hana.get("/").text
    assert hana.post("/topics", data={"subject": "Soup"}).headers["Location"] == "/topics/1"
    assert "confirm(" in hana.get("/topics/1").text
    assert hana.post("/topics/1/delete").headers["Location"] == "/"
    assert hana.get("/topics/1").status_code == 404


@only("board")
def test_files_stay_in_the_browser_s_cache_though_a_hook_asks_who_is_signed_in(hana: Browser) -> None:
    for path in ("/theme/theme.css", "/topics/static/topics.js"):
        assert hana.get(path).headers["Cache-Control"] == "no-cache"
    page = hana.get("/topics.json")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["Vary"] == "Cookie"
