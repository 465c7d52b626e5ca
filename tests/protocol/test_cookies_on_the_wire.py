"""Set-Cookie headers as browsers and proxies receive them: names, attributes, and the secrecy of the session token."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import genkan
from genkan.extension import install
from genkan.session.sessions import SessionConfig
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.core import make_core
from tests.routes import routes

HTTPS = "https://localhost:5443"
MAX_COOKIE_BYTES = 4096
SESSION = "authjs.session-token"
FLOW = "__Host-authjs.flow.*"


@pytest.fixture(name="secure")
def _secure(make_app: MakeApp) -> Browser:
    return Browser(make_app(AUTH_URL=HTTPS))


def all_cookie_responses(browser: Browser) -> Iterator[TestResponse]:
    """Yield every response that may set a cookie, from the first request to a second sign-out."""
    yield browser.get("/api/auth/csrf")
    yield browser.get("/api/auth/signin?callbackUrl=/about")
    started = browser.begin_sign_in()
    yield started
    yield browser.get(browser.choose(started.headers["Location"]))
    yield browser.get("/api/auth/session")
    yield browser.post("/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {}})
    for headers in ({}, HTMX):
        yield browser.sign_out(headers=headers)


def set_cookies(response: TestResponse) -> list[tuple[str, str, list[str]]]:
    parted = [header.split("; ") for header in response.headers.getlist("Set-Cookie")]
    return [(*first.split("=", 1), attributes) for first, *attributes in parted]  # type: ignore[misc]


def test_on_https_every_cookie_has_its_prefix_and_all_four_attributes(secure: Browser) -> None:
    names = set()
    for response in all_cookie_responses(secure):
        for name, _, attributes in set_cookies(response):
            names.add(re.sub(r"\.flow\..+", ".flow.*", name))
            assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= set(attributes), name
            assert not any(attribute.lower().startswith("domain") for attribute in attributes), name
            assert name.startswith(("__Secure-authjs.", "__Host-authjs.")), name

    own = {FLOW, "__Host-authjs.last-used"}
    assert names == {f"__Secure-{SESSION}", "__Host-authjs.csrf-token", "__Secure-authjs.callback-url", *own}


@pytest.mark.parametrize("space", [b"\xa0", b"\x85"])
def test_a_cookie_name_that_starts_with_a_latin_1_space_is_another_cookie(browser: Browser, space: bytes) -> None:
    """Python strips these bytes as white space, while browsers do not.

    The cookie must not be taken for the session cookie.
    """
    browser.sign_in()
    token = browser.cookie(SESSION) or ""
    client = browser.app.test_client(use_cookies=False)
    sessions = []
    for header in (f"{SESSION}={token}", f"{space.decode('latin-1')}{SESSION}={token}"):
        environ = {"HTTP_COOKIE": header}
        sessions.append(client.get("/api/auth/session", base_url=ORIGIN, environ_overrides=environ).get_json())

    assert [session is None for session in sessions] == [False, True]


def test_on_plain_http_cookies_have_no_prefix_and_no_secure_attribute(browser: Browser) -> None:
    cookies = [cookie for response in all_cookie_responses(browser) for cookie in set_cookies(response)]

    assert all(name.startswith("authjs.") for name, _, _ in cookies)
    assert all({"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes) for _, _, attributes in cookies)
    assert not any("Secure" in attributes for _, _, attributes in cookies)


def test_cookie_lifetimes_are_those_of_auth_js(secure: Browser) -> None:
    """The session has only Expires, cookies of our own have both, the others neither. A deletion has Max-Age=0."""
    shapes: dict[str, set[str]] = {}
    for response in all_cookie_responses(secure):
        for name, value, attributes in set_cookies(response):
            lifetime = ", ".join(
                part.partition("=")[0] if value else part for part in attributes if part[:3] in {"Max", "Exp"}
            )
            shapes.setdefault("flow" if ".flow." in name else name, set()).add(lifetime)

    assert shapes == {
        f"__Secure-{SESSION}": {"Expires", "Max-Age=0"},
        "flow": {"Max-Age, Expires", "Max-Age=0"},
        "__Host-authjs.csrf-token": {""},
        "__Secure-authjs.callback-url": {""},
        "__Host-authjs.last-used": {"Max-Age, Expires"},
    }


def test_the_session_cookie_can_have_the_host_prefix(clock: FrozenClock) -> None:
    app = Flask(__name__)
    core = make_core(clock, origin=HTTPS, session_config=SessionConfig(cookie_name=f"__Host-{SESSION}"))
    install(app, core)
    app.add_url_rule("/who", view_func=genkan.public(lambda: str(genkan.auth())))
    client = app.test_client()
    expired = core.sessions.sealer.seal({"sub": "1"}, -3600)
    client.set_cookie(f"__Host-{SESSION}", expired, domain="localhost")

    (cleared,) = client.get("/who", base_url=HTTPS).headers.getlist("Set-Cookie")
    assert cleared == f"__Host-{SESSION}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"


@pytest.mark.parametrize("tail", ["a" * 2000, "/" * 2000, "%2F" * 660, "?a=&b" * 400, "é" * 300, "é" * 2000])
def test_a_long_callback_url_never_makes_a_cookie_too_long(browser: Browser, tail: str) -> None:
    page = browser.get("/api/auth/signin", query_string={"callbackUrl": f"/{tail}"})
    started = browser.begin_sign_in(f"/{tail}")
    headers = [*page.headers.getlist("Set-Cookie"), *started.headers.getlist("Set-Cookie")]

    assert all(len(header.partition(";")[0]) <= MAX_COOKIE_BYTES for header in headers)
    assert browser.get(browser.choose(started.headers["Location"])).headers["Location"].startswith(ORIGIN)
    assert browser.session() is not None


def test_the_session_token_is_only_sent_in_set_cookie(browser: Browser) -> None:
    """No body, URL or other header holds it, on any route."""
    browser.sign_in()
    token = browser.cookie(SESSION)
    assert token is not None

    for route in routes(browser.app, "GET"):
        for headers in ({}, HTMX):
            response = browser.get(route.path, headers=headers)
            values = [response.text, *(value for name, value in response.headers if name != "Set-Cookie")]
            assert not any(token[-60:] in part for part in values), route


def test_a_session_is_not_sent_again_before_its_update_age(browser: Browser, clock: FrozenClock) -> None:
    browser.sign_in()
    clock.advance(24 * 3600 - 1)
    early = [browser.get(path).headers.getlist("Set-Cookie") for path in ("/", "/dashboard", "/api/auth/session")]
    clock.advance(1)
    (extended,) = browser.get("/").headers.getlist("Set-Cookie")

    assert early == [[], [], []]
    assert extended.startswith(f"{SESSION}=")


def test_signing_out_does_not_extend_the_session_it_revokes(browser: Browser, clock: FrozenClock) -> None:
    for headers in ({}, HTMX):
        browser.sign_in()
        clock.advance(25 * 3600)
        session = [cookie for cookie in set_cookies(browser.sign_out(headers=headers)) if cookie[0] == SESSION]

        assert [value for _, value, _ in session] == [""]


def test_cookie_names_follow_auth_url_and_not_the_connection(make_app: MakeApp) -> None:
    """Behind a proxy the connection is plain HTTP, but the cookies must still be secure."""
    app = make_app(AUTH_URL=HTTPS, GENKAN_ENV="production", AUTH_SECRET="Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-")
    response = app.test_client().get("/api/auth/csrf", base_url="http://10.0.0.7:8000")

    assert [name for name, _, _ in set_cookies(response)] == ["__Host-authjs.csrf-token"]
