"""What goes wrong is told in the clothes of the house, and costs nobody their session (S9, D1, D4, F16, H5)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan import public
from genkan.errors import AdapterError
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN

FORM = "application/x-www-form-urlencoded"


class Fault:
    """A callback of the application's, or a store, that breaks when it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_args: object, **_named: object) -> Any:
        raise self.error


@pytest.fixture(name="house")
def _house(app: Flask) -> Flask:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", "broken", public(Fault(RuntimeError("secret words"))))
    app.add_url_rule("/api/broken", "api-broken", public(Fault(RuntimeError("secret words"))))
    app.add_url_rule("/store", "store", public(Fault(AdapterError("secret words"))))
    app.add_url_rule("/api/store", "api-store", public(Fault(AdapterError("secret words"))))
    return app


@pytest.fixture(name="visitor")
def _visitor(house: Flask) -> Browser:
    return Browser(house)


def unreadable(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the application's session callback raises, for tokens seen before as well."""
    options = house.extensions["genkan"].core
    monkeypatch.setattr(options.sessions.cache, "get", lambda _key: None)
    monkeypatch.setattr(type(options.callbacks), "__getattribute__", _broken_session_callback)


def _broken_session_callback(callbacks: object, name: str) -> object:
    return Fault(RuntimeError("secret words")) if name == "session" else object.__getattribute__(callbacks, name)


def cause(browser: Browser, status: int) -> TestResponse:
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
def test_an_error_is_a_page_like_the_others(visitor: Browser, status: int) -> None:
    answer = cause(visitor, status)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    for part in (
        "<!doctype html>",
        'id="user-menu"',
        'href="/static/css/app.css?v=',
        "<h1>",
        f">{status}<",
        "Request <code>",
        'href="/"',
    ):
        assert part in answer.text, part
    assert "secret words" not in answer.text


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 500, 503])
def test_an_error_signs_nobody_out(visitor: Browser, status: int) -> None:
    visitor.sign_in()
    answer = cause(visitor, status)

    assert answer.status_code == status
    assert not answer.headers.getlist("Set-Cookie")
    assert visitor.session() is not None


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
def test_an_error_of_the_api_is_json(visitor: Browser, path: str, method: str, status: int, name: str) -> None:
    answer = visitor.client.open(path, method=method, base_url=ORIGIN, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["Content-Type"], answer.get_json()) == (
        status,
        "application/json",
        {"error": name},
    )


def test_a_method_that_is_not_allowed_is_told_which_are(visitor: Browser) -> None:
    assert set(cause(visitor, 405).headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_when_the_store_is_down_one_is_asked_to_come_back(visitor: Browser) -> None:
    assert [visitor.get(path).headers["Retry-After"] for path in ("/store", "/api/store")] == ["5", "5"]


def test_a_page_of_an_error_does_not_pretend_that_nobody_is_signed_in(visitor: Browser) -> None:
    visitor.sign_in()

    assert 'data-status="loading"' in visitor.get("/store").text
    assert 'data-status="authenticated"' in visitor.get("/nowhere").text


def test_the_error_page_and_the_log_name_the_same_request(visitor: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = cause(visitor, 500)

    assert "Exception on /broken [GET]" in caplog.text
    assert len(answer.text.split("Request <code>")[1].split("</code>")[0]) == 12


def test_a_session_that_cannot_be_read_is_503_where_one_is_needed_in_each_voice(
    house: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in()
    unreadable(house, monkeypatch)
    page, fragment, api = (
        visitor.get("/dashboard"),
        visitor.get("/partials/session", headers=HTMX),
        visitor.get("/api/user/profile"),
    )

    assert [answer.status_code for answer in (page, fragment, api)] == [503, 503, 503]
    assert [answer.headers["Retry-After"] for answer in (page, fragment, api)] == ["5", "5", "5"]
    assert "Temporarily unavailable" in page.text
    assert fragment.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert api.get_json() == {"error": "Service Unavailable"}
    assert not any("secret words" in answer.text or "Hana" in answer.text for answer in (page, fragment, api))


def test_it_is_nobody_where_none_is_needed_and_works_again_afterwards(house: Flask, visitor: Browser) -> None:
    visitor.sign_in()
    with pytest.MonkeyPatch.context() as monkeypatch:
        unreadable(house, monkeypatch)
        answers = [visitor.get(path) for path in ("/", "/about", "/partials/welcome", "/api/auth/signin")]
        told = visitor.get("/api/auth/session")
        assert [answer.status_code for answer in answers] == [200] * 4
        assert (told.status_code, told.data) == (503, b"null")
        assert not any(answer.headers.getlist("Set-Cookie") for answer in (*answers[:3], told))

    assert visitor.get("/dashboard").status_code == 200


def test_with_the_database_down_sessions_go_on_and_only_what_needs_it_is_503(
    house: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in()
    options = house.extensions["genkan"].core
    monkeypatch.setattr(options.cache, "get", lambda _key: None)
    for verb in ("get_user", "get_user_by_account", "spend", "create_user", "refresh_user"):
        monkeypatch.setattr(options.adapter, verb, Fault(AdapterError("secret words")))

    assert [
        visitor.get(path).status_code for path in ("/", "/dashboard", "/api/auth/session", "/partials/session")
    ] == [200] * 4
    profile = visitor.get("/api/user/profile")
    assert (profile.status_code, profile.get_json()) == (503, {"error": "Service Unavailable"})
    assert visitor.sign_out().status_code == 303


def test_a_callback_while_the_database_is_down_keeps_the_old_session(house: Flask, visitor: Browser) -> None:
    visitor.sign_in()
    location = visitor.choose(visitor.begin_sign_in().headers["Location"], "Hana Example")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(house.extensions["genkan"].core.adapter, "use_once", Fault(AdapterError("secret words")))
        answer = visitor.get(location)

    assert answer.headers["Location"] == f"{ORIGIN}/api/auth/error?error=Configuration&reason=storage"
    assert visitor.get(answer.headers["Location"]).status_code == 503
    assert visitor.session() is not None


@pytest.mark.parametrize(
    "body",
    [
        "a=" + "x" * 65_536, "&".join(["a=b"] * 100_000), "a" * 10_000_000, "csrfToken=" + "%00" * 30_000,
    ],
    ids=["just too long", "fields", "ten million", "encoded"],
)  # fmt: skip
def test_a_body_that_is_too_long_is_413_wherever_it_goes(visitor: Browser, body: str) -> None:
    for path in ("/api/auth/signin", "/api/auth/signin/development", "/api/auth/signout", "/api/auth/session"):
        for kind in (FORM, "application/json"):
            assert visitor.post(path, data=body, content_type=kind).status_code == 413


@pytest.mark.parametrize(
    "text",
    ["\x00", "\ud800", "\u202e", "a" * 60_000, "%00%ff%fe", "<script>alert(1)</script>", "'\"`;--", "${7*7}{{7*7}}"],
)
def test_nothing_that_a_visitor_writes_breaks_a_page_or_comes_back_as_markup(visitor: Browser, text: str) -> None:
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
            answer = visitor.get(path, query_string=f"{name}={encoded}")
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text
            assert "49" not in answer.text.split("<h1>")[-1][:60]
