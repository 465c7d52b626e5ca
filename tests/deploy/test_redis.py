"""The whole house with a real Redis, and with one that goes away in the middle (F13-F15)."""

from __future__ import annotations

from tests.browser import Browser
from tests.conftest import MakeApp
from tests.servers.redis_server import RedisServer


def test_two_workers_share_what_they_know_of_a_profile(make_app: MakeApp, redis_url: str) -> None:
    """A role given through one of them shows at the other at once."""
    one, other = make_app(REDIS_URL=redis_url), make_app(REDIS_URL=redis_url)
    here, there = Browser(one), Browser(other)
    here.sign_in()
    there.sign_in()
    assert there.get("/api/user/profile").get_json()["role"] == "user"

    answer = one.test_cli_runner().invoke(args=["users", "role", "hana@example.com", "admin"])

    assert answer.exit_code == 0
    assert there.get("/api/user/profile").get_json()["role"] == "admin"


def test_people_sign_in_and_stay_signed_in_while_redis_is_down(make_app: MakeApp, redis_server: RedisServer) -> None:
    """It is a cache: what it forgot is looked up again."""
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


def test_the_house_stands_without_redis(make_app: MakeApp, redis_server: RedisServer) -> None:
    """Down at the start, it is missed by nobody."""
    redis_server.stop()
    browser = Browser(make_app(REDIS_URL=redis_server.url))

    assert browser.sign_in().status_code == 302
    assert browser.get("/dashboard").status_code == 200
