"""Links by mail in a table that Auth.js shares: each side redeems those of the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import ORIGIN, MakeApp
from tests.email.mails import link, mails
from tests.servers.node.nodejs import needing_node
from tests.tokens.authjs_jwt import AuthJs

SECRET = "tests-only-secret-that-protects-nothing-at-all"
ADDRESS = "hana@example.com"
DAY = 24 * 3600


@pytest.fixture(name="database")
def _database(migrated_postgres_url: str) -> str:
    return migrated_postgres_url


@pytest.fixture(name="authjs", scope="module")
def _authjs() -> Iterator[AuthJs]:
    """Start a process of its own: after a link, Auth.js wants an adapter for every request."""
    with needing_node(), AuthJs() as process:
        yield process


@pytest.fixture(name="secret", params=[SECRET])
def _secret(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="app")
def _app(make_app: MakeApp, database: str, secret: str) -> Iterator[Flask]:
    app = make_app(DATABASE_URL=database, AUTH_SECRET=secret)
    yield app
    app.extensions["genkan"].core.adapter._database.engine.dispose()


def execute(database: str, statement: str, **values: Any) -> list[Mapping[str, Any]]:
    """Execute one statement, as another application does, and return the rows."""
    engine = create_engine(database)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []
    finally:
        engine.dispose()


def insert(database: str, row: Mapping[str, Any]) -> None:
    """Store a row as the PostgreSQL adapter of Auth.js does."""
    execute(
        database,
        "INSERT INTO verification_token (identifier, token, expires) VALUES (:identifier, :token, :expires)",
        **row,
    )


def confirm(browser: Browser, url: str) -> str:
    """Open the link, press the button, and return the location."""
    page = browser.get(url)
    assert page.status_code == 200
    assert browser.session() is None
    fields = dict(re.findall(r'name="([a-zA-Z]+)" value="([^"]*)"', page.text))
    response = browser.post("/api/auth/callback/email", data={name: unescape(fields[name]) for name in fields})
    return str(response.headers["Location"])


def test_a_link_of_authjs_signs_in_here_once(
    app: Flask, browser: Browser, database: str, authjs: AuthJs, clock: FrozenClock
) -> None:
    url, row = authjs.ask(" Hana@Example.com", ORIGIN, SECRET, int(clock()))
    assert row["identifier"] == ADDRESS
    assert datetime.fromisoformat(row["expires"]).timestamp() == int(clock()) + DAY
    insert(database, row)
    clock.advance(DAY - 1)

    assert confirm(browser, url) == f"{ORIGIN}/dashboard"

    session = browser.session()
    assert session is not None
    assert session["user"]["email"] == ADDRESS
    assert execute(database, "SELECT * FROM verification_token") == []
    assert "error=Verification" in Browser(app).get(url).headers["Location"]


def test_a_link_of_authjs_ends_after_a_day(browser: Browser, database: str, authjs: AuthJs, clock: FrozenClock) -> None:
    url, row = authjs.ask(ADDRESS, ORIGIN, SECRET, int(clock()))
    insert(database, row)
    clock.advance(DAY)
    assert "error=Verification" in browser.get(url).headers["Location"]


@pytest.mark.parametrize("secret", ["correct-horse-battery-staple-authjs"], indirect=True)
def test_the_stored_hash_is_that_of_authjs(browser: Browser, database: str, clock: FrozenClock) -> None:
    token = "00112233445566778899aabbccddeeff" * 2
    hashed = "1e845d75679860baca64bcf8c26cd946978dbdd244e9dfc6baccd3371add955a"
    expires = datetime.fromtimestamp(clock()).astimezone() + timedelta(hours=24)
    insert(database, {"identifier": ADDRESS, "token": hashed, "expires": expires})
    assert confirm(browser, f"/api/auth/callback/email?callbackUrl=/&token={token}&email={ADDRESS}") == f"{ORIGIN}/"
    assert browser.session() is not None


def test_authjs_redeems_a_link_of_ours(
    app: Flask, browser: Browser, database: str, authjs: AuthJs, clock: FrozenClock
) -> None:
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")
    url = link(mails(app)[0])
    [row] = execute(database, "SELECT identifier, token, expires FROM verification_token")
    assert row["expires"].timestamp() == int(clock()) + 600
    stored = {**row, "expires": row["expires"].isoformat()}

    location, cookies = authjs.redeem(url, stored, SECRET, int(clock()))
    assert location == f"{ORIGIN}/dashboard"
    assert any(cookie.startswith("authjs.session-token=") for cookie in cookies)
    location, cookies = authjs.redeem(url, stored, SECRET, int(clock()) + 601)
    assert location == f"{ORIGIN}/api/auth/error?error=Verification"

    # Auth.js deletes the row, and the link is used up here as well.
    execute(database, "DELETE FROM verification_token")
    assert "error=Verification" in browser.get(url).headers["Location"]


def test_a_link_for_another_purpose_is_none_for_authjs(
    app: Flask, browser: Browser, database: str, authjs: AuthJs, clock: FrozenClock
) -> None:
    browser.submit("/api/auth/signin/email", email=ADDRESS, callbackUrl="/dashboard")
    browser.get(link(mails(app)[0]))
    browser.submit("/account/address", email="new@example.com")
    change = next(mail for mail in mails(app) if mail.to == "new@example.com")
    token = re.findall(r"token=([0-9a-f]{64})", link(change))[0]
    for row in execute(database, "SELECT identifier, token, expires FROM verification_token"):
        for email in (row["identifier"], "new@example.com"):
            url = f"{ORIGIN}/api/auth/callback/email?callbackUrl=/&token={token}&email={email}"
            stored = {**row, "expires": row["expires"].isoformat()}
            assert "error=Verification" in authjs.redeem(url, stored, SECRET, int(clock()))[0]
            assert "error=Verification" in Browser(app).get(url).headers["Location"]
