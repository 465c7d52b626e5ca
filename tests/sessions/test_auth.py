"""`auth()`: one question, one answer for each request, wherever and however often it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from flask import Blueprint, Flask, render_template_string
from flask_login import current_user
from sqlalchemy import event

from blueprints import auth as doors
from genkan import access_token, auth, json_blueprint, public, require_fresh
from genkan.adapters.sqlalchemy import SQLAlchemyAdapter
from genkan.callbacks import Callbacks, SessionParams
from genkan.crypto.sealer import Sealer
from genkan.errors import AdapterError, ConfigurationError, NoRequestContext
from genkan.types import Session
from genkan.web.context import session_result
from tests.browser import HTMX, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.core import with_callbacks

COOKIE = "authjs.session-token"
PRODUCTION = {"GENKAN_ENV": "production", "AUTH_DEVELOPMENT_PROVIDER": "off"}


class Count:
    """How often things that cost something were done."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        house = app.extensions["genkan"]
        given = house.core.callbacks
        callbacks = Callbacks(jwt=self._noting("jwt", given.jwt), session=self._noting("session", given.session))
        house.core = replace(house.core, callbacks=callbacks)
        monkeypatch.setattr(Sealer, "open", self._noting("open", Sealer.open))
        event.listen(house.core.adapter._database.engine, "before_cursor_execute", self._note_statement)

    def _noting(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: object) -> Any:
            self.done.append(what)
            return work(*args)

        return noted

    def _note_statement(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        # What has ended is asked once a second for everybody, and not once for each request.
        if statement.startswith("BEGIN") or "FROM revocations" in statement:
            return
        self.done.append("read" if statement.startswith("SELECT") else "write")


@pytest.fixture(name="asking")
def _asking(app: Flask) -> Browser:
    """Somebody signed in, and a page that asks a hundred times in every way there is."""

    def ask() -> str:
        answers = {id(auth()) for _ in range(100)}
        names = [render_template_string("{{ auth().user.name }} {{ current_user.name }}") for _ in range(3)]
        return f"{len(answers)} {names} {current_user.name}"

    app.add_url_rule("/ask", view_func=public(ask))
    browser = Browser(app)
    browser.sign_in()
    return browser


def _fail(_params: object) -> NoReturn:
    raise RuntimeError("secret words")


def test_views_templates_and_flask_login_get_the_same_answer(asking: Browser) -> None:
    assert asking.get("/ask").text == f"1 {['Hana Example Hana Example'] * 3} Hana Example"


def test_id_and_role_travel_from_the_user_to_the_session(asking: Browser) -> None:
    session = asking.session()
    assert session is not None
    assert set(session) == {"user", "expires"}
    assert set(session["user"]) == {"id", "name", "email", "image", "role"}
    assert session["user"]["role"] == "user"


@pytest.mark.parametrize("seen_before", [True, False])
def test_one_token_is_opened_and_each_callback_asked_once_however_often_auth_is(
    asking: Browser, monkeypatch: pytest.MonkeyPatch, seen_before: bool
) -> None:
    if not seen_before:
        asking.options.sessions.cache.clear()
    count = Count(asking.app, monkeypatch)
    asking.get("/ask")
    assert count.done == ([] if seen_before else ["open", "jwt", "session"])


@pytest.mark.parametrize("path", ["/", "/dashboard", "/partials/user-menu", "/partials/session", "/api/auth/session"])
def test_no_page_costs_more_than_one_token_one_asking_and_one_store_read(
    asking: Browser, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock, path: str
) -> None:
    asking.options.sessions.cache.clear()
    count = Count(asking.app, monkeypatch)
    clock.advance(86_400)
    assert "Set-Cookie" in asking.get(path).headers
    assert count.done == ["open", "jwt", "session", "read", "write"]


def test_the_profile_reads_the_store_once_and_then_the_cache(asking: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    count = Count(asking.app, monkeypatch)
    for _ in range(3):
        assert asking.get("/api/user/profile").status_code == 200
    assert count.done.count("read") == 1


def test_whoever_brings_nothing_costs_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    count = Count(app, monkeypatch)
    for path in ("/", "/dashboard", "/partials/user-menu", "/api/auth/session", "/api/user/profile"):
        Browser(app).get(path)
    assert count.done == []


def test_outside_a_request_the_error_names_the_remedy(app: Flask) -> None:
    with pytest.raises(NoRequestContext, match="Ask it in a view or a template"):
        auth()
    with app.app_context(), pytest.raises(NoRequestContext, match="Ask it in a view or a template"):
        auth()


def test_outside_a_request_whoever_asks_for_more_than_that_is_told_the_same(app: Flask) -> None:
    asks: list[Callable[[], object]] = [session_result, lambda: require_fresh(60), lambda: access_token("oidc")]
    for ask in asks:
        with app.app_context(), pytest.raises(NoRequestContext, match="Ask it in a view or a template"):
            ask()


def test_blueprints_that_come_before_init_app_are_the_owner_s_mistake_and_told_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"init_app\(app, options\) before registering"):
        Flask("bare").register_blueprint(json_blueprint(Blueprint("api", __name__)))


def test_without_init_app_a_view_and_a_template_that_ask_are_told_the_remedy() -> None:
    bare = Flask("bare")
    bare.register_blueprint(doors.bp)
    with bare.test_request_context():
        with pytest.raises(NoRequestContext, match=r"Call genkan\.flask\.init_app"):
            auth()
        with pytest.raises(NoRequestContext, match=r"Call genkan\.flask\.init_app"):
            render_template_string("{{ auth() }}")


def test_a_callback_that_asks_who_is_there_while_that_is_being_worked_out_finds_nobody(app: Flask) -> None:
    heard: list[Session | None] = []
    house = app.extensions["genkan"]

    def session(params: SessionParams) -> Session:
        heard.append(auth())
        return params.session

    browser = Browser(app)
    browser.sign_in()
    house.core.sessions.cache.clear()
    house.core = with_callbacks(house.core, session=session)
    assert browser.session()
    assert heard == [None]


@pytest.mark.parametrize("which", ["jwt", "session"])
def test_a_callback_that_fails_lets_nobody_in_says_503_and_signs_nobody_out(app: Flask, which: str) -> None:
    browser = Browser(app)
    browser.sign_in()
    house = app.extensions["genkan"]
    sound = house.core
    house.core = with_callbacks(sound, **{which: _fail})
    sound.memory.clear()
    for path, headers, says in (
        ("/dashboard", {}, "Temporarily unavailable"),
        ("/partials/session", HTMX, "not available"),
        ("/api/user/profile", {}, "Service Unavailable"),
        ("/api/auth/session", {}, "null"),
        ("/partials/user-menu", HTMX, "not available"),
    ):
        answer = browser.get(path, headers=headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert says in answer.text
        assert "secret words" not in answer.text
        assert "Set-Cookie" not in answer.headers or COOKIE not in answer.headers["Set-Cookie"]
    assert 'data-status="unauthenticated"' in browser.get("/").text
    house.core = sound
    assert browser.get("/dashboard").status_code == 200


def test_with_the_store_down_auth_still_answers_and_only_what_needs_the_store_fails(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> NoReturn:
        raise AdapterError

    browser = Browser(app)
    browser.sign_in()
    app.extensions["genkan"].core.sessions.cache.clear()
    for method in ("get_user", "get_user_by_account", "get_user_by_email", "spend"):
        monkeypatch.setattr(SQLAlchemyAdapter, method, down)
    assert browser.session()
    assert browser.get("/dashboard").status_code == 200
    answer = browser.get("/api/user/profile")
    assert (answer.status_code, answer.get_json()) == (503, {"error": "Service Unavailable"})
    assert browser.cookie(COOKIE)


def test_signing_out_in_a_request_makes_its_own_answer_say_so(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in()
    answer = browser.submit("/api/auth/signout", headers=HTMX)
    assert 'data-status="unauthenticated"' in answer.text
    assert browser.session() is None


@pytest.mark.parametrize("variables", [{}, PRODUCTION])
def test_what_reading_cost_is_told_in_development_only(make_app: MakeApp, variables: dict[str, str]) -> None:
    browser = Browser(make_app(**variables))
    timing = browser.get("/api/auth/session").headers.get("Server-Timing")
    assert (timing or "").startswith("auth;dur=") is not bool(variables)
    assert (timing is None) is bool(variables)
    assert "Server-Timing" not in browser.get("/health/live").headers


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, "Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "Accept-Encoding"}, "Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "X-Cookie-Consent"}, "X-Cookie-Consent, Accept-Encoding, Cookie, HX-Request"),
        ({"Vary": "accept, cookie"}, "accept, cookie, Accept-Encoding, HX-Request"),
        ({"Cache-Control": "public, max-age=60"}, "Accept-Encoding, Cookie, HX-Request"),
    ],
)
def test_whatever_a_view_says_of_caching_an_answer_that_asked_is_private(
    app: Flask, said: dict[str, str], kept: str
) -> None:
    def ask() -> tuple[str, dict[str, str]]:
        return str(auth()), said

    app.add_url_rule("/ask", view_func=public(ask))
    answer = Browser(app).get("/ask")
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("private, no-store", kept)


@pytest.mark.parametrize("path", ["/static/css/app.css", "/genkan/static/js/session.js", "/health/live", "/about"])
def test_what_is_the_same_for_all_asks_nobody_even_of_a_visitor_who_is_known(asking: Browser, path: str) -> None:
    answer = asking.get(path)
    assert answer.status_code == 200
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "Server-Timing" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "private" not in answer.headers["Cache-Control"]
