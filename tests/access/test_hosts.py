"""URLs are built from AUTH_URL only. No header, parameter or cookie changes the origin."""

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
from tests.email.mails import mails
from tests.routes import EVERY_WAY, routes

EVIL = "evil.example"
SERVER = {"AUTH_EMAIL_SERVER": "smtp://127.0.0.1:9", "AUTH_EMAIL_FROM": "login@app.example"}
"""A server that takes no mails."""
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
CALLBACK_URLS = [
    f"https://{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"/\t/{EVIL}", f"https:{EVIL}", f"https:/{EVIL}", f"https://{EVIL}\\@app.example",
    f"https://app.example@{EVIL}", f"https://app.example.{EVIL}", f"javascript://app.example/%0aalert('{EVIL}')", f"data:text/html,{EVIL}",
    f"https://app.example\u3002{EVIL}", f" https://{EVIL}", f"\x00//{EVIL}", f"https://app.example:443@{EVIL}", f"http://{EVIL}#https://app.example",
]  # fmt: skip


@pytest.fixture(name="production_app")
def _production_app(make_app: MakeApp) -> Flask:
    return make_app(**PRODUCTION)


@pytest.mark.parametrize("hops", ["0", "1", "2"])
def test_a_forged_host_is_in_no_url_redirect_or_cookie(make_app: MakeApp, hops: str) -> None:
    app = make_app(**PRODUCTION, **EVERY_WAY, **SERVER, TRUSTED_PROXY_HOPS=hops)
    for forged in FORGED:
        for route in routes(app, "GET", "POST"):
            for headers in ({}, HTMX, {"X-Auth-Return-Redirect": "1"}):
                client = app.test_client()
                response = client.open(route.path, method=route.method, headers=headers, environ_overrides=forged)
                assert response.status_code < 500, (route, forged)
                assert EVIL not in f"{response.headers}{response.text}", (route, forged)
                assert "http://" not in str(response.headers.get("Location", "")), (route, forged)
                assert all(" Secure;" in cookie for cookie in response.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("hops", ["0", "1"])
def test_a_forged_host_is_in_no_mail(make_app: MakeApp, hops: str) -> None:
    """Else the owner of an address would give the token to the host of the person who asked for the mail."""
    app = make_app(**EVERY_WAY, TRUSTED_PROXY_HOPS=hops)
    password = "three green lanterns at noon"
    for number, forged in enumerate(FORGED):
        browser = Browser(app)
        token = browser.csrf_token()
        fields = {"csrfToken": token, "email": f"hana{number}@example.com", "callbackUrl": f"https://{EVIL}"}
        cookie = {"HTTP_COOKIE": f"authjs.csrf-token={browser.cookie('authjs.csrf-token')}"}
        client = app.test_client(use_cookies=False)
        for path in ("/api/auth/signin/email", "/account/sign-up"):
            client.post(path, data={**fields, "password": password}, environ_overrides={**cookie, **forged})
    sent = [f"{mail.subject}{mail.text}{mail.html}" for mail in mails(app)]

    assert len(sent) > len(FORGED)
    assert [mail for mail in sent if EVIL in mail or ORIGIN not in mail] == []


def test_a_double_slash_redirects_to_the_configured_origin(production_app: Flask) -> None:
    response = production_app.test_client().get("/api/auth//session", headers={"Host": EVIL})

    assert (response.status_code, response.headers["Location"]) == (308, "https://app.example/api/auth/session")


def test_the_redirect_uri_and_the_provider_urls_use_the_configured_origin(production_app: Flask) -> None:
    client, evil = production_app.test_client(use_cookies=False), {"HTTP_HOST": EVIL, "HTTP_X_FORWARDED_HOST": EVIL}
    providers = client.get("/api/auth/providers", environ_overrides=evil).get_json()
    csrf = client.get("/api/auth/csrf", environ_overrides=evil)
    headers = {"Cookie": csrf.headers["Set-Cookie"].split(";")[0]}
    started = client.post("/api/auth/signin/github", data=csrf.get_json(), headers=headers, environ_overrides=evil)

    assert providers["github"]["callbackUrl"] == "https://app.example/api/auth/callback/github"
    assert started.headers["Location"].startswith("https://github.com/login/oauth/authorize?")
    assert "redirect_uri=https%3A%2F%2Fapp.example%2Fapi%2Fauth%2Fcallback%2Fgithub" in started.headers["Location"]


def test_a_request_with_a_forged_host_and_its_origin_is_refused(production_app: Flask) -> None:
    """The Origin header is compared with AUTH_URL, not with the Host header."""
    browser = Browser(production_app)
    token = browser.csrf_token()
    response = browser.post(
        "/api/auth/signin/github",
        data={"csrfToken": token},
        headers={"Origin": f"https://{EVIL}"},
        environ_overrides={"HTTP_HOST": EVIL, "HTTP_X_FORWARDED_HOST": EVIL},
    )

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        ("0", "203.0.113.7", "127.0.0.1"),
        ("1", "203.0.113.7", "203.0.113.7"),
        ("1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("2", "198.51.100.1, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("2", "203.0.113.7", "127.0.0.1"),
        ("1", "203.0.113.7:51000", "203.0.113.7"),
        ("1", "[2001:db8::7]:51000", "2001:db8::7"),
        ("1", "[2001:db8::7]", "2001:db8::7"),
        ("1", "2001:db8::7", "2001:db8::7"),
        ("2", "203.0.113.7:51000, 10.0.0.1:443", "203.0.113.7"),
    ],
)
def test_forwarded_headers_are_read_for_the_configured_number_of_proxies(
    make_app: MakeApp, hops: str, forwarded: str, address: str
) -> None:
    app = make_app(**PRODUCTION, TRUSTED_PROXY_HOPS=hops)
    app.add_url_rule("/from", "from", public(lambda: f"{request.remote_addr} {request.host}"))
    headers = {
        "X-Forwarded-For": forwarded,
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
    }
    response = app.test_client().get("/from", base_url="https://app.example", headers=headers)

    assert response.text == f"{address} app.example"


