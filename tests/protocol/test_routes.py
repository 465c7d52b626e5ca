"""Sign-in and sign-out routes in an application that calls `auth()` in its own hooks, and the pages of these routes."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, Response

from genkan import auth, fresh_login_required, public
from genkan.extension import install
from genkan.web.context import csrf_token
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.core import make_core
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider

COOKIE = "authjs.session-token="


@pytest.fixture(name="observed")
def _observed(app: Flask) -> tuple[Browser, list[str | None]]:
    """Sign in to an application that calls `auth()` before and after every view.

    The session is due for an extension.
    """
    users: list[str | None] = []

    def record_user(response: Response | None = None) -> Response | None:
        session = auth()
        users.append(session.user.name if session else None)
        return response

    app.before_request(record_user)
    app.after_request(record_user)
    browser = Browser(app)
    browser.sign_in()
    browser.core.clock.advance(browser.core.sessions.config.update_age)
    return browser, users


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_after_a_sign_out_hooks_see_no_session_and_none_is_extended(
    observed: tuple[Browser, list[str | None]], headers: dict[str, str]
) -> None:
    browser, users = observed
    token = browser.csrf_token()
    browser.core.clock.advance(browser.core.sessions.config.update_age)
    users.clear()
    response = browser.post("/api/auth/signout", data={"csrfToken": token}, headers=headers)

    assert users == ["Hana Example", None]
    assert [line for line in response.headers.getlist("Set-Cookie") if line.startswith(COOKIE)] == [
        "authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    ]


def test_an_update_sets_one_session_cookie(observed: tuple[Browser, list[str | None]]) -> None:
    browser, _ = observed
    token = browser.csrf_token()
    browser.core.clock.advance(browser.core.sessions.config.update_age)
    response = browser.post("/api/auth/session", json={"csrfToken": token, "data": {}})

    assert response.get_json()["user"]["name"] == "Hana Example"
    assert len([line for line in response.headers.getlist("Set-Cookie") if line.startswith(COOKIE)]) == 1


def test_hooks_of_a_sign_out_see_the_csrf_token_of_the_new_cookie(app: Flask) -> None:
    """The returned fragment may hold a form, and the previous token is no longer valid."""
    tokens: list[str] = []

    def make_token(response: Response) -> Response:
        tokens.append(csrf_token())
        return response

    app.after_request(make_token)
    browser = Browser(app)
    browser.sign_in()
    browser.sign_out(headers=HTMX)
    started = browser.post("/api/auth/signin/development", data={"csrfToken": tokens[-1]})

    assert started.headers["Location"].startswith(f"{browser.origin}/development/authorize?")


def test_the_sign_out_page_remembers_the_callback_url(browser: Browser) -> None:
    browser.sign_in()
    browser.get("/api/auth/signout?callbackUrl=/about")

    assert browser.submit("/api/auth/signout").headers["Location"] == f"{browser.origin}/about"


def test_form_action_is_omitted_from_the_sign_in_page_with_a_discovered_provider(
    make_app: MakeApp, op: FaultyProvider
) -> None:
    """Browsers also apply `form-action` to redirects that follow a form.

    The discovered endpoint is not known in advance.
    """
    client = ProviderClient(make_app(**provider_env(op)), op)
    for _ in range(2):
        assert "form-action" not in client.get("/api/auth/signin").headers["Content-Security-Policy"]
        assert "; form-action 'self'" in client.get("/").headers["Content-Security-Policy"]
        client.start()


def test_a_signed_out_user_is_not_asked_to_reauthenticate(app: Flask) -> None:
    """Also for a public view that requires a recent sign-in."""
    app.add_url_rule("/confidential", view_func=public(fresh_login_required(within=300)(lambda: "secret")))

    assert Browser(app).get("/confidential").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fconfidential"


@pytest.mark.parametrize(("headers", "redirected"), [(HTMX, True), ({}, False)])
def test_only_htmx_gets_a_redirect_header_for_a_csrf_error(
    browser: Browser, headers: dict[str, str], redirected: bool
) -> None:
    refused = browser.post("/account/name", headers=headers, data={"name": "Mallory"})

    assert refused.status_code == 403
    assert ("HX-Redirect" in refused.headers) is redirected


def test_static_files_of_an_application_are_public(tmp_path: Path, clock: FrozenClock) -> None:
    (tmp_path / "app.css").write_text("p {}")
    app = Flask("another", static_folder=str(tmp_path), static_url_path="/static")
    install(app, make_core(clock))
    app.add_url_rule("/", view_func=lambda: "a secret")
    client = app.test_client()

    with client.get("/static/app.css") as response:
        assert response.data == b"p {}"
    assert client.get("/").status_code == 303
