"""The headers of every answer, errors included (H1-H5, C11), and nothing inline in any page (H1)."""

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
from tests.routes import routes

HTTPS = "https://localhost:5443"
SECRET = "tests-only-secret-that-protects-nothing-at-all"
BIG = {"data": b"x" * 70_000, "content_type": "application/x-www-form-urlencoded"}


def build(folder: Path, origin: str = ORIGIN) -> Flask:
    """The house with two providers and a room that breaks."""
    database = f"sqlite:///{folder}/house.db"
    migrations.upgrade(database)
    provider = {"AUTH_GITHUB_ID": "id", "AUTH_GITHUB_SECRET": "a github secret"}
    app = create_app(
        {"GENKAN_ENV": "development", "AUTH_SECRET": SECRET, "AUTH_URL": origin, "DATABASE_URL": database, **provider}
    )
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=public(broken))
    return app


def broken() -> str:
    raise ZeroDivisionError("/srv/house/secret.py")


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return build(tmp_path_factory.mktemp("house"))


@pytest.fixture(name="seen", scope="module")
def _seen(house: Flask) -> list[TestResponse]:
    return list(answers(Browser(house)))


def errors(browser: Browser) -> Iterator[TestResponse]:
    """One answer of each kind that no view of ours gives."""
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
    yield browser.client.get("/", base_url="http://localhost:9")


def answers(browser: Browser) -> Iterator[TestResponse]:
    """Every address of ours signed out and signed in, with HTMX and without, and every error."""
    ours = [address for address in routes(browser.app, "GET", "POST") if not address.is_dev_provider]
    for _ in range(2):
        for address in ours:
            for headers in ({}, HTMX):
                yield browser.client.open(address.path, method=address.method, base_url=browser.origin, headers=headers)
        yield from errors(browser)
        browser.sign_in()


def policy_of(answer: TestResponse) -> dict[str, list[str]]:
    directives = [directive.split() for directive in answer.headers["Content-Security-Policy"].split(";")]
    names = [name for name, *_ in directives]
    assert len(names) == len(set(names))
    return {name: sources for name, *sources in directives}


def is_page(answer: TestResponse) -> bool:
    return answer.headers.get("Content-Type", "").startswith("text/html")


def test_every_page_has_a_policy_that_lets_nothing_run_but_our_own_files(seen: list[TestResponse]) -> None:
    pages = [answer for answer in seen if is_page(answer)]
    assert {page.status_code for page in pages} >= {200, 302, 303, 307, 308, 400, 403, 404, 405, 413, 415, 500}

    for page in pages:
        policy = policy_of(page)
        assert [policy[name] for name in ("default-src", "object-src", "base-uri", "frame-ancestors")] == [
            ["'none'"]
        ] * 4
        assert [policy[name] for name in ("script-src", "style-src", "connect-src")] == [["'self'"]] * 3
        assert policy["form-action"][0] == "'self'"
        assert set(policy["img-src"]) == {"'self'", "https:"}
        assert not any(
            word in page.headers["Content-Security-Policy"] for word in ("unsafe", "*", "data:", "blob:", "http:")
        )


def test_whatever_is_no_page_may_load_nothing_at_all(seen: list[TestResponse]) -> None:
    for answer in seen:
        if not is_page(answer):
            assert policy_of(answer) == {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}


def test_forms_lead_to_ourselves_and_on_the_sign_in_page_to_the_providers_too(house: Flask) -> None:
    browser = Browser(house)

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
def test_a_sign_in_page_names_the_origins_that_settings_tell_or_none_at_all(
    providers: list[Provider], sources: list[str] | None
) -> None:
    policy = SecurityHeaders(secure=True, providers=providers, own_origin=ORIGIN).sign_in_policy
    _, named, targets = policy.partition("; form-action ")

    assert (targets.split() if named else None) == sources
    assert policy.startswith("default-src 'none'; script-src 'self'; ")


LOADING = {"script", "link", "iframe", "object", "embed", "base", "img"}
RUNNING = ("javascript:", "data:", "js:")
BANNERS = ("Traceback", "ZeroDivision", "/srv/", "site-packages", ".py", "Werkzeug", "Flask/", "Python/", "sqlite")


