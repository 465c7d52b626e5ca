"""Flask-Talisman sets the Content-Security-Policy of the application, and its nonces cover the menu and our pages."""

from __future__ import annotations

import re

from flask import Flask
from flask_talisman import Talisman

from genkan import Genkan
from tests.extension.neighbours.conftest import MakeHost, check_sign_in
from tests.extension.test_first_use import browser_of

POLICY = {"default-src": "'self'", "script-src": [], "style-src": [], "img-src": "'self' data:"}

GITHUB = {"AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-", "AUTH_GITHUB_ID": "id", "AUTH_GITHUB_SECRET": "secret"}


def add_talisman(app: Flask) -> None:
    Talisman(
        app,
        force_https=False,
        content_security_policy=POLICY,
        content_security_policy_nonce_in=["script-src", "style-src"],
    )


def test_a_user_signs_in_and_out(make_host: MakeHost) -> None:
    check_sign_in(make_host(add_talisman))


def test_the_policy_of_the_application_stays_on_its_pages(make_host: MakeHost) -> None:
    browser = browser_of(make_host(add_talisman))
    policies = browser.get("/").headers.getlist("Content-Security-Policy")
    assert len(policies) == 1
    assert re.fullmatch(
        r"default-src 'self'; script-src  'nonce-.{32}'; style-src  'nonce-.{32}'; img-src 'self' data:", policies[0]
    )


def test_scripts_and_style_sheets_of_genkan_have_the_nonce(make_host: MakeHost) -> None:
    browser = browser_of(make_host(add_talisman))
    browser.sign_in()
    for path in (
        "/",
        "/api/auth/signin",
        "/api/auth/signout",
        "/api/auth/error",
        "/genkan/account",
        "/genkan/account/delete",
    ):
        page = browser.get(path)
        nonce = re.findall(r"'nonce-(.{32})'", page.headers["Content-Security-Policy"])[0]
        elements = re.findall(r"<script [^>]*>|<link rel=\"stylesheet\"[^>]*>", page.text)
        assert len(elements) > 1
        assert {element for element in elements if f'nonce="{nonce}"' not in element} == set()


def test_a_nonce_that_the_page_gives_counts(make_host: MakeHost) -> None:
    app = make_host(add_talisman)
    app.add_url_rule("/own", "own", lambda: app.jinja_env.from_string("{{ user_menu(nonce='own') }}").render())
    assert browser_of(app).get("/own").text.count('nonce="own"') == 2


def test_https_is_forced_by_talisman_and_the_sign_in_works_below_it(make_host: MakeHost) -> None:
    app = make_host(Talisman, AUTH_URL="https://shop.example", **GITHUB)
    client = app.test_client()
    plain = client.get("/", base_url="http://shop.example")
    assert (plain.status_code, plain.headers["Location"]) == (302, "https://shop.example/")
    assert client.get("/api/auth/signin", base_url="http://shop.example").headers["Location"].startswith("https://")
    page = client.get("/api/auth/signin", base_url="https://shop.example")
    assert (page.status_code, "GitHub" in page.text) == (200, True)
    assert page.headers.getlist("Strict-Transport-Security") == ["max-age=31556926; includeSubDomains"]


def test_without_talisman_there_is_no_nonce(tmp_path: object) -> None:
    app = Flask("plain", root_path=str(tmp_path), instance_path=f"{tmp_path}/instance")
    app.testing = True
    Genkan(app)
    assert "nonce" not in browser_of(app).get("/api/auth/signin").text
