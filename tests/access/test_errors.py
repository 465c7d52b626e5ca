"""Error responses: pages in the application's layout, JSON for the API, and the session stays."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import RequestedRangeNotSatisfiable, TooManyRequests, Unauthorized
from werkzeug.test import TestResponse

from genkan import public
from genkan.errors import AdapterError
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN

FORM = "application/x-www-form-urlencoded"


class Fault:
    """Callback or adapter method that raises an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_args: object, **_named: object) -> Any:
        raise self.error


@pytest.fixture(name="app")
def _app(app: Flask) -> Flask:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", "broken", public(Fault(RuntimeError("a secret message"))))
    app.add_url_rule("/api/broken", "api-broken", public(Fault(RuntimeError("a secret message"))))
    app.add_url_rule("/store", "store", public(Fault(AdapterError("a secret message"))))
    app.add_url_rule("/api/store", "api-store", public(Fault(AdapterError("a secret message"))))
    return app


def break_session_callback(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the session callback raise from now on, also for cached tokens."""
    options = app.extensions["genkan"].core
    monkeypatch.setattr(options.sessions.cache, "get", lambda _key: None)
    monkeypatch.setattr(type(options.callbacks), "__getattribute__", _broken_session_callback)


def _broken_session_callback(callbacks: object, name: str) -> object:
    return Fault(RuntimeError("a secret message")) if name == "session" else object.__getattribute__(callbacks, name)


def request_error(browser: Browser, status: int) -> TestResponse:
    return {
        400: lambda: browser.get("/api/auth/error"),
        404: lambda: browser.get("/nowhere"),
        405: lambda: browser.post("/dashboard"),
        413: lambda: browser.post("/api/auth/signout", data="x" * 70_000, content_type=FORM),
        415: lambda: browser.post("/api/auth/signout", data={"a": "b"}, content_type="multipart/form-data"),
        500: lambda: browser.get("/broken"),
        503: lambda: browser.get("/store"),
    }[status]()


@pytest.mark.parametrize("status", [404, 405, 413, 415, 500, 503])
def test_an_error_page_has_the_applications_layout(browser: Browser, status: int) -> None:
    response = request_error(browser, status)

    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    for part in (
        "<!doctype html>",
        'id="user-menu"',
        'href="/static/css/app.css?v=',
        "<h1>",
        f">{status}<",
        "Request <code>",
        'href="/"',
    ):
        assert part in response.text, part
    assert "a secret message" not in response.text


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 500, 503])
def test_an_error_does_not_sign_out(browser: Browser, status: int) -> None:
    browser.sign_in()
    response = request_error(browser, status)

    assert response.status_code == status
    assert not response.headers.getlist("Set-Cookie")
    assert browser.session() is not None


@pytest.mark.parametrize(
    ("path", "method", "status", "name"),
    [
        ("/api/user/nowhere", "GET", 404, "Not Found"),
        ("/api/nowhere", "GET", 404, "Not Found"),
        ("/api/user/profile", "POST", 405, "Method Not Allowed"),
        ("/api/broken", "GET", 500, "Internal Server Error"),
        ("/api/store", "GET", 503, "Service Unavailable"),
    ],
)
def test_an_error_of_the_api_is_json(browser: Browser, path: str, method: str, status: int, name: str) -> None:
    response = browser.client.open(path, method=method, base_url=ORIGIN, headers={"Accept": "text/html"})

    assert (response.status_code, response.headers["Content-Type"], response.get_json()) == (
        status,
        "application/json",
        {"error": name},
    )


def test_method_not_allowed_names_the_allowed_methods(browser: Browser) -> None:
    assert set(request_error(browser, 405).headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_an_error_page_keeps_the_headers_of_the_error(app: Flask, prefix: str) -> None:
    errors: dict[str, Exception] = {
        "/basic": Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "shop"})),
        "/range": RequestedRangeNotSatisfiable(length=7),
        "/later": TooManyRequests(retry_after=9),
    }
    for path, error in errors.items():
        app.add_url_rule(prefix + path, path[1:], public(Fault(error)))
    client = Browser(app).client
    headers = {path: client.get(prefix + path, base_url=ORIGIN).headers for path in errors}

    assert headers["/basic"]["WWW-Authenticate"] == "Basic realm=shop"
    assert headers["/range"]["Content-Range"] == "bytes */7"
    assert headers["/later"]["Retry-After"] == "9"
    assert all(len(each.getlist("Content-Type")) == 1 for each in headers.values())


def test_without_the_database_the_response_has_retry_after(browser: Browser) -> None:
    assert [browser.get(path).headers["Retry-After"] for path in ("/store", "/api/store")] == ["5", "5"]


def test_an_error_page_shows_the_session_state_if_it_is_known(browser: Browser) -> None:
    browser.sign_in()

    assert 'data-status="loading"' in browser.get("/store").text
    assert 'data-status="authenticated"' in browser.get("/nowhere").text


def test_the_error_page_shows_a_request_id_and_the_error_is_logged(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = request_error(browser, 500)

    assert "Exception on /broken [GET]" in caplog.text
    assert len(response.text.split("Request <code>")[1].split("</code>")[0]) == 12


def test_private_views_return_503_while_the_session_cannot_be_read(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in()
    break_session_callback(app, monkeypatch)
    page, fragment, api = (
        browser.get("/dashboard"),
        browser.get("/partials/session", headers=HTMX),
        browser.get("/api/user/profile"),
    )

    assert [response.status_code for response in (page, fragment, api)] == [503, 503, 503]
    assert [response.headers["Retry-After"] for response in (page, fragment, api)] == ["5", "5", "5"]
    assert "Temporarily unavailable" in page.text
    assert fragment.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert api.get_json() == {"error": "Service Unavailable"}
    assert not any("a secret message" in response.text or "Hana" in response.text for response in (page, fragment, api))


def test_public_pages_work_while_the_session_cannot_be_read(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    with pytest.MonkeyPatch.context() as monkeypatch:
        break_session_callback(app, monkeypatch)
        responses = [browser.get(path) for path in ("/", "/about", "/partials/welcome", "/api/auth/signin")]
        session = browser.get("/api/auth/session")
        assert [response.status_code for response in responses] == [200] * 4
        assert (session.status_code, session.data) == (503, b"null")
        assert not any(response.headers.getlist("Set-Cookie") for response in (*responses[:3], session))

    assert browser.get("/dashboard").status_code == 200


def test_without_the_database_sessions_work_and_only_database_views_fail(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in()
    options = app.extensions["genkan"].core
    monkeypatch.setattr(options.cache, "get", lambda _key: None)
    for method in ("get_user", "get_user_by_account", "use_once", "create_user", "refresh_user"):
        monkeypatch.setattr(options.adapter, method, Fault(AdapterError("a secret message")))

    assert [
        browser.get(path).status_code for path in ("/", "/dashboard", "/api/auth/session", "/partials/session")
    ] == [200] * 4
    profile = browser.get("/api/user/profile")
    assert (profile.status_code, profile.get_json()) == (503, {"error": "Service Unavailable"})
    assert browser.sign_out().status_code == 303


def test_a_callback_while_the_database_is_down_keeps_the_old_session(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    location = browser.choose(browser.begin_sign_in().headers["Location"], "Hana Example")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(app.extensions["genkan"].core.adapter, "use_once", Fault(AdapterError("a secret message")))
        response = browser.get(location)

    assert response.headers["Location"] == f"{ORIGIN}/api/auth/error?error=Configuration&reason=storage"
    assert browser.get(response.headers["Location"]).status_code == 503
    assert browser.session() is not None


@pytest.mark.parametrize(
    "body",
    [
        "a=" + "x" * 65_536, "&".join(["a=b"] * 100_000), "a" * 10_000_000, "csrfToken=" + "%00" * 30_000,
    ],
    ids=["just too long", "fields", "ten million", "encoded"],
)  # fmt: skip
def test_a_request_body_that_is_too_long_returns_413(browser: Browser, body: str) -> None:
    for path in ("/api/auth/signin", "/api/auth/signin/development", "/api/auth/signout", "/api/auth/session"):
        for kind in (FORM, "application/json"):
            assert browser.post(path, data=body, content_type=kind).status_code == 413


@pytest.mark.parametrize(
    "text",
    ["\x00", "\ud800", "\u202e", "a" * 60_000, "%00%ff%fe", "<script>alert(1)</script>", "'\"`;--", "${7*7}{{7*7}}"],
)
def test_no_input_breaks_a_page_or_is_returned_as_markup(browser: Browser, text: str) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass")[:4000])
    for path in (
        "/",
        "/nowhere",
        "/dashboard",
        "/api/auth/signin",
        "/api/auth/signout",
        "/api/auth/error",
        "/api/auth/callback/development",
    ):
        for name in ("error", "reason", "callbackUrl", "state", "code", "iss"):
            response = browser.get(path, query_string=f"{name}={encoded}")
            assert response.status_code < 500, (path, name)
            assert "<script>alert" not in response.text
            assert "49" not in response.text.split("<h1>")[-1][:60]
