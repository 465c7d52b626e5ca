"""Strangers leave nothing behind (D6): looking around writes no row and keeps nothing in Redis."""

from __future__ import annotations

import redis
from sqlalchemy import create_engine, func, select

from genkan.adapters.sqlalchemy import models
from tests.browser import HTMX, Browser
from tests.conftest import Environment, MakeApp
from tests.routes import routes

TABLES = (models.User, models.Account, models.UsedToken)


def rows(url: str) -> list[int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        counts = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]
    engine.dispose()
    return counts


def test_five_hundred_anonymous_visits_write_no_row_and_no_key(
    make_app: MakeApp, environment: Environment, redis_url: str
) -> None:
    app = make_app(REDIS_URL=redis_url)
    paths = [address.path for address in routes(app, "GET")]
    visits = 0
    while visits < 500:
        stranger = Browser(app)
        for path in paths:
            visits += 1
            assert stranger.get(path, headers=HTMX if visits % 2 else {}).status_code < 500, path

    assert rows(environment["DATABASE_URL"]) == [0, 0, 0]
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []


def test_neither_does_a_sign_in_that_is_only_begun_nor_a_callback_without_one(
    browser: Browser, environment: Environment
) -> None:
    before = rows(environment["DATABASE_URL"])
    for number in range(20):
        stranger = Browser(browser.app)
        stranger.begin_sign_in()
        stranger.get(f"/api/auth/callback/development?code={number}&state={number}")
        stranger.sign_out()
        stranger.client.set_cookie("authjs.session-token", "nonsense", domain="127.0.0.1")
        assert stranger.get("/dashboard").status_code == 303

    assert rows(environment["DATABASE_URL"]) == before == [0, 0, 0]


def test_somebody_who_signs_in_does(browser: Browser, environment: Environment) -> None:
    """Without this the counts above would prove nothing."""
    browser.sign_in()

    users, accounts, spent = rows(environment["DATABASE_URL"])
    assert (users, accounts) == (1, 1)
    assert spent > 0
