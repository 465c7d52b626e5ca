"""The application with a real Redis, and with one that is down."""

from __future__ import annotations

from tests.browser import Browser
from tests.conftest import MakeApp
from tests.servers.redis_server import RedisServer


def test_two_workers_share_the_profile_cache(make_app: MakeApp, redis_url: str) -> None:
    """A role set through one worker is in force on the other at once."""
    one, other = make_app(REDIS_URL=redis_url), make_app(REDIS_URL=redis_url)
    first, second = Browser(one), Browser(other)
    first.sign_in()
    second.sign_in()
    assert second.get("/api/user/profile").get_json()["role"] == "user"

    result = one.test_cli_runner().invoke(args=["users", "role", "hana@example.com", "admin"])

    assert result.exit_code == 0
    assert second.get("/api/user/profile").get_json()["role"] == "admin"


def test_users_can_sign_in_and_stay_signed_in_while_redis_is_down(make_app: MakeApp, redis_server: RedisServer) -> None:
    """Cached values are read from the database instead."""
    app = make_app(REDIS_URL=redis_server.url)
    before, during = Browser(app), Browser(app)
    before.sign_in()
    redis_server.stop()
    during.sign_in("Zoë Příkladová")

    for browser in (before, during):
        assert browser.session() is not None
        assert browser.get("/dashboard").status_code == 200
        assert browser.get("/api/user/profile").status_code == 200
        assert browser.sign_out().status_code == 303
    redis_server.start()


def test_the_application_starts_without_redis(make_app: MakeApp, redis_server: RedisServer) -> None:
    """Redis is down before the start."""
    redis_server.stop()
    browser = Browser(make_app(REDIS_URL=redis_server.url))

    assert browser.sign_in().status_code == 302
    assert browser.get("/dashboard").status_code == 200
