"""Flask-Limiter counts the requests of the application, by the signed-in user if its key is the user."""

from __future__ import annotations

from flask import Blueprint, Flask, request
from flask_limiter import Limiter

from genkan import auth
from tests.extension.neighbours.conftest import MakeHost, check_sign_in
from tests.extension.test_first_use import browser_of


def user_or_address() -> str:
    session = auth()
    return (session.user.id or "") if session else request.remote_addr or ""


def limited(limit: str = "3 per minute", views: str = "1000 per minute") -> tuple[Limiter, object]:
    limiter = Limiter(user_or_address, default_limits=[views], storage_uri="memory://", headers_enabled=True)

    def add(app: Flask) -> None:
        limiter.init_app(app)
        app.add_url_rule("/search", "search", limiter.limit(limit)(lambda: "found"))

    return limiter, add


def test_a_user_signs_in_and_out(make_host: MakeHost) -> None:
    check_sign_in(make_host(limited()[1]))


def test_each_user_has_a_limit_of_their_own(make_host: MakeHost) -> None:
    app = make_host(limited()[1])
    hana, zoe, guest = browser_of(app), browser_of(app), browser_of(app)
    hana.sign_in()
    zoe.sign_in("Zoë Příkladová")
    for browser in (hana, zoe, guest):
        assert [browser.get("/search").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_an_answer_about_the_limit_of_a_user_is_kept_from_shared_caches(make_host: MakeHost) -> None:
    browser = browser_of(make_host(limited("1 per minute")[1]))
    browser.sign_in()
    for status in (200, 429):
        response = browser.get("/search")
        assert (response.status_code, response.headers["Cache-Control"]) == (status, "private, no-store")


def test_a_limit_on_all_views_counts_ours(make_host: MakeHost) -> None:
    browser = browser_of(make_host(limited(views="2 per minute")[1]))
    assert [browser.get("/api/auth/signin").status_code for _ in range(3)] == [200, 200, 429]
    assert [browser.get("/").status_code for _ in range(3)] == [200, 200, 429]


def test_our_views_can_be_exempt(make_host: MakeHost) -> None:
    limiter, add = limited(views="2 per minute")
    app = make_host(add)
    for name, blueprint in app.blueprints.items():
        if name.startswith("genkan") and isinstance(blueprint, Blueprint):
            limiter.exempt(blueprint)
    browser = browser_of(app)
    assert [browser.get("/api/auth/session").status_code for _ in range(4)] == [200] * 4
    assert [browser.get("/").status_code for _ in range(3)] == [200, 200, 429]
