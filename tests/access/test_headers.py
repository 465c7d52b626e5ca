"""Security headers of every response, errors included. No page contains inline scripts or styles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from genkan import public
from genkan.adapters.sqlalchemy import migrations
from genkan.providers.base import Provider
from genkan.providers.development import development
from genkan.providers.discord import discord
from genkan.providers.github import github
from genkan.providers.oidc import oidc
from genkan.web.headers import SecurityHeaders
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN
from tests.routes import EVERY_WAY, routes

HTTPS = "https://localhost:5443"
SECRET = "tests-only-secret-that-protects-nothing-at-all"
BIG = {"data": b"x" * 70_000, "content_type": "application/x-www-form-urlencoded"}


def build(folder: Path, origin: str = ORIGIN) -> Flask:
    """Return an application with every way to sign in and a view that raises."""
    database = f"sqlite:///{folder}/app.db"
    migrations.upgrade(database)
    settings = {"GENKAN_ENV": "development", "AUTH_SECRET": SECRET, "AUTH_URL": origin, "DATABASE_URL": database}
    app = create_app({**settings, "AUTH_GITHUB_ID": "id", "AUTH_GITHUB_SECRET": "a github secret", **EVERY_WAY})
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=public(broken))
    return app


def broken() -> str:
    raise ZeroDivisionError("/srv/app/secret.py")


@pytest.fixture(name="module_app", scope="module")
def _module_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return build(tmp_path_factory.mktemp("app"))


@pytest.fixture(name="responses", scope="module")
def _responses(module_app: Flask) -> list[TestResponse]:
    return list(all_responses(Browser(module_app)))


def errors(browser: Browser) -> Iterator[TestResponse]:
    """Yield one response of each kind that no view returns."""
    yield browser.get("/nowhere")
    yield browser.get("/api/user/nowhere")
    yield browser.client.open("/dashboard", method="DELETE", base_url=browser.origin)
    yield browser.client.open("/", method="TRACE", base_url=browser.origin)
    yield browser.post("/api/auth/signout", **BIG)
    yield browser.post("/api/auth/signout", data={"a": "b"}, content_type="multipart/form-data")
    yield browser.post("/api/auth/signout", data="{", content_type="application/json")
    yield browser.post("/api/auth/signin", headers={"Origin": "https://evil.example"})
    yield browser.get("/broken")
    yield browser.get("/api/auth//session")
    yield browser.client.get("/", base_url="http://localhost:5000")


def all_responses(browser: Browser) -> Iterator[TestResponse]:
    """Yield the response of every route, signed out and signed in, with and without HTMX, and every error."""
    own = [route for route in routes(browser.app, "GET", "POST") if not route.is_dev_provider]
    for _ in range(2):
        for route in own:
            for headers in ({}, HTMX):
                yield browser.client.open(route.path, method=route.method, base_url=browser.origin, headers=headers)
        yield from errors(browser)
        browser.sign_in()


def policy_of(response: TestResponse) -> dict[str, list[str]]:
    directives = [directive.split() for directive in response.headers["Content-Security-Policy"].split(";")]
    names = [name for name, *_ in directives]
    assert len(names) == len(set(names))
    return {name: sources for name, *sources in directives}


def is_page(response: TestResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def is_part(response: TestResponse) -> bool:
    """Return True for a style sheet or a script, to which browsers apply no policy."""
    return response.headers.get("Content-Type", "").startswith(("text/css", "text/javascript"))


def test_every_page_has_a_policy_that_allows_only_own_files(responses: list[TestResponse]) -> None:
    pages = [response for response in responses if is_page(response)]
    assert {page.status_code for page in pages} >= {200, 302, 303, 307, 308, 400, 403, 404, 405, 413, 415, 500}

    for page in pages:
        policy = policy_of(page)
        assert [policy[name] for name in ("default-src", "base-uri")] == [["'none'"]] * 2
        own = ("script-src", "style-src", "connect-src", "media-src", "frame-src", "object-src", "worker-src")
        assert [policy[name] for name in own] == [["'self'"]] * len(own)
        framed_by = ["'none'"] if page.request.path in NEVER_FRAMED and page.status_code == 200 else ["'self'"]
        assert policy["frame-ancestors"] == framed_by, page.request.path
        assert policy["form-action"][0] == "'self'"
        assert set(policy["img-src"]) == {"'self'", "https:"}
        assert not any(
            word in page.headers["Content-Security-Policy"] for word in ("unsafe", "*", "data:", "blob:", "http:")
        )


def test_other_responses_have_a_policy_that_allows_nothing(responses: list[TestResponse]) -> None:
    for response in responses:
        if not is_page(response) and not is_part(response):
            assert policy_of(response) == {"default-src": ["'none'"], "frame-ancestors": ["'self'"]}


def test_form_action_allows_providers_on_the_sign_in_page_only(module_app: Flask) -> None:
    browser = Browser(module_app)

    assert (
        policy_of(browser.get("/"))["form-action"]
        == policy_of(browser.get("/api/auth/signout"))["form-action"]
        == ["'self'"]
    )
    assert policy_of(browser.get("/api/auth/signin"))["form-action"] == ["'self'", "https://github.com"]


OIDC = replace(oidc, issuer="https://op.example")
OWN = development(f"{ORIGIN}/development", "secret")


@pytest.mark.parametrize(
    ("providers", "sources"),
    [
        ([], ["'self'"]),
        ([OWN], ["'self'"]),
        ([OWN, github, discord], ["'self'", "https://discord.com", "https://github.com"]),
        ([OIDC], None),
        ([OWN, github, OIDC], None),
        ([github, replace(OWN, rp_initiated_logout=True)], None),
    ],
)
def test_form_action_of_the_sign_in_page_is_left_out_if_an_origin_is_unknown(
    providers: list[Provider], sources: list[str] | None
) -> None:
    policy = SecurityHeaders(hsts=True, providers=providers, own_origin=ORIGIN).sign_in_policy
    _, named, targets = policy.partition("; form-action ")

    assert (targets.split() if named else None) == sources
    assert policy.startswith("default-src 'none'; script-src 'self'; ")


LOADING = {"script", "link", "iframe", "object", "embed", "base", "img"}
RUNNING = ("javascript:", "data:", "js:")
NEVER_FRAMED = {"/api/auth/signin", "/account"}
"""Pages that no other page may frame, of the same site either."""

BANNERS = ("Traceback", "ZeroDivision", "/srv/", "site-packages", ".py", "Werkzeug", "Flask/", "Python/", "sqlite")


class Inline(HTMLParser):
    """Collects inline code, inline styles, and resources of other origins without `no-referrer`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._inside = tag if tag in {"script", "style"} else None
        self.found += [f"<{tag} {name}>" for name in attributes if name.startswith(("on", "hx-on")) or name == "style"]
        self.found += [f"<{tag} {name}={value}>" for name, value in attrs if (value or "").lower().startswith(RUNNING)]
        is_own = (attributes.get("src") or attributes.get("href") or "").startswith(("/static/", "/genkan/static/"))
        if tag in LOADING and not is_own and attributes.get("referrerpolicy") != "no-referrer":
            self.found.append(f"<{tag} {attributes}>")

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.found.append(f"{self._inside}: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = None


def test_no_page_contains_inline_scripts_styles_or_handlers(responses: list[TestResponse]) -> None:
    for response in responses:
        if is_page(response):
            inline = Inline()
            inline.feed(response.text)
            assert inline.found == [], response.request.path


def test_every_response_has_the_security_headers_once(responses: list[TestResponse]) -> None:
    for response in responses:
        headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        names = ("Content-Security-Policy", "Referrer-Policy")
        assert is_part(response) or headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not is_page(response) or headers["Cross-Origin-Opener-Policy"] == "same-origin"
        content_type = headers.get("Content-Type", "")
        assert not content_type.startswith("text/") or content_type.endswith("; charset=utf-8"), (
            response.request.path,
            content_type,
        )
        assert [len(headers.getlist(name)) for name in names] == [0 if is_part(response) else 1] * len(names)
        assert len(headers.getlist("X-Content-Type-Options")) == 1


def test_a_static_file_has_no_header_that_a_browser_has_no_use_for(module_app: Flask) -> None:
    browser = Browser(module_app)
    common = {
        "Content-Type", "Content-Length", "Cache-Control", "ETag", "Date", "Vary", "Content-Encoding",
        "X-Content-Type-Options", "Cross-Origin-Resource-Policy",
    }  # fmt: skip
    for path in ("/static/css/app.css", "/genkan/static/js/session.js", "/static/img/genkan.svg"):
        names = set(browser.get(path, headers={"Accept-Encoding": "gzip"}).headers.keys())
        # An image can be opened as a page, and an SVG image may contain scripts.
        assert names - common == ({"Content-Security-Policy", "Referrer-Policy"} if path.endswith(".svg") else set())
        assert common <= names


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (405, {"method": "HEAD"}),
        (415, {"method": "POST", "data": {"a": "b"}, "content_type": "multipart/form-data"}),
        (400, {"method": "POST", "data": "{", "content_type": "application/json"}),
        (413, {"method": "POST", "data": {"a": "b" * 100_000}}),
    ],
)
def test_an_error_page_at_a_url_with_a_code_sends_no_referrer(
    module_app: Flask, status: int, arguments: dict[str, Any]
) -> None:
    """The code must not leak to resources and links of the page."""
    response = module_app.test_client().open("/api/auth/callback/oidc?code=c&state=s", base_url=ORIGIN, **arguments)

    assert (response.status_code, response.headers.getlist("Referrer-Policy")) == (status, ["no-referrer"])


