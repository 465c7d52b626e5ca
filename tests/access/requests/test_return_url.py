"""The URL to come back to after signing in: the one that was asked for, encoded as it was."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from genkan.http.urls import MAX_URL_CHARACTERS
from tests.browser import Browser
from tests.conftest import ORIGIN


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    app.add_url_rule("/x/<path:name>", "named", lambda name: name)
    return Browser(app)


def callback_url(location: str) -> str:
    return parse_qs(urlsplit(location).query)["callbackUrl"][0]


@pytest.mark.parametrize(
    "url",
    [
        "/x/a%20b",
        "/x/a%23b",
        "/x/a%25b",
        "/x/a%2525b",
        "/x/a%3Fb",
        "/x/a%3Fb?q=%23&r=a+b%26",
        "/x/a%22b%3Cc%3E",
        "/x/a%5Cb",
        "/x/a;b=c,d",
        "/x/a:b@c",
        "/x/%E4%B8%AD%E6%96%87?q=%E4%B8%AD&r=%FF",
        "/x/%C3%A9?next=/y%3Fz%3D1",
        "/x/a?b=c?",
        "/x/a?q=%20&callbackUrl=%2Fother",
        "/x/a?q=%5B1%5D&r%5B%5D=2",
    ],
)
def test_the_callback_url_is_the_requested_one(browser: Browser, url: str) -> None:
    refused = browser.get(url)
    assert (refused.status_code, callback_url(refused.headers["Location"])) == (303, url)

    signed_in = browser.sign_in(callback_url=url)
    assert signed_in.headers["Location"] == f"{ORIGIN}{url}"
    assert browser.get(signed_in.headers["Location"]).status_code == 200


def test_bytes_that_are_not_encoded_are_encoded(app: Flask, browser: Browser) -> None:
    response = browser.client.get("/x/a", base_url=ORIGIN, environ_overrides={"QUERY_STRING": "q=\xe9\x85 <&r=1"})

    assert callback_url(response.headers["Location"]) == "/x/a?q=%E9%85%20%3C&r=1"


def test_a_query_that_is_too_long_is_left_out(browser: Browser) -> None:
    longest = "/x/a?q=".ljust(MAX_URL_CHARACTERS - len(ORIGIN), "b")

    assert callback_url(browser.get(longest).headers["Location"]) == longest
    assert browser.sign_in(callback_url=longest).headers["Location"] == f"{ORIGIN}{longest}"
    browser.sign_out()
    assert callback_url(browser.get(f"{longest}b").headers["Location"]) == "/x/a"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "/other?page=2"),
        ({"HX-Boosted": "true"}, "/x/a%20b?q=1"),
        ({"HX-History-Restore-Request": "true"}, "/x/a%20b?q=1"),
    ],
    ids=["fragment", "boosted link", "Back"],
)
def test_htmx_comes_back_to_the_page_of_a_fragment_and_to_the_target_of_a_link(
    browser: Browser, headers: dict[str, str], expected: str
) -> None:
    htmx = {"HX-Request": "true", "HX-Current-URL": f"{ORIGIN}/other?page=2", **headers}
    response = browser.get("/x/a%20b?q=1", headers=htmx)

    location = response.headers.get("HX-Redirect") or response.headers["Location"]
    assert callback_url(location) == expected


def test_a_boosted_form_comes_back_to_its_page(app: Flask, browser: Browser) -> None:
    app.add_url_rule("/save", "save", lambda: "saved", methods=["POST"])
    htmx = {"HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": f"{ORIGIN}/form"}
    response = browser.submit("/save", headers=htmx)

    assert callback_url(response.headers["HX-Redirect"]) == "/form"