@pytest.mark.parametrize("callback_url", CALLBACK_URLS)
def test_no_callback_url_leads_to_another_site(production_app: Flask, callback_url: str) -> None:
    """Send the URL in the query, the form and the cookie."""
    browser = Browser(production_app)
    browser.client.set_cookie("__Secure-authjs.callback-url", quote(callback_url, safe=""), domain="app.example")
    for path in ("/api/auth/signin", "/api/auth/signout"):
        page = browser.get(path, query_string={"callbackUrl": callback_url}).text
        assert f'="//{EVIL}' not in page
        assert f'="https://{EVIL}' not in page
        assert "javascript:" not in page
    location = browser.submit("/api/auth/signout", callbackUrl=callback_url).headers["Location"]
    assert location == "https://app.example" or location.startswith("https://app.example/")


@pytest.mark.parametrize("callback_url", CALLBACK_URLS)
def test_a_sign_in_ends_at_the_configured_origin(browser: Browser, callback_url: str) -> None:
    in_form = browser.sign_in(callback_url=callback_url).headers["Location"]
    started = browser.submit(f"/api/auth/signin/development?callbackUrl={quote(callback_url, safe='')}", callbackUrl="")
    in_query = browser.get(browser.choose(started.headers["Location"])).headers["Location"]

    assert all(location == ORIGIN or location.startswith(f"{ORIGIN}/") for location in (in_form, in_query))


@pytest.mark.parametrize(
    "location", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", "", "x"]
)
@pytest.mark.parametrize("headers", [{}, HTMX, {"X-Auth-Return-Redirect": "1"}])
def test_a_redirect_to_a_url_that_is_not_http_raises(app: Flask, headers: dict[str, str], location: str) -> None:
    """HTMX assigns HX-Redirect to `location.href`, where a `javascript:` URL would run."""
    with app.test_request_context(headers=headers), pytest.raises(ConfigurationError):
        to_response(ActionResponse(location=location))


@pytest.mark.parametrize("host", ["localhost:5000", "LOCALHOST:5000", "[::1]:5000"])
def test_in_development_another_loopback_name_redirects_to_the_configured_one(browser: Browser, host: str) -> None:
    """The flow's cookie of `localhost` would not be sent to the callback at `127.0.0.1`."""
    response = browser.client.get("/dashboard?a=b", base_url=f"http://{host}")

    assert (response.status_code, response.headers["Location"]) == (307, f"{ORIGIN}/dashboard?a=b")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:5001"])
def test_in_development_a_forwarded_port_is_answered_with_the_remedy(browser: Browser, host: str) -> None:
    """A redirect to 127.0.0.1:5000 could lead to another computer than the one that runs the application."""
    response = browser.client.get("/dashboard", base_url=f"http://{host}")

    assert (response.status_code, response.mimetype) == (421, "text/plain")
    assert f"set AUTH_URL=http://{host} and start it again" in response.text
    assert ORIGIN in response.text


def test_an_application_at_the_forwarded_port_works_with_that_auth_url(make_app: MakeApp) -> None:
    browser = Browser(make_app(AUTH_URL="http://localhost:8080"))
    browser.sign_in()

    assert browser.session() is not None


def test_a_post_to_another_loopback_name_is_not_repeated(browser: Browser) -> None:
    """A 307 would post the form data again."""
    assert browser.client.post("/api/auth/signout", base_url="http://localhost:5000").status_code == 303


def test_in_production_the_host_header_causes_no_redirect(production_app: Flask) -> None:
    assert production_app.test_client().get("/", base_url="http://10.0.0.7:8000").status_code == 200
