"""Set-Cookie as browsers and proxies see it (T1-T3): names, attributes, and where a session token may be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import genkan.web
from genkan.core import SessionConfig
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.core import make_core
from tests.routes import addresses

HTTPS = "https://localhost:5443"
KEPT_BY_BROWSERS = 4096
SESSION = "authjs.session-token"
FLOW = "__Host-authjs.flow.*"


@pytest.fixture(name="secure")
def _secure(make_app: MakeApp) -> Browser:
    return Browser(make_app(AUTH_URL=HTTPS))


def whole_visit(browser: Browser) -> Iterator[TestResponse]:
    """Every answer that may set a cookie, from the first look to signing out twice."""
    yield browser.get("/api/auth/csrf")
    yield browser.get("/api/auth/signin?callbackUrl=/about")
    started = browser.begin_sign_in()
    yield started
    yield browser.get(browser.choose(started.headers["Location"]))
    yield browser.get("/api/auth/session")
    yield browser.post("/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {}})
    for headers in ({}, HTMX):
        yield browser.sign_out(headers=headers)


def set_cookies(answer: TestResponse) -> list[tuple[str, str, list[str]]]:
    parted = [header.split("; ") for header in answer.headers.getlist("Set-Cookie")]
    return [(*first.split("=", 1), attributes) for first, *attributes in parted]  # type: ignore[misc]


def test_on_https_every_cookie_has_its_prefix_and_all_four_attributes(secure: Browser) -> None:
    names = set()
    for answer in whole_visit(secure):
        for name, _, attributes in set_cookies(answer):
            names.add(re.sub(r"\.flow\..+", ".flow.*", name))
            assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= set(attributes), name
            assert not any(attribute.lower().startswith("domain") for attribute in attributes), name
            assert name.startswith(("__Secure-authjs.", "__Host-authjs.")), name

    assert names == {f"__Secure-{SESSION}", "__Host-authjs.csrf-token", "__Secure-authjs.callback-url", FLOW}


@pytest.mark.parametrize("sign", [b"\xa0", b"\x85"])
def test_a_neighbours_cookie_with_a_blank_before_our_name_is_not_ours(browser: Browser, sign: bytes) -> None:
    """Over the wire it comes as a byte, which Python, but no browser, takes for a blank."""
    browser.sign_in()
    token = browser.cookie(SESSION) or ""
    client = browser.app.test_client(use_cookies=False)
    told = []
    for header in (f"{SESSION}={token}", f"{sign.decode('latin-1')}{SESSION}={token}"):
        environ = {"HTTP_COOKIE": header}
        told.append(client.get("/api/auth/session", base_url=ORIGIN, environ_overrides=environ).get_json())

    assert [session is None for session in told] == [False, True]


def test_on_plain_http_the_names_are_bare_and_nothing_says_secure(browser: Browser) -> None:
    seen = [cookie for answer in whole_visit(browser) for cookie in set_cookies(answer)]

    assert all(name.startswith("authjs.") for name, _, _ in seen)
    assert all({"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes) for _, _, attributes in seen)
    assert not any("Secure" in attributes for _, _, attributes in seen)


def test_lifetimes_are_those_of_auth_js(secure: Browser) -> None:
    """The session says Expires only, a flow both, the others neither; a deletion says Max-Age=0."""
    shapes: dict[str, set[str]] = {}
    for answer in whole_visit(secure):
        for name, value, attributes in set_cookies(answer):
            lifetime = ", ".join(
                part.partition("=")[0] if value else part for part in attributes if part[:3] in {"Max", "Exp"}
            )
            shapes.setdefault("flow" if ".flow." in name else name, set()).add(lifetime)

    assert shapes == {
        f"__Secure-{SESSION}": {"Expires", "Max-Age=0"},
        "flow": {"Max-Age, Expires", "Max-Age=0"},
        "__Host-authjs.csrf-token": {""},
        "__Secure-authjs.callback-url": {""},
    }


def test_a_host_session_cookie_is_one_setting_away(clock: FrozenClock) -> None:
    app = Flask(__name__)
    options = make_core(clock, origin=HTTPS, policy=SessionConfig(cookie_name=f"__Host-{SESSION}"))
    genkan.web.init_app(app, options)
    app.add_url_rule("/who", view_func=genkan.web.public(lambda: str(genkan.web.auth())))
    client = app.test_client()
    client.set_cookie(f"__Host-{SESSION}", "nonsense", domain="localhost")

    (cleared,) = client.get("/who", base_url=HTTPS).headers.getlist("Set-Cookie")
    assert cleared == f"__Host-{SESSION}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"


@pytest.mark.parametrize("tail", ["a" * 2000, "/" * 2000, "%2F" * 660, "?a=&b" * 400, "é" * 300, "é" * 2000])
def test_no_cookie_is_longer_than_browsers_keep_however_long_the_way_back(browser: Browser, tail: str) -> None:
    page = browser.get("/api/auth/signin", query_string={"callbackUrl": f"/{tail}"})
    started = browser.begin_sign_in(f"/{tail}")
    headers = [*page.headers.getlist("Set-Cookie"), *started.headers.getlist("Set-Cookie")]

    assert all(len(header.partition(";")[0]) <= KEPT_BY_BROWSERS for header in headers)
    assert browser.get(browser.choose(started.headers["Location"])).headers["Location"].startswith(ORIGIN)
    assert browser.session() is not None


def test_the_session_token_is_seen_in_set_cookie_and_nowhere_else(browser: Browser) -> None:
    """No body, no URL, no other header holds it, whoever asks for what (T2)."""
    browser.sign_in()
    token = browser.cookie(SESSION)
    assert token is not None

    for address in addresses(browser.app, "GET"):
        for headers in ({}, HTMX):
            answer = browser.get(address.path, headers=headers)
            said = [answer.text, *(value for name, value in answer.headers if name != "Set-Cookie")]
            assert not any(token[-60:] in part for part in said), address


def test_a_session_that_is_not_due_is_not_set_again(browser: Browser, clock: FrozenClock) -> None:
    browser.sign_in()
    clock.advance(24 * 3600 - 1)
    quiet = [browser.get(path).headers.getlist("Set-Cookie") for path in ("/", "/dashboard", "/api/auth/session")]
    clock.advance(1)
    (due,) = browser.get("/").headers.getlist("Set-Cookie")

    assert quiet == [[], [], []]
    assert due.startswith(f"{SESSION}=")


def test_signing_out_never_sets_the_session_it_ends_even_where_it_was_due(browser: Browser, clock: FrozenClock) -> None:
    for headers in ({}, HTMX):
        browser.sign_in()
        clock.advance(25 * 3600)
        session = [cookie for cookie in set_cookies(browser.sign_out(headers=headers)) if cookie[0] == SESSION]

        assert [value for _, value, _ in session] == [""]


def test_names_follow_the_origin_and_not_the_connection(make_app: MakeApp) -> None:
    """Behind a proxy the connection is http; the cookies must be secure all the same."""
    app = make_app(AUTH_URL=HTTPS, GENKAN_ENV="production", AUTH_SECRET="Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-")
    answer = app.test_client().get("/api/auth/csrf", base_url="http://10.0.0.7:8000")

    assert [name for name, _, _ in set_cookies(answer)] == ["__Host-authjs.csrf-token"]
