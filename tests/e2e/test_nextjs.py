"""The example examples/nextjs: a Next.js application with Auth.js and a Flask back end share each session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser_window import TIMEOUT
from tests.servers.node import nextjs
from tests.servers.node.nextjs import SharedSession
from tests.servers.node.nodejs import needing_node
from tests.servers.postgres import PostgreSQL

SESSION_COOKIE = "authjs.session-token"

OpenPage = Callable[[], Page]


@pytest.fixture(scope="module", name="example")
def _example(postgres_server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSession]:
    with needing_node():
        nextjs.build()
    with postgres_server.database() as url:
        example = nextjs.create(url)
        with example.run(tmp_path_factory.mktemp("nginx")):
            yield example


@pytest.fixture(name="open_page")
def _open_page(chromium: Browser, example: SharedSession) -> Iterator[OpenPage]:
    """Return a function that opens a page of a new browser. No page may log an error."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page() -> Page:
        context = chromium.new_context(base_url=example.origin)
        context.set_default_timeout(TIMEOUT)
        context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda failure: errors.append(str(failure.error)))
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def sign_in_by_nextjs(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("button", name="Sign in").click()
    answer_provider(page, name)
    expect(page.get_by_role("heading")).to_have_text("Next.js")


def sign_in_by_flask(page: Page, name: str) -> None:
    page.goto("/backend/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="OpenID Connect").click()
    answer_provider(page, name)
    expect(page.get_by_role("heading", name="Flask")).to_be_visible()


def answer_provider(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Continue").click()


def users(page: Page) -> list[tuple[str, ...] | None]:
    """Return name, id and role of the user on the page of Next.js and on that of Flask."""
    return [_user(page, "/"), _user(page, "/backend/")]


def _user(page: Page, path: str) -> tuple[str, ...] | None:
    page.goto(path)
    if page.locator("#signed-out").is_visible():
        return None
    return tuple(page.inner_text(f"#{field}") for field in ("name", "id", "role"))


def sessions(page: Page) -> list[Any]:
    """Return the session of each side as JSON."""
    paths = ("/api/auth/session", "/backend/api/auth/session")
    return [page.request.get(path).json() for path in paths]


def copy_session(page: Page, open_page: OpenPage) -> Page:
    """Return a page of another browser with the same session cookie."""
    copy = open_page()
    copy.context.add_cookies([cookie for cookie in page.context.cookies() if cookie["name"] == SESSION_COOKIE])  # type: ignore[misc]  # the type of a cookie that is read differs from that of one that is set
    return copy


def wait_for(page: Page, condition: str) -> None:
    """Wait until the session of Next.js meets the condition. Flask reads revocations once a second."""
    page.wait_for_function(
        f"async () => {{ const session = await (await fetch('/api/auth/session')).json(); return {condition} }}",
        polling=200,
    )


def test_a_sign_in_on_either_side_is_one_on_both(open_page: OpenPage) -> None:
    page, other = open_page(), open_page()
    sign_in_by_nextjs(page, "Ada")
    by_nextjs = users(page)
    sign_in_by_flask(other, "Ada")

    id = page.request.get("/backend/orders").json()["user"]
    assert by_nextjs == users(other) == [("Ada", id, "user")] * 2


def test_a_user_whom_flask_has_created_is_the_same_at_nextjs(open_page: OpenPage) -> None:
    page, other = open_page(), open_page()
    sign_in_by_flask(page, "Grace")
    sign_in_by_nextjs(other, "Grace")

    assert users(page) == users(other)
    assert [session["user"]["email"] for session in sessions(page)] == ["grace@example.com"] * 2


@pytest.mark.parametrize("sign_in", [sign_in_by_nextjs, sign_in_by_flask])
def test_a_sign_out_at_nextjs_ends_the_session_at_flask(
    open_page: OpenPage, sign_in: Callable[[Page, str], None]
) -> None:
    page = open_page()
    sign_in(page, "Ada")
    page.request.get("/api/auth/session")  # Auth.js gives the token a new `jti` here
    copy = copy_session(page, open_page)
    assert None not in sessions(copy)

    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#signed-out")).to_be_visible()

    assert users(page) == [None, None]
    assert users(copy) == [None, None]


@pytest.mark.parametrize("sign_in", [sign_in_by_nextjs, sign_in_by_flask])
def test_a_sign_out_at_flask_ends_the_session_at_nextjs(
    open_page: OpenPage, sign_in: Callable[[Page, str], None]
) -> None:
    page = open_page()
    sign_in(page, "Ada")
    page.request.get("/api/auth/session")
    copy = copy_session(page, open_page)
    assert None not in sessions(copy)

    page.goto("/backend/")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()

    assert users(page) == [None, None]
    assert sessions(copy) == [None, None]
    assert SESSION_COOKIE not in {cookie["name"] for cookie in copy.context.cookies()}


def test_the_operator_ends_the_sessions_of_a_user_on_both_sides(open_page: OpenPage, example: SharedSession) -> None:
    pages = [open_page(), open_page()]
    sign_in_by_nextjs(pages[0], "Linus")
    sign_in_by_flask(pages[1], "Linus")
    example.flask("genkan", "sessions", "end", "--user", "linus@example.com")

    for page in pages:
        wait_for(page, "session === null")
        assert users(page) == [None, None]


def test_a_new_role_is_one_on_both_sides(open_page: OpenPage, example: SharedSession) -> None:
    page = open_page()
    sign_in_by_nextjs(page, "Hedy")
    # Auth.js stores no address as verified.
    id = page.request.get("/backend/orders").json()["user"]
    example.flask("genkan", "users", "role", id, "admin", "--unverified")

    wait_for(page, "session.user.role === 'admin'")
    assert {user and user[2] for user in users(page)} == {"admin"}
    assert page.request.get("/backend/admin").json() == {"admin": True}


def test_without_an_answer_of_flask_the_session_stays(open_page: OpenPage, example: SharedSession) -> None:
    page = open_page()
    sign_in_by_nextjs(page, "Ada")
    example.backend.stop()
    try:
        assert page.request.get("/api/auth/session").json()["user"]["name"] == "Ada"
    finally:
        example.backend.start()
    assert None not in sessions(page)


def test_nextjs_leads_to_flask_in_development(example: SharedSession) -> None:
    with example.next("dev") as port:
        answer = requests.get(f"http://127.0.0.1:{port}/backend/orders", timeout=20)
    assert answer.json() == {"orders": [], "user": None}