class Inline(HTMLParser):
    """What a page holds that the policy forbids, or that reaches beyond the house."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag if tag in {"script", "style"} else None
        self.found += [f"<{tag} {name}>" for name in given if name.startswith(("on", "hx-on")) or name == "style"]
        self.found += [f"<{tag} {name}={value}>" for name, value in attrs if (value or "").lower().startswith(RUNNING)]
        is_ours = (given.get("src") or given.get("href") or "").startswith(("/static/", "/genkan/static/"))
        if tag in LOADING and not is_ours and given.get("referrerpolicy") != "no-referrer":
            self.found.append(f"<{tag} {given}>")

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.found.append(f"{self._inside}: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = None


def test_no_page_holds_a_script_a_style_or_a_handler_of_its_own(seen: list[TestResponse]) -> None:
    for answer in seen:
        if is_page(answer):
            inline = Inline()
            inline.feed(answer.text)
            assert inline.found == [], answer.request.path


def test_every_answer_is_not_sniffed_keeps_its_referrer_and_stays_with_its_origin(seen: list[TestResponse]) -> None:
    for answer in seen:
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not is_page(answer) or headers["Cross-Origin-Opener-Policy"] == "same-origin"
        kind = headers.get("Content-Type", "")
        assert not kind.startswith("text/") or kind.endswith("; charset=utf-8"), (answer.request.path, kind)
        assert all(
            len(headers.getlist(name)) == 1
            for name in ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options")
        )


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (405, {"method": "HEAD"}),
        (415, {"method": "POST", "data": {"a": "b"}, "content_type": "multipart/form-data"}),
        (400, {"method": "POST", "data": "{", "content_type": "application/json"}),
        (413, {"method": "POST", "data": {"a": "b" * 100_000}}),
    ],
)
def test_a_page_at_the_address_with_a_code_sends_no_referrer(house: Flask, status: int, asked: dict[str, Any]) -> None:
    """Whatever is wrong with the request: what the page loads, and where it leads, would learn the code (O14)."""
    answer = house.test_client().open("/api/auth/callback/oidc?code=c&state=s", base_url=ORIGIN, **asked)

    assert (answer.status_code, answer.headers.getlist("Referrer-Policy")) == (status, ["no-referrer"])


def test_a_redirect_that_carries_a_code_or_ends_a_sign_in_sends_no_referrer(house: Flask) -> None:
    browser = Browser(house)
    started = browser.begin_sign_in()
    ended = browser.get(browser.choose(started.headers["Location"]))

    assert (started.headers["Referrer-Policy"], ended.headers["Referrer-Policy"]) == ("no-referrer", "no-referrer")


def test_https_is_made_to_stay_and_http_is_not(seen: list[TestResponse], tmp_path: Path) -> None:
    secure = list(answers(Browser(build(tmp_path, HTTPS))))
    stays, plain = ({answer.headers.get("Strict-Transport-Security") for answer in some} for some in (secure, seen))

    assert (stays, plain) == ({"max-age=63072000; includeSubDomains"}, {None})


@pytest.mark.parametrize("origin", ["https://evil.example", ORIGIN, "null"])
def test_nobody_is_offered_to_read_us_from_another_origin(house: Flask, origin: str) -> None:
    browser = Browser(house)
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-csrf-token",
    }
    for address in routes(house, "GET", "POST", "OPTIONS"):
        if not address.is_dev_provider:
            answer = browser.client.open(address.path, method=address.method, base_url=ORIGIN, headers=asked)
            assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")], address


def test_no_answer_tells_what_it_was_made_with_or_how_it_broke(seen: list[TestResponse]) -> None:
    """No version, no stack trace, no file, no words of an exception (H5)."""
    for answer in seen:
        assert not {"Server", "X-Powered-By", "Via"} & set(answer.headers.keys())
        for word in BANNERS:
            assert word not in answer.text or answer.request.path in {"/", "/about"}, (answer.request.path, word)


def test_a_page_of_another_person_is_not_framed_and_asks_for_no_camera(house: Flask) -> None:
    answer = Browser(house).get("/")

    assert answer.headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"
    assert policy_of(answer)["frame-ancestors"] == ["'none'"]
