"""An account that is deleted is gone: from every table, from every browser, and from what was kept in between."""

from __future__ import annotations

import sqlite3

import pytest
from flask import Flask

from genkan.errors import AdapterError
from genkan.types import Account
from tests.account.test_account import PHONE, VOICES, text, user_id, visitor
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, Environment, MakeApp


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    hana = visitor(app)
    hana.options.adapter.link_account(
        user_id(hana), Account("github", "hana-at-hub", "oauth", {"access_token": "at-of-hana"})
    )
    hana.submit("/account/name", name="Hana of the House")
    return hana


def rows_about(environment: Environment, *words: str) -> dict[str, int]:
    """How many rows of each table say one of these, in whatever column."""
    found = {}
    with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sum(any(word in str(row) for word in words) for row in rows)
    database.close()
    return {table: count for table, count in found.items() if count}


@pytest.mark.parametrize("voice", VOICES, ids=["form", "htmx"])
def test_everything_of_theirs_goes_and_nothing_of_anybody_else(
    app: Flask, environment: Environment, hana: Browser, voice: dict[str, str]
) -> None:
    alex, tablet = visitor(app, "Alex Admin"), visitor(app)
    hers, his = user_id(hana), user_id(alex)
    kept = hana.get("/api/user/profile").get_json()
    assert hana.options.cache.get(f"profile:{hers}") == kept
    before = rows_about(environment, his)
    assert rows_about(environment, hers).keys() >= {"users", "accounts", "genkan_sessions", "activity"}

    answer = hana.submit("/account/delete", headers=voice)

    if voice:
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/?account=deleted")
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/?account=deleted")
    # The news for other workers that her tokens are dead names her by her id, as long as one of them might live.
    assert rows_about(environment, hers, "hana@example.com", "Hana", "hana-at-hub").keys() <= {"revocations"}
    assert rows_about(environment, his) == before
    assert hana.options.cache.get(f"profile:{hers}") is None
    assert hana.cookie("authjs.session-token") is None
    assert [browser.session() is None for browser in (hana, tablet, alex)] == [True, True, False]
    assert "Your account has been deleted" in hana.get("/?account=deleted").text
    assert "Your account has been deleted" not in alex.get("/?account=deleted").text


def test_the_page_does_the_same_where_sessions_are_kept_in_the_database(
    make_app: MakeApp, environment: Environment
) -> None:
    app = make_app(AUTH_SESSION_STRATEGY="database")
    hana, phone = visitor(app), visitor(app, device=PHONE)
    who = user_id(hana)
    hana.submit("/account/name", name="Hana of the House")
    assert (phone.session() or {})["user"]["name"] == "Hana of the House"
    said = text(hana.get("/account"))
    assert "Firefox on Windows This one" in said
    assert "Safari on iPhone 192.0.2.1" in said
    hana.submit("/account/sessions/end-others")
    assert [browser.session() is None for browser in (phone, hana)] == [True, False]
    hana.submit("/account/delete")
    assert hana.session() is None
    assert rows_about(environment, who).keys() <= {"revocations"}


def test_what_will_go_is_said_first(app: Flask, hana: Browser) -> None:
    visitor(app)
    said = text(hana.get("/account/delete"))

    assert "your profile, Hana of the House" in said
    assert "the links to Development, GitHub" in said
    assert "all 2 sessions" in said


def test_whoever_comes_back_starts_anew(hana: Browser) -> None:
    before = user_id(hana)
    hana.submit("/account/delete")
    hana.sign_in()

    assert user_id(hana) != before
    assert (hana.session() or {})["user"]["name"] == "Hana Example"
    assert "Changed the name" not in hana.get("/account").text


def test_somebody_without_an_address_can_go_too(app: Flask, environment: Environment) -> None:
    browser = visitor(app)
    who = user_id(browser)
    with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute("UPDATE users SET email = NULL")
    database.close()
    assert browser.submit("/account/delete").status_code == 303

    assert rows_about(environment, who).keys() <= {"revocations"}
    assert browser.session() is None


@pytest.mark.parametrize("has_address", [True, False])
def test_a_sign_in_at_the_very_moment_leaves_no_session_of_somebody_who_is_no_more(
    app: Flask, environment: Environment, monkeypatch: pytest.MonkeyPatch, has_address: bool
) -> None:
    browser, other = visitor(app), Browser(app)
    callback = other.choose(other.begin_sign_in().headers["Location"])
    if not has_address:
        with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
            database.execute("UPDATE users SET email = NULL")
        database.close()
    adapter, refused = browser.options.adapter, []
    delete_user = adapter.delete_user

    def delete(id: str) -> None:
        refused.append(other.get(callback).headers["Location"])
        delete_user(id)

    monkeypatch.setattr(adapter, "delete_user", delete)
    browser.submit("/account/delete")

    assert ["error=AccessDenied" in location for location in refused] == [True]
    assert other.session() is None


def test_a_sign_in_that_is_on_its_way_makes_a_new_person_not_a_session_of_the_old_one(
    app: Flask, hana: Browser
) -> None:
    before, other = user_id(hana), Browser(app)
    callback = other.choose(other.begin_sign_in().headers["Location"])
    hana.submit("/account/delete")
    other.get(callback)

    assert user_id(other) != before


def test_a_database_that_does_not_answer_deletes_nothing(hana: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **changes: object) -> None:
        raise AdapterError("down")

    monkeypatch.setattr(hana.options.adapter, "update_user", fail)
    answer = hana.submit("/account/delete", headers=HTMX)

    assert answer.status_code == 503
    assert hana.session() is not None
