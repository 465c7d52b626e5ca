"""Cache-Control and Vary: responses that depend on a cookie are private, and all others set their own headers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.web.static_files import COMPRESSED, register_static_files, version_of
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN
from tests.routes import Route, routes

FOR_ALL = {
    "dashboard.about",
    "health.live",
    "genkan_actions.providers",
    "genkan_actions.backchannel_logout",
    "static",
    "genkan.static",
    "genkan.change_password",
}
"""Endpoints whose responses are the same for all clients."""

REQUEST_HEADERS: list[dict[str, str]] = [{}, HTMX, {"Accept-Encoding": "gzip"}, {"X-Auth-Return-Redirect": "1"}]

FILE_SUFFIXES = ["/x.css", "/x.js", ";x.css", "%2fx.css", "%2f..%2fx.css", "%3bx.css", "%00.css", "%0ax.css", ".css", "/%2e%2e/x.ico"]  # fmt: skip
"""Appended to a URL to make a cache take the response for a static file (web cache deception)."""

ACCEPT_ENCODINGS = [
    ("gzip", "gzip"), ("br, gzip;q=0.5", "br"), ("br", "br"), ("gzip, br;q=0", "gzip"), ("gzip, " + "x, " * 100 + "br", "br"),
    ("gzip;q=0", None), ("identity", None), ("", None),
]  # fmt: skip
"""Values of Accept-Encoding, and the encoding of a file that has a compressed form."""

DECOMPRESS: dict[str | None, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}


def send(browser: Browser, route: Route, headers: dict[str, str]) -> TestResponse:
    return browser.client.open(route.path, method=route.method, base_url=ORIGIN, headers=headers)


def is_private(response: TestResponse) -> bool:
    cache_control, vary = response.headers.getlist("Cache-Control"), response.headers.getlist("Vary")
    names = {name.strip() for name in ",".join(vary).split(",")}
    directives = {directive.strip() for directive in ",".join(cache_control).split(",")}
    return (
        len(cache_control) == len(vary) == 1
        and {"Cookie", "HX-Request"} <= names
        and {"private", "no-store"} <= directives
    )


def responses_of_all_routes(browser: Browser) -> list[tuple[Route, TestResponse]]:
    """Return the responses of all routes that depend on a cookie, signed out and signed in."""
    personal = [
        route
        for route in routes(browser.app, "GET", "HEAD", "POST")
        if not route.is_dev_provider and route.endpoint not in FOR_ALL
    ]
    rows = [(route, send(browser, route, headers)) for route in personal for headers in REQUEST_HEADERS]
    browser.sign_in()
    return rows + [
        (route, send(browser, route, headers))
        for route in personal
        if route.method != "POST"
        for headers in REQUEST_HEADERS
    ]


def test_responses_that_depend_on_a_cookie_are_private(browser: Browser) -> None:
    rows = responses_of_all_routes(browser)

    assert {response.status_code for _, response in rows} >= {200, 204, 302, 303, 400, 401}
    assert [
        (str(route), response.status, dict(response.headers)) for route, response in rows if not is_private(response)
    ] == []


def test_responses_of_sign_in_sign_out_and_errors_are_private(browser: Browser) -> None:
    started = browser.begin_sign_in()
    callback = browser.choose(started.headers["Location"])
    responses = [
        started,
        browser.get(callback),
        browser.get(callback),
        browser.sign_out(),
        browser.sign_out(headers=HTMX),
    ]
    responses += [browser.post("/api/auth/session", data="{", content_type="application/json"), browser.get("/nowhere")]
    responses += [browser.post("/api/auth/signin", headers={"Origin": "https://evil.example"}), browser.post("/")]

    assert [(response.request.path, response.status) for response in responses if not is_private(response)] == [
        ("/api/auth/session", "400 BAD REQUEST")  # This response reads a body and no cookie.
    ]


def test_a_public_page_is_the_same_for_all_clients(browser: Browser) -> None:
    """The page sets no cookie, depends on none, and may be cached for a minute."""
    anonymous = browser.get("/about")
    browser.sign_in()
    own = browser.get("/about")

    assert anonymous.data == own.data
    for response in (anonymous, own):
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert "cookie" not in response.headers.get("Vary", "").lower()
        assert "Set-Cookie" not in response.headers
        assert 'data-status="loading"' in response.text
        assert "csrfToken" not in response.text
        assert "Hana" not in response.text


def test_public_resources_set_no_cookie_and_depend_on_none(browser: Browser) -> None:
    browser.client.set_cookie("authjs.session-token", "nonsense", domain="127.0.0.1")
    for route in routes(browser.app, "GET"):
        if route.endpoint in FOR_ALL:
            for headers in REQUEST_HEADERS:
                response = send(browser, route, headers)
                assert "Set-Cookie" not in response.headers, route
                assert "Cookie" not in response.headers.get("Vary", ""), route


def test_a_static_file_with_its_version_is_immutable(browser: Browser) -> None:
    page = browser.get("/").text
    versioned = page.split('rel="stylesheet" href="')[1].split('"')[0]

    assert versioned.startswith("/static/css/app.css?v=")
    response = browser.get(versioned)
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert (response.headers["Content-Type"], response.headers["Vary"]) == (
        "text/css; charset=utf-8",
        "Accept-Encoding",
    )
    again = browser.get(versioned, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("version", ["", "?v=", "?v=000000000000", "?x=1"])
def test_a_static_file_with_another_version_is_cached_for_five_minutes(browser: Browser, version: str) -> None:
    assert browser.get(f"/static/css/app.css{version}").headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(("accepted", "encoding"), ACCEPT_ENCODINGS)
def test_a_static_file_is_compressed_for_clients_that_accept_it(
    browser: Browser, accepted: str, encoding: str | None
) -> None:
    plain = browser.get("/static/vendor/htmx-4.0.1.min.js")
    response = browser.get("/static/vendor/htmx-4.0.1.min.js", headers={"Accept-Encoding": accepted})

    assert response.headers.get("Content-Encoding") == encoding
    assert DECOMPRESS[encoding](response.data) == plain.data
    assert response.headers["ETag"] == ("W/" if encoding else "") + plain.headers["ETag"]
    assert response.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    headers = {"Accept-Encoding": accepted, "If-None-Match": response.headers["ETag"]}
    again = browser.get("/static/vendor/htmx-4.0.1.min.js", headers=headers)
    assert (again.status_code, again.headers["ETag"]) == (304, response.headers["ETag"])


def test_a_static_file_without_a_compressed_form_is_compressed_with_gzip(browser: Browser) -> None:
    response = browser.get("/static/css/app.css", headers={"Accept-Encoding": "gzip, br"})

    assert response.headers["Content-Encoding"] == "gzip"


def test_a_changed_static_file_is_not_sent_in_the_compressed_form_of_an_earlier_version(tmp_path: Path) -> None:
    (tmp_path / COMPRESSED).mkdir()
    (tmp_path / COMPRESSED / f"{version_of(b'old')}.br").write_bytes(brotli.compress(b"old"))
    app = Flask("shop", static_folder=str(tmp_path), static_url_path="/files")
    register_static_files(app)
    client = app.test_client()

    for content, encoding in ((b"old", "br"), (b"new", "gzip")):
        (tmp_path / "a.css").write_bytes(content)
        with app.test_request_context():
            app.jinja_env.auto_reload = True  # as in development, where a change is seen at once
            url = app.jinja_env.from_string("{{ static_url('a.css') }}").render()
        response = client.get(url, headers={"Accept-Encoding": "br, gzip"})
        assert response.headers["Content-Encoding"] == encoding
        assert DECOMPRESS[encoding](response.data) == content


@pytest.mark.parametrize(
    "path",
    [
        "/static/", "/static/css", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/css/../../app.py",
        "/static//etc/passwd", "/static/css/app.css%00.png", "/static/css/app.css/", "/static/CSS/APP.CSS", "/static/.", "/static/nothing.css",
    ],
)  # fmt: skip
def test_nothing_outside_the_static_folder_can_be_requested(browser: Browser, path: str) -> None:
    response = browser.client.get(path, base_url=ORIGIN)

    assert response.status_code in {404, 308}
    assert "create_app" not in response.text


@pytest.mark.parametrize("suffix", FILE_SUFFIXES)
def test_a_private_page_with_a_file_suffix_is_not_found(browser: Browser, suffix: str) -> None:
    """A cache that decides by the file name stores no personal data."""
    browser.sign_in()
    for path in ("/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu", "/api/auth/csrf"):
        response = browser.client.get(path + suffix, base_url=ORIGIN)
        assert response.status_code == 404, path
        assert "hana@" not in response.text
        assert {"private", "no-store"} <= set(response.headers.get("Cache-Control", "private, no-store").split(", "))


def test_the_liveness_check_has_no_personal_headers(browser: Browser) -> None:
    response = browser.get("/health/live")

    assert (response.data, response.headers["Content-Type"]) == (b'{"status":"ok"}', "application/json")
    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers
