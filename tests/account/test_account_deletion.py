"""Deletion of an account: its rows, its sessions and its cached data."""

from __future__ import annotations

import sqlite3

import pytest
from flask import Flask

from genkan.errors import AdapterError
from genkan.types import Account
from tests.account.page.conftest import FORM_AND_HTMX, PHONE, sign_in, text, user_id
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, Environment, MakeApp


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_GITHUB_ID="for-show", AUTH_GITHUB_SECRET="for-show")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    hana = sign_in(app)
    hana.core.adapter.link_account(
        user_id(hana), Account("github", "hana-at-hub", "oauth", {"access_token": "at-of-hana"})
    )
    hana.submit("/account/name", name="Hana Renamed")
    return hana


def rows_about(environment: Environment, *values: str) -> dict[str, int]:
    """Return, by table, the number of rows that contain one of these values in any column."""
    found = {}
    with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sum(any(value in str(row) for value in values) for row in rows)
    database.close()
    return {table: count for table, count in found.items() if count}


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_deleting_an_account_deletes_all_rows_of_this_user_only(
    app: Flask, environment: Environment, hana: Browser, headers: dict[str, str]
) -> None:
    alex, tablet = sign_in(app, "Alex Admin"), sign_in(app)
    hana_id, alex_id = user_id(hana), user_id(alex)
    kept = hana.get("/api/user/profile").get_json()
    assert hana.core.cache.get(f"profile:{hana_id}") == kept
    before = rows_about(environment, alex_id)
    assert rows_about(environment, hana_id).keys() >= {"users", "accounts", "genkan_sessions", "activity"}

    response = hana.submit("/account/delete", headers=headers)

    if headers:
        assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/?account=deleted")
    else:
        assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/?account=deleted")
    # The revocation keeps the user's id as long as another worker may still accept a token.
    assert rows_about(environment, hana_id, "hana@example.com", "Hana", "hana-at-hub").keys() <= {"revocations"}
    assert rows_about(environment, alex_id) == before
    assert hana.core.cache.get(f"profile:{hana_id}") is None
    assert hana.cookie("authjs.session-token") is None
    assert [browser.session() is None for browser in (hana, tablet, alex)] == [True, True, False]
    assert "Your account has been deleted" in hana.get("/?account=deleted").text
    assert "Your account has been deleted" not in alex.get("/?account=deleted").text


def test_deleting_an_account_works_with_the_database_strategy(make_app: MakeApp, environment: Environment) -> None:
    app = make_app(AUTH_SESSION_STRATEGY="database")
    hana, phone = sign_in(app), sign_in(app, device=PHONE)
    user = user_id(hana)
    hana.submit("/account/name", name="Hana Renamed")
    assert (phone.session() or {})["user"]["name"] == "Hana Renamed"
    content = text(hana.get("/account"))
    assert "Firefox on Windows This one" in content
    assert "Safari on iPhone 192.0.2.1" in content
    hana.submit("/account/sessions/end-others")
    assert [browser.session() is None for browser in (phone, hana)] == [True, False]
    hana.submit("/account/delete")
    assert hana.session() is None
    assert rows_about(environment, user).keys() <= {"revocations"}


def test_the_page_lists_what_will_be_deleted(app: Flask, hana: Browser) -> None:
    sign_in(app)
    content = text(hana.get("/account/delete"))

    assert "your profile, Hana Renamed" in content
    assert "the links to Development, GitHub" in content
    assert "all 2 sessions" in content


def test_signing_in_after_the_deletion_creates_a_new_user(hana: Browser) -> None:
    before = user_id(hana)
    hana.submit("/account/delete")
    hana.sign_in()

    assert user_id(hana) != before
    assert (hana.session() or {})["user"]["name"] == "Hana Example"
    assert "Changed the name" not in hana.get("/account").text


def test_a_user_without_an_email_address_can_be_deleted(app: Flask, environment: Environment) -> None:
    browser = sign_in(app)
    user = user_id(browser)
    with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute("UPDATE users SET email = NULL")
    database.close()
    assert browser.submit("/account/delete").status_code == 303

    assert rows_about(environment, user).keys() <= {"revocations"}
    assert browser.session() is None


@pytest.mark.parametrize("has_address", [True, False])
def test_a_sign_in_just_before_the_deletion_leaves_no_session_of_the_deleted_user(
    app: Flask, environment: Environment, monkeypatch: pytest.MonkeyPatch, has_address: bool
) -> None:
    browser, other = sign_in(app), Browser(app)
    callback = other.choose(other.begin_sign_in().headers["Location"])
    if not has_address:
        with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as database:
            database.execute("UPDATE users SET email = NULL")
        database.close()
    adapter = browser.core.adapter
    delete_user = adapter.delete_user

    def delete(id: str) -> None:
        other.get(callback)
        delete_user(id)

    monkeypatch.setattr(adapter, "delete_user", delete)
    browser.submit("/account/delete")

    assert other.session() is None


def test_a_sign_in_completed_after_the_deletion_creates_a_new_user(app: Flask, hana: Browser) -> None:
    before, other = user_id(hana), Browser(app)
    callback = other.choose(other.begin_sign_in().headers["Location"])
    hana.submit("/account/delete")
    other.get(callback)

    assert user_id(other) != before


def test_nothing_is_deleted_while_the_database_is_down(hana: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **changes: object) -> None:
        raise AdapterError("down")

    monkeypatch.setattr(hana.core.adapter, "delete_user", fail)
    response = hana.submit("/account/delete", headers=HTMX)

    assert response.status_code == 503
    assert hana.session() is not None
