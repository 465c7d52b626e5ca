"""A cookie beyond ASCII under granian: every cookie of the browser stays, until the user deletes them on our page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from deploy.serve import granian_args
from genkan.adapters.sqlalchemy import migrations
from genkan.settings.environment import from_environment
from tests.e2e.page_actions import choose_user, menu, open_menu, press
from tests.servers.server import ServerClient, environment, serving

BAD = "name=José"


@pytest.fixture(name="origin", scope="module")
def _origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {**environment(tmp_path_factory.mktemp("app")), "GENKAN_ENV": "development", "WEB_CONCURRENCY": "1"}
    migrations.upgrade(settings["DATABASE_URL"])
    _python, *command = granian_args(from_environment(settings))
    with serving(command, settings) as server:
        yield server.origin


@pytest.fixture(name="signed_in", scope="module")
def _signed_in(origin: str) -> ServerClient:
    client = ServerClient(origin)
    client.sign_in_as_hana()
    return client


def test_granian_alone_neither_deletes_nor_replaces_a_cookie(origin: str, signed_in: ServerClient) -> None:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in signed_in.cookies)
    own: dict[str, str | bytes | None] = {"Origin": origin, "Cookie": f"{cookies}; {BAD}".encode()}
    token = {"csrfToken": signed_in.ask("GET", "/api/auth/csrf").json()["csrfToken"]}
    for method, path in (
        ("GET", "/dashboard"),
        ("GET", "/api/auth/session"),
        ("GET", "/api/auth/csrf"),
        ("GET", "/api/auth/signin"),
        ("GET", "/api/auth/callback/development?code=a&state=b"),
        ("POST", "/api/auth/signin/development"),
        ("POST", "/api/auth/signout"),
    ):
        data = token if method == "POST" else None
        response = requests.request(method, origin + path, headers=own, data=data, allow_redirects=False, timeout=20)
        assert "Set-Cookie" not in response.headers, path
        assert response.status_code < 500
    assert signed_in.name() == "Hana Example"


def test_a_user_deletes_the_cookie_in_the_browser_and_signs_in_again(origin: str, chromium: Chromium) -> None:
    context = chromium.new_context(base_url=origin)
    page = context.new_page()
    page.goto("/api/auth/signin?callbackUrl=/dashboard")
    choose_user(page)
    expect(menu(page, "authenticated")).to_be_visible()

    page.evaluate(f"document.cookie = '{BAD}; path=/'")
    page.goto("/dashboard")
    expect(menu(page, "authenticated")).to_have_count(0)
    press(page, "Sign in with")
    expect(page.get_by_role("heading", name="Your cookies could not be read")).to_be_visible()

    press(page, "Delete the cookies")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    assert [cookie["name"] for cookie in context.cookies() if cookie["name"] == "name"] == []
    choose_user(page)
    page.goto("/dashboard")
    open_menu(page)
    expect(page.get_by_text("Hana Example").first).to_be_visible()
    context.close()
