"""The doors of signing in and out where the application asked who is there before, and what their pages carry."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, Response

from auth import auth
from genkan.web import fresh, init_app, public
from genkan.web.context import csrf_token
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.core import make_core
from tests.provider_client import ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider

COOKIE = "authjs.session-token="


@pytest.fixture(name="curious")
def _curious(app: Flask) -> tuple[Browser, list[str | None]]:
    """Somebody whose session is due to be prolonged, in an application that asks before and after every view."""
    told: list[str | None] = []

    def ask(response: Response | None = None) -> Response | None:
        session = auth()
        told.append(session.user.name if session else None)
        return response

    app.before_request(ask)
    app.after_request(ask)
    browser = Browser(app)
    browser.sign_in()
    browser.options.clock.advance(browser.options.session_config.update_age)
    return browser, told


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_after_a_sign_out_nobody_is_there_in_the_same_answer_and_no_session_is_prolonged(
    curious: tuple[Browser, list[str | None]], headers: dict[str, str]
) -> None:
    browser, told = curious
    token = browser.csrf_token()
    browser.options.clock.advance(browser.options.session_config.update_age)
    told.clear()
    answer = browser.post("/api/auth/signout", data={"csrfToken": token}, headers=headers)

    assert told == ["Hana Example", None]
    assert [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(COOKIE)] == [
        "authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    ]


def test_an_update_sets_one_session(curious: tuple[Browser, list[str | None]]) -> None:
    browser, _ = curious
    token = browser.csrf_token()
    browser.options.clock.advance(browser.options.session_config.update_age)
    answer = browser.post("/api/auth/session", json={"csrfToken": token, "data": {}})

    assert answer.get_json()["user"]["name"] == "Hana Example"
    assert len([line for line in answer.headers.getlist("Set-Cookie") if line.startswith(COOKIE)]) == 1


def test_the_answer_to_a_sign_out_knows_the_token_that_its_cookie_vouches_for(app: Flask) -> None:
    """Its fragment may hold a form, and the pair of before is of no use any more (C3)."""
    made: list[str] = []

    def make(response: Response) -> Response:
        made.append(csrf_token())
        return response

    app.after_request(make)
    browser = Browser(app)
    browser.sign_in()
    browser.sign_out(headers=HTMX)
    begun = browser.post("/api/auth/signin/development", data={"csrfToken": made[-1]})

    assert begun.headers["Location"].startswith(f"{browser.origin}/development/authorize?")


def test_the_page_that_asks_whether_to_sign_out_remembers_the_way_back(browser: Browser) -> None:
    browser.sign_in()
    browser.get("/api/auth/signout?callbackUrl=/about")

    assert browser.submit("/api/auth/signout").headers["Location"] == f"{browser.origin}/about"


def test_the_forms_of_the_sign_in_page_may_lead_anywhere_where_a_provider_is_discovered(
    make_app: MakeApp, op: FaultyProvider
) -> None:
    """Browsers check the redirect that answers a form against `form-action`, too; discovery changes nothing."""
    visitor = ProviderClient(make_app(**provider_env(op)), op)
    for _ in range(2):
        assert "form-action" not in visitor.get("/api/auth/signin").headers["Content-Security-Policy"]
        assert "; form-action 'self'" in visitor.get("/").headers["Content-Security-Policy"]
        visitor.start()


def test_whoever_is_signed_out_is_not_asked_to_confirm_anything(app: Flask) -> None:
    """Also where the view lets everybody in before it asks for somebody fresh."""
    app.add_url_rule("/vault", view_func=public(fresh(within=300)(lambda: "gold")))

    assert Browser(app).get("/vault").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fvault"


@pytest.mark.parametrize(("headers", "leads"), [(HTMX, True), ({}, False)])
def test_only_htmx_is_told_in_a_header_where_a_refusal_is_explained(
    browser: Browser, headers: dict[str, str], leads: bool
) -> None:
    refused = browser.post("/account/name", headers=headers, data={"name": "Mallory"})

    assert refused.status_code == 403
    assert ("HX-Redirect" in refused.headers) is leads


def test_an_application_s_static_files_are_for_everybody(tmp_path: Path, clock: FrozenClock) -> None:
    (tmp_path / "app.css").write_text("p {}")
    app = Flask("another", static_folder=str(tmp_path), static_url_path="/static")
    init_app(app, make_core(clock))
    app.add_url_rule("/", view_func=lambda: "a secret")
    client = app.test_client()

    with client.get("/static/app.css") as answer:
        assert answer.data == b"p {}"
    assert client.get("/").status_code == 303