def test_redirects_of_a_sign_in_send_no_referrer(module_app: Flask) -> None:
    browser = Browser(module_app)
    started = browser.begin_sign_in()
    completed = browser.get(browser.choose(started.headers["Location"]))

    assert (started.headers["Referrer-Policy"], completed.headers["Referrer-Policy"]) == ("no-referrer", "no-referrer")


def test_hsts_is_sent_over_https_only(responses: list[TestResponse], tmp_path: Path) -> None:
    secure = list(all_responses(Browser(build(tmp_path, HTTPS))))
    over_https, over_http = (
        {response.headers.get("Strict-Transport-Security") for response in some} for some in (secure, responses)
    )

    assert (over_https, over_http) == ({"max-age=63072000; includeSubDomains"}, {None})


@pytest.mark.parametrize("origin", ["https://evil.example", ORIGIN, "null"])
def test_no_response_allows_cross_origin_reads(module_app: Flask, origin: str) -> None:
    browser = Browser(module_app)
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-csrf-token",
    }
    for route in routes(module_app, "GET", "POST", "OPTIONS"):
        if not route.is_dev_provider:
            response = browser.client.open(route.path, method=route.method, base_url=ORIGIN, headers=headers)
            assert not [name for name, _ in response.headers if name.lower().startswith("access-control-")], route


def test_no_response_shows_versions_or_error_details(responses: list[TestResponse]) -> None:
    """Find no version, stack trace, file name or exception message."""
    for response in responses:
        assert not {"Server", "X-Powered-By", "Via"} & set(response.headers.keys())
        for word in BANNERS:
            assert word not in response.text or response.request.path in {"/", "/about"}, (response.request.path, word)


def test_other_sites_cannot_frame_pages_and_pages_request_no_device_access(module_app: Flask) -> None:
    response = Browser(module_app).get("/")

    assert response.headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"
    assert policy_of(response)["frame-ancestors"] == ["'self'"]
