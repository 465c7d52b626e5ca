"""Anonymous requests write no database row and no Redis key."""

from __future__ import annotations

import redis
from sqlalchemy import create_engine, func, select

from genkan.adapters.sqlalchemy import models
from tests.browser import HTMX, Browser
from tests.conftest import Environment, MakeApp
from tests.routes import EVERY_WAY, routes

TABLES = (models.User, models.Account, models.UsedToken)
MAIL_TABLES = (models.VerificationToken, models.Verification, models.Password, models.OutgoingMail, models.Limit)


def rows(url: str, tables: tuple[type, ...] = TABLES) -> list[int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        counts = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]
    engine.dispose()
    return counts


def test_five_hundred_anonymous_requests_write_no_row_and_no_key(
    make_app: MakeApp, environment: Environment, redis_url: str
) -> None:
    app = make_app(REDIS_URL=redis_url, **EVERY_WAY)
    paths = [route.path for route in routes(app, "GET")]
    visits = 0
    while visits < 500:
        client = Browser(app)
        for path in paths:
            visits += 1
            assert client.get(path, headers=HTMX if visits % 2 else {}).status_code < 500, path

    assert rows(environment["DATABASE_URL"], TABLES + MAIL_TABLES) == [0] * 8
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []


def test_unfinished_sign_ins_and_invalid_callbacks_write_no_row(browser: Browser, environment: Environment) -> None:
    before = rows(environment["DATABASE_URL"])
    for number in range(20):
        client = Browser(browser.app)
        client.begin_sign_in()
        client.get(f"/api/auth/callback/development?code={number}&state={number}")
        client.sign_out()
        client.client.set_cookie("authjs.session-token", "nonsense", domain="127.0.0.1")
        assert client.get("/dashboard").status_code == 303

    assert rows(environment["DATABASE_URL"]) == before == [0, 0, 0]


def test_a_sign_in_writes_rows(browser: Browser, environment: Environment) -> None:
    """Show that the counts above can change."""
    browser.sign_in()

    users, accounts, used = rows(environment["DATABASE_URL"])
    assert (users, accounts) == (1, 1)
    assert used > 0
