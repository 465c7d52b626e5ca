"""`auth()` reads the session once per request and returns the same session in views, templates and Flask-Login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask, render_template_string
from flask_login import current_user
from sqlalchemy import event

from blueprints import auth as auth_blueprint
from genkan import access_token, auth, public, require_fresh
from genkan.adapters.sqlalchemy import SQLAlchemyAdapter
from genkan.callbacks import Callbacks, SessionParams
from genkan.crypto.sealer import Sealer
from genkan.errors import AdapterError, NoRequestContext
from genkan.types import Session
from genkan.web.context import session_result
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.core import with_callback, with_callbacks

COOKIE = "authjs.session-token"
PRODUCTION = {"GENKAN_ENV": "production", "AUTH_DEVELOPMENT_PROVIDER": "off"}


class OperationCounter:
    """Counter of expensive operations: opened tokens, callback calls and database statements."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.operations: list[str] = []
        state = app.extensions["genkan"]
        original = state.core.callbacks
        callbacks = Callbacks(
            jwt=self._counted("jwt", original.jwt), session=self._counted("session", original.session)
        )
        state.core = with_callbacks(state.core, callbacks)
        monkeypatch.setattr(Sealer, "open", self._counted("open", Sealer.open))
        event.listen(state.core.adapter._database.engine, "before_cursor_execute", self._count_statement)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: object) -> Any:
            self.operations.append(name)
            return function(*args)

        return wrapper

    def _count_statement(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        # Each worker reads the revocation list once a second, not once per request.
        if statement.startswith("BEGIN") or "FROM revocations" in statement:
            return
        self.operations.append("read" if statement.startswith("SELECT") else "write")


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    """Return a signed-in browser whose application has a page that calls `auth()` a hundred times."""

    def ask() -> str:
        sessions = {id(auth()) for _ in range(100)}
        names = [render_template_string("{{ auth().user.name }} {{ current_user.name }}") for _ in range(3)]
        return f"{len(sessions)} {names} {current_user.name}"

    app.add_url_rule("/ask", view_func=public(ask))
    browser = Browser(app)
    browser.sign_in()
    return browser


def _fail(_params: object) -> NoReturn:
    raise RuntimeError("a secret message")


def test_views_templates_and_flask_login_get_the_same_session(browser: Browser) -> None:
    assert browser.get("/ask").text == f"1 {['Hana Example Hana Example'] * 3} Hana Example"


def test_the_session_has_the_users_id_and_role(browser: Browser) -> None:
    session = browser.session()
    assert session is not None
    assert set(session) == {"user", "expires"}
    assert set(session["user"]) == {"id", "name", "email", "image", "role"}
    assert session["user"]["role"] == "user"


@pytest.mark.parametrize("cached", [True, False])
def test_a_request_opens_one_token_and_calls_each_callback_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    if not cached:
        browser.core.sessions.cache.clear()
    count = OperationCounter(browser.app, monkeypatch)
    browser.get("/ask")
    assert count.operations == ([] if cached else ["open", "jwt", "session"])


@pytest.mark.parametrize("path", ["/", "/dashboard", "/partials/user-menu", "/partials/session", "/api/auth/session"])
def test_no_page_costs_more_than_one_token_one_callback_each_and_two_database_reads(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock, path: str
) -> None:
    """At a re-issue, the first read is for the user, who must still exist, and the second for the record."""
    browser.core.sessions.cache.clear()
    count = OperationCounter(browser.app, monkeypatch)
    clock.advance(86_400)
    assert "Set-Cookie" in browser.get(path).headers
    assert count.operations == ["open", "read", "jwt", "session", "read", "write"]


def test_the_profile_is_read_from_the_database_once_and_then_from_the_cache(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = OperationCounter(browser.app, monkeypatch)
    for _ in range(3):
        assert browser.get("/api/user/profile").status_code == 200
    assert count.operations.count("read") == 1


def test_a_request_without_a_session_cookie_costs_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    count = OperationCounter(app, monkeypatch)
    for path in ("/", "/dashboard", "/partials/user-menu", "/api/auth/session", "/api/user/profile"):
        Browser(app).get(path)
    assert count.operations == []


def test_outside_a_request_auth_raises_an_error_that_names_the_remedy(app: Flask) -> None:
    with pytest.raises(NoRequestContext, match="Call it in a view or a template"):
        auth()
    with app.app_context(), pytest.raises(NoRequestContext, match="Call it in a view or a template"):
        auth()


def test_outside_a_request_the_other_functions_raise_the_same_error(app: Flask) -> None:
    functions: list[Callable[[], object]] = [session_result, lambda: require_fresh(60), lambda: access_token("oidc")]
    for function in functions:
        with app.app_context(), pytest.raises(NoRequestContext, match="Call it in a view or a template"):
            function()


def test_without_init_app_views_and_templates_raise_an_error_that_names_the_remedy() -> None:
    bare = Flask("bare")
    bare.register_blueprint(auth_blueprint.bp)
    with bare.test_request_context():
        with pytest.raises(NoRequestContext, match=r"Call Genkan\.init_app"):
            auth()
        with pytest.raises(NoRequestContext, match=r"Call Genkan\.init_app"):
            render_template_string("{{ auth() }}")


def test_auth_inside_a_session_callback_returns_none(app: Flask) -> None:
    results: list[Session | None] = []
    state = app.extensions["genkan"]

    def session(params: SessionParams) -> Session:
        results.append(auth())
        return params.session

    browser = Browser(app)
    browser.sign_in()
    state.core.sessions.cache.clear()
    state.core = with_callbacks(state.core, Callbacks(session=session))
    assert browser.session()
    assert results == [None]


@pytest.mark.parametrize("which", ["jwt", "session"])
def test_while_a_callback_fails_protected_pages_return_503_and_the_cookie_stays(app: Flask, which: str) -> None:
    browser = Browser(app)
    browser.sign_in()
    state = app.extensions["genkan"]
    working = state.core
    state.core = with_callback(working, **{which: _fail})
    working.sessions.cache.clear()
    for path, headers, says in (
        ("/dashboard", {}, "Temporarily unavailable"),
        ("/partials/session", HTMX, "not available"),
        ("/api/user/profile", {}, "Service Unavailable"),
        ("/api/auth/session", {}, "null"),
        ("/partials/user-menu", HTMX, "not available"),
    ):
        response = browser.get(path, headers=headers)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert says in response.text
        assert "a secret message" not in response.text
        assert "Set-Cookie" not in response.headers or COOKIE not in response.headers["Set-Cookie"]
    assert 'data-status="unauthenticated"' in browser.get("/").text
    state.core = working
    assert browser.get("/dashboard").status_code == 200


def test_without_the_database_auth_works_and_only_database_views_fail(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> NoReturn:
        raise AdapterError

    browser = Browser(app)
    browser.sign_in()
    app.extensions["genkan"].core.sessions.cache.clear()
    for method in ("get_user", "get_user_by_account", "get_user_by_email", "use_once"):
        monkeypatch.setattr(SQLAlchemyAdapter, method, down)
    assert browser.session()
    assert browser.get("/dashboard").status_code == 200
    response = browser.get("/api/user/profile")
    assert (response.status_code, response.get_json()) == (503, {"error": "Service Unavailable"})
    assert browser.cookie(COOKIE)


def test_after_sign_out_the_response_of_the_same_request_is_signed_out(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in()
    response = browser.submit("/api/auth/signout", headers=HTMX)
    assert 'data-status="unauthenticated"' in response.text
    assert browser.session() is None


@pytest.mark.parametrize("variables", [{}, PRODUCTION])
def test_server_timing_is_sent_in_development_only(make_app: MakeApp, variables: dict[str, str]) -> None:
    browser = Browser(make_app(**variables))
    timing = browser.get("/api/auth/session").headers.get("Server-Timing")
    assert (timing or "").startswith("auth;dur=") is not bool(variables)
    assert (timing is None) is bool(variables)
    assert "Server-Timing" not in browser.get("/health/live").headers


@pytest.mark.parametrize(
    ("headers", "vary"),
    [
        ({}, "Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "Accept-Encoding"}, "Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "X-Cookie-Consent"}, "X-Cookie-Consent, Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "accept, cookie"}, "accept, cookie, Accept-Encoding, HX-Request"),
        ({"Cache-Control": "public, max-age=60"}, "Accept-Encoding, Cookie, HX-Request"),
    ],
)
def test_a_response_that_depends_on_the_session_is_private_whatever_the_view_sets(
    app: Flask, headers: dict[str, str], vary: str
) -> None:
    def ask() -> tuple[str, dict[str, str]]:
        return str(auth()), headers

    app.add_url_rule("/ask", view_func=public(ask))
    response = Browser(app).get("/ask")
    assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("private, no-store", vary)


@pytest.mark.parametrize("path", ["/static/css/app.css", "/genkan/static/js/session.js", "/health/live", "/about"])
def test_public_resources_do_not_read_the_session_of_a_signed_in_user(browser: Browser, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 200
    assert "Cookie" not in response.headers.get("Vary", "")
    assert "Server-Timing" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert "private" not in response.headers["Cache-Control"]
