"""Who we are is what AUTH_URL says (R1-R3): no header, no parameter and no cookie talks us into another address."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Flask, request

from genkan import public
from genkan.errors import ConfigurationError
from genkan.http.messages import ActionResponse
from genkan.web.convert import to_response
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.routes import routes

EVIL = "evil.example"
PRODUCTION = {
    "GENKAN_ENV": "production",
    "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-",
    "AUTH_URL": "https://app.example",
    "AUTH_GITHUB_ID": "id",
    "AUTH_GITHUB_SECRET": "Kq7Xw2Zp9Lr4Nt6Vb8Ym1Cd3Fg5Hj0Ts",
}
FORGED: list[dict[str, str]] = [
    {"HTTP_HOST": EVIL},
    {"HTTP_HOST": f"app.example@{EVIL}"},
    {"HTTP_HOST": f"{EVIL}:443"},
    {"HTTP_HOST": f"app.example.{EVIL}"},
    {"HTTP_HOST": f'"><script src=//{EVIL}>'},
    {"HTTP_HOST": ""},
    {"HTTP_HOST": "[::1"},
    {"HTTP_X_FORWARDED_HOST": EVIL, "HTTP_X_FORWARDED_PROTO": "http", "HTTP_X_FORWARDED_PORT": "8443"},
    {"HTTP_X_FORWARDED_HOST": f"{EVIL}, app.example", "HTTP_X_FORWARDED_PREFIX": f"//{EVIL}"},
    {"HTTP_FORWARDED": f"host={EVIL};proto=http"},
    {
        "HTTP_X_ORIGINAL_HOST": EVIL,
        "HTTP_X_HOST": EVIL,
        "HTTP_X_FORWARDED_SERVER": EVIL,
        "HTTP_X_REWRITE_URL": f"//{EVIL}",
    },
    {"wsgi.url_scheme": "http"},
    {"SERVER_NAME": EVIL, "SERVER_PORT": "8443"},
]
WAYS_BACK = [
    f"https://{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"/\t/{EVIL}", f"https:{EVIL}", f"https:/{EVIL}", f"https://{EVIL}\\@app.example",
    f"https://app.example@{EVIL}", f"https://app.example.{EVIL}", f"javascript://app.example/%0aalert('{EVIL}')", f"data:text/html,{EVIL}",
    f"https://app.example\u3002{EVIL}", f" https://{EVIL}", f"\x00//{EVIL}", f"https://app.example:443@{EVIL}", f"http://{EVIL}#https://app.example",
]  # fmt: skip


@pytest.fixture(name="house")
def _house(make_app: MakeApp) -> Flask:
    return make_app(**PRODUCTION)


@pytest.mark.parametrize("hops", ["0", "1", "2"])
def test_a_forged_host_shows_in_no_url_no_redirect_and_no_cookie(make_app: MakeApp, hops: str) -> None:
    app = make_app(**PRODUCTION, TRUSTED_PROXY_HOPS=hops)
    for forged in FORGED:
        for address in routes(app, "GET", "POST"):
            for headers in ({}, HTMX, {"X-Auth-Return-Redirect": "1"}):
                client = app.test_client()
                answer = client.open(address.path, method=address.method, headers=headers, environ_overrides=forged)
                assert answer.status_code < 500, (address, forged)
                assert EVIL not in f"{answer.headers}{answer.text}", (address, forged)
                assert "http://" not in str(answer.headers.get("Location", "")), (address, forged)
                assert all(" Secure;" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_slash_too_many_leads_to_our_own_address(house: Flask) -> None:
    answer = house.test_client().get("/api/auth//session", headers={"Host": EVIL})

    assert (answer.status_code, answer.headers["Location"]) == (308, "https://app.example/api/auth/session")


def test_the_redirect_uri_and_the_providers_urls_are_of_auth_url(house: Flask) -> None:
    client, evil = house.test_client(use_cookies=False), {"HTTP_HOST": EVIL, "HTTP_X_FORWARDED_HOST": EVIL}
    told = client.get("/api/auth/providers", environ_overrides=evil).get_json()
    csrf = client.get("/api/auth/csrf", environ_overrides=evil)
    headers = {"Cookie": csrf.headers["Set-Cookie"].split(";")[0]}
    started = client.post("/api/auth/signin/github", data=csrf.get_json(), headers=headers, environ_overrides=evil)

    assert told["github"]["callbackUrl"] == "https://app.example/api/auth/callback/github"
    assert started.headers["Location"].startswith("https://github.com/login/oauth/authorize?")
    assert "redirect_uri=https%3A%2F%2Fapp.example%2Fapi%2Fauth%2Fcallback%2Fgithub" in started.headers["Location"]


def test_a_host_header_does_not_make_its_own_site_ours(house: Flask) -> None:
    """The origin of a request is compared with AUTH_URL and not with what the request says of itself."""
    browser = Browser(house)
    token = browser.csrf_token()
    answer = browser.post(
        "/api/auth/signin/github",
        data={"csrfToken": token},
        headers={"Origin": f"https://{EVIL}"},
        environ_overrides={"HTTP_HOST": EVIL, "HTTP_X_FORWARDED_HOST": EVIL},
    )

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        ("0", "203.0.113.7", "127.0.0.1"),
        ("1", "203.0.113.7", "203.0.113.7"),
        ("1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("2", "198.51.100.1, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("2", "203.0.113.7", "127.0.0.1"),
    ],
)
def test_as_many_proxies_are_believed_as_there_are(make_app: MakeApp, hops: str, forwarded: str, address: str) -> None:
    app = make_app(**PRODUCTION, TRUSTED_PROXY_HOPS=hops)
    app.add_url_rule("/from", "from", public(lambda: f"{request.remote_addr} {request.host}"))
    headers = {
        "X-Forwarded-For": forwarded,
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
    }
    answer = app.test_client().get("/from", base_url="https://app.example", headers=headers)

    assert answer.text == f"{address} app.example"


@pytest.mark.parametrize("way_back", WAYS_BACK)
def test_no_way_back_leads_to_another_site_wherever_it_is_asked_for(house: Flask, way_back: str) -> None:
    """In the query, in the form, in the cookie; on the page, on the way out, and at the end of a sign-in."""
    browser = Browser(house)
    browser.client.set_cookie("__Secure-authjs.callback-url", quote(way_back, safe=""), domain="app.example")
    for path in ("/api/auth/signin", "/api/auth/signout"):
        page = browser.get(path, query_string={"callbackUrl": way_back}).text
        assert f'="//{EVIL}' not in page
        assert f'="https://{EVIL}' not in page
        assert "javascript:" not in page
    out = browser.submit("/api/auth/signout", callbackUrl=way_back).headers["Location"]
    assert out == "https://app.example" or out.startswith("https://app.example/")


@pytest.mark.parametrize("way_back", WAYS_BACK)
def test_a_sign_in_ends_with_us_whatever_way_back_it_was_given(browser: Browser, way_back: str) -> None:
    in_form = browser.sign_in(callback_url=way_back).headers["Location"]
    started = browser.submit(f"/api/auth/signin/development?callbackUrl={quote(way_back, safe='')}", callbackUrl="")
    in_query = browser.get(browser.choose(started.headers["Location"])).headers["Location"]

    assert all(location == ORIGIN or location.startswith(f"{ORIGIN}/") for location in (in_form, in_query))


@pytest.mark.parametrize(
    "location", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", "", "x"]
)
@pytest.mark.parametrize("headers", [{}, HTMX, {"X-Auth-Return-Redirect": "1"}])
def test_no_redirect_is_ever_made_to_what_is_no_web_address(app: Flask, headers: dict[str, str], location: str) -> None:
    """Htmx puts what it is told into `location.href`, where a script would run (C5)."""
    with app.test_request_context(headers=headers), pytest.raises(ConfigurationError):
        to_response(ActionResponse(location=location))


@pytest.mark.parametrize("host", ["localhost:5000", "LOCALHOST:5000", "127.0.0.1:8080", "[::1]:5000"])
def test_in_development_a_visit_to_another_name_moves_to_our_own(browser: Browser, host: str) -> None:
    """A sign-in begun on localhost could not end on 127.0.0.1, whose cookies are others."""
    answer = browser.client.get("/dashboard?a=b", base_url=f"http://{host}")

    assert (answer.status_code, answer.headers["Location"]) == (307, f"{ORIGIN}/dashboard?a=b")


def test_what_is_sent_to_another_name_is_not_sent_on(browser: Browser) -> None:
    """Never 307 after a POST: what was typed would be posted once more (R4)."""
    assert browser.client.post("/api/auth/signout", base_url="http://localhost:5000").status_code == 303


def test_in_production_nobody_is_moved(house: Flask) -> None:
    assert house.test_client().get("/", base_url="http://10.0.0.7:8000").status_code == 200
