"""What caches may keep (X1, X2, X4): of whatever looked at a cookie nothing, of the rest what it says itself."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN
from tests.routes import Route, routes

FOR_ALL = {"dashboard.about", "health.live", "auth.providers", "auth.backchannel_logout", "static", "genkan.static"}
"""Endpoints whose answers are the same for everybody, because they ask nobody's name."""

WAYS: list[dict[str, str]] = [{}, HTMX, {"Accept-Encoding": "gzip"}, {"X-Auth-Return-Redirect": "1"}]

DECEPTIVE = ["/x.css", "/x.js", ";x.css", "%2fx.css", "%2f..%2fx.css", "%3bx.css", "%00.css", "%0ax.css", ".css", "/%2e%2e/x.ico"]  # fmt: skip
"""What somebody hangs onto an address so that a cache takes the answer for a file."""

PACKED = [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False), ("", False)]


def ask(browser: Browser, address: Route, headers: dict[str, str]) -> TestResponse:
    return browser.client.open(address.path, method=address.method, base_url=ORIGIN, headers=headers)


def is_private(answer: TestResponse) -> bool:
    kept, varied = answer.headers.getlist("Cache-Control"), answer.headers.getlist("Vary")
    names = {name.strip() for name in ",".join(varied).split(",")}
    says = {word.strip() for word in ",".join(kept).split(",")}
    return len(kept) == len(varied) == 1 and {"Cookie", "HX-Request"} <= names and {"private", "no-store"} <= says


def table(browser: Browser) -> list[tuple[Route, TestResponse]]:
    """Every address of ours, in every way, signed out and signed in."""
    ours = [
        a for a in routes(browser.app, "GET", "HEAD", "POST") if not a.is_dev_provider and a.endpoint not in FOR_ALL
    ]
    rows = [(a, ask(browser, a, headers)) for a in ours for headers in WAYS]
    browser.sign_in()
    return rows + [(a, ask(browser, a, headers)) for a in ours if a.method != "POST" for headers in WAYS]


def test_what_depends_on_who_asks_is_kept_by_nobody(browser: Browser) -> None:
    rows = table(browser)

    assert {answer.status_code for _, answer in rows} >= {200, 204, 302, 303, 400, 401}
    assert [(str(a), answer.status, dict(answer.headers)) for a, answer in rows if not is_private(answer)] == []


def test_so_are_the_answers_that_begin_end_and_fail_a_session(browser: Browser) -> None:
    started = browser.begin_sign_in()
    back = browser.choose(started.headers["Location"])
    answers = [started, browser.get(back), browser.get(back), browser.sign_out(), browser.sign_out(headers=HTMX)]
    answers += [browser.post("/api/auth/session", data="{", content_type="application/json"), browser.get("/nowhere")]
    answers += [browser.post("/api/auth/signin", headers={"Origin": "https://evil.example"}), browser.post("/")]

    assert [(answer.request.path, answer.status) for answer in answers if not is_private(answer)] == [
        ("/api/auth/session", "400 BAD REQUEST")  # it has read a body and no cookie
    ]


def test_a_page_for_everybody_is_the_same_for_everybody(browser: Browser) -> None:
    """It sets no cookie, depends on none, and may be kept for a minute."""
    strangers = browser.get("/about")
    browser.sign_in()
    own = browser.get("/about")

    assert strangers.data == own.data
    for answer in (strangers, own):
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "cookie" not in answer.headers.get("Vary", "").lower()
        assert "Set-Cookie" not in answer.headers
        assert 'data-status="loading"' in answer.text
        assert "csrfToken" not in answer.text
        assert "Hana" not in answer.text


def test_what_is_for_all_sets_no_cookie_and_depends_on_none(browser: Browser) -> None:
    browser.client.set_cookie("authjs.session-token", "nonsense", domain="127.0.0.1")
    for address in routes(browser.app, "GET"):
        if address.endpoint in FOR_ALL:
            for headers in WAYS:
                answer = ask(browser, address, headers)
                assert "Set-Cookie" not in answer.headers, address
                assert "Cookie" not in answer.headers.get("Vary", ""), address


def test_a_static_file_under_its_version_may_be_kept_for_ever(browser: Browser) -> None:
    page = browser.get("/").text
    versioned = page.split('rel="stylesheet" href="')[1].split('"')[0]

    assert versioned.startswith("/static/css/app.css?v=")
    answer = browser.get(versioned)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("text/css; charset=utf-8", "Accept-Encoding")
    again = browser.get(versioned, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("version", ["", "?v=", "?v=000000000000", "?x=1"])
def test_a_static_file_under_another_address_is_kept_for_minutes_only(browser: Browser, version: str) -> None:
    assert browser.get(f"/static/css/app.css{version}").headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(("accepted", "packed"), PACKED)
def test_a_static_file_is_packed_for_those_who_take_it(browser: Browser, accepted: str, packed: bool) -> None:
    answer = browser.get("/static/css/app.css", headers={"Accept-Encoding": accepted})

    assert (answer.headers.get("Content-Encoding") == "gzip") is packed
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/static/", "/static/css", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/css/../../app.py",
        "/static//etc/passwd", "/static/css/app.css%00.png", "/static/css/app.css/", "/static/CSS/APP.CSS", "/static/.", "/static/nothing.css",
    ],
)  # fmt: skip
def test_nothing_outside_the_static_folder_can_be_named(browser: Browser, path: str) -> None:
    answer = browser.client.get(path, base_url=ORIGIN)

    assert answer.status_code in {404, 308}
    assert "create_app" not in answer.text


@pytest.mark.parametrize("tail", DECEPTIVE)
def test_a_cache_that_goes_by_file_names_is_not_deceived(browser: Browser, tail: str) -> None:
    """What looks like a static file is not there, and says nothing of anybody (X4)."""
    browser.sign_in()
    for path in ("/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu", "/api/auth/csrf"):
        answer = browser.client.get(path + tail, base_url=ORIGIN)
        assert answer.status_code == 404, path
        assert "hana@" not in answer.text
        assert {"private", "no-store"} <= set(answer.headers.get("Cache-Control", "private, no-store").split(", "))


def test_the_liveness_of_the_house_is_told_plainly(browser: Browser) -> None:
    answer = browser.get("/health/live")

    assert (answer.data, answer.headers["Content-Type"]) == (b'{"status":"ok"}', "application/json")
    assert "Vary" not in answer.headers
    assert "Set-Cookie" not in answer.headers
