"""Closed by default, and one refusal in three voices (C6): page, HTMX, API."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_login import login_required
from werkzeug.test import TestResponse

from genkan import json_blueprint, public
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN
from tests.routes import Route, routes

PUBLIC = {
    "auth.session", "auth.update_session", "auth.csrf", "auth.providers", "auth.sign_in_page", "auth.start_sign_in",
    "auth.unknown_action", "auth.callback", "auth.sign_out_page", "auth.sign_out", "auth.error_page",
    "auth.verify_request_page", "auth.signed_in_page", "auth.signed_out_there", "auth.backchannel_logout", "auth.user_menu", "dashboard.home", "dashboard.welcome", "dashboard.about",
    "health.live", "static", "genkan.static",
}  # fmt: skip
"""Everything that strangers may see, written down once more: whoever opens another door has to open it here too."""

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")


def private_addresses(app: Flask) -> list[Route]:
    return [a for a in routes(app, *EVERY_METHOD) if a.endpoint not in PUBLIC and not a.is_dev_provider]


def ask(browser: Browser, address: Route, headers: dict[str, str] | None = None) -> TestResponse:
    token = {} if address.method == "GET" else {"X-CSRF-Token": browser.csrf_token()}
    return browser.client.open(
        address.path, method=address.method, base_url=ORIGIN, headers={**token, **(headers or {})}
    )


def is_api(address: Route) -> bool:
    return address.path.startswith("/api/")


def test_there_are_private_rooms_of_every_kind(app: Flask) -> None:
    assert {a.endpoint for a in private_addresses(app)} >= {"dashboard.index", "dashboard.session", "api.profile"}


def test_a_page_refuses_by_303_to_the_sign_in_page_with_the_way_back(browser: Browser) -> None:
    for address in private_addresses(browser.app):
        if not is_api(address):
            answer = ask(browser, Route(f"{address.path}?tab=1&x=ä", address.method, address.endpoint))
            # A form's way back is the page it stood on, which these do not name.
            is_page = address.method == "GET" and not address.path.startswith("/partials/")
            back = quote(f"{address.path}?tab=1&x=%C3%A4", safe="") if is_page else ""
            assert (answer.status_code, answer.data) == (303, b""), address
            assert answer.headers["Location"] == f"/api/auth/signin?callbackUrl={back or '%2F'}", address


def test_a_fragment_refuses_by_401_and_tells_htmx_where_to_go(browser: Browser) -> None:
    """Never a sign-in page that would be swapped into the fragment's place."""
    for address in private_addresses(browser.app):
        if not is_api(address):
            answer = ask(browser, address, HTMX)
            assert (answer.status_code, answer.text) == (401, "Sign in to continue."), address
            assert answer.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard", address
            assert "Location" not in answer.headers


def test_the_api_refuses_in_json_whoever_asks(browser: Browser) -> None:
    asked = [
        (address, headers) for address in private_addresses(browser.app) if is_api(address) for headers in ({}, HTMX)
    ]
    for address, headers in asked:
        answer = ask(browser, address, {**headers, "Accept": "text/html"})
        assert (answer.status_code, answer.get_json()) == (401, {"error": "Unauthorized"}), address
        assert answer.headers["Content-Type"] == "application/json"
        assert not {"Location", "HX-Redirect"} & set(answer.headers.keys())


@pytest.mark.parametrize("cookie", ["nonsense", "a.b.c.d.e", "x" * 4000])
def test_a_session_that_is_none_is_refused_as_nobody_and_its_cookie_goes(browser: Browser, cookie: str) -> None:
    for address in private_addresses(browser.app):
        browser.client.set_cookie("authjs.session-token", cookie, domain="127.0.0.1")
        answer = ask(browser, address)
        assert answer.status_code == (401 if is_api(address) else 303)
        assert "authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax" in answer.headers.getlist(
            "Set-Cookie"
        )


def test_whoever_is_signed_in_passes_everywhere(browser: Browser) -> None:
    browser.sign_in()
    rooms = [address for address in private_addresses(browser.app) if address.method == "GET"]

    assert {str(a): ask(browser, a).status_code for a in rooms} == dict.fromkeys(map(str, rooms), 200)


def test_nothing_but_the_session_opens_a_private_room(browser: Browser) -> None:
    """Not a header, not a user agent, not a query, not a fragment's word (C10)."""
    pretences: list[dict[str, str]] = [
        {"X-Forwarded-User": "ada"}, {"Authorization": "Bearer %"}, {"Authorization": "Bearer abc"}, {"X-Original-URL": "/about"},
        {"X-Forwarded-Uri": "/about"}, {"X-Rewrite-URL": "/"}, {"User-Agent": "kube-probe/1.0"}, {"X-HTTP-Method-Override": "OPTIONS"},
    ]  # fmt: skip
    for headers in pretences:
        assert browser.get("/dashboard?public=1", headers=headers).status_code == 303, headers
    for method in ("HEAD", "OPTIONS"):
        assert browser.client.open("/dashboard", method=method, base_url=ORIGIN).status_code == 303


class Room(MethodView):
    def get(self) -> str:
        return "a secret"

    post = put = delete = get


def rebuilt(app: Flask) -> Browser:
    """The house with rooms that nobody has said anything about, and one that is said to be open."""
    room, json_room = (
        Blueprint("room", __name__, url_prefix="/room"),
        json_blueprint(Blueprint("desk", __name__, url_prefix="/desk")),
    )
    room.add_url_rule("/view", view_func=lambda: "a secret", methods=EVERY_METHOD)
    json_room.add_url_rule("/view", view_func=lambda: {"a": "secret"}, methods=EVERY_METHOD)
    app.register_blueprint(room)
    app.register_blueprint(json_room)
    app.add_url_rule("/plain", view_func=lambda: "a secret")
    app.add_url_rule("/class", view_func=Room.as_view("room-class"))
    app.add_url_rule("/guarded", endpoint="guarded", view_func=public(login_required(lambda: "a secret")))
    app.add_url_rule("/open", endpoint="open", view_func=public(lambda: "for all"))
    return Browser(app)


def test_a_new_room_is_closed_until_it_says_that_it_is_public(app: Flask) -> None:
    browser = rebuilt(app)
    statuses = {
        str(a): ask(browser, a).status_code
        for a in private_addresses(app)
        if a.endpoint not in {"open", "api.profile"} and not a.endpoint.startswith("account.")
    }

    assert {text: status for text, status in statuses.items() if status != (401 if "/desk" in text else 303)} == {}
    assert len(statuses) == 18
    assert browser.get("/open").text == "for all"


def test_a_room_guarded_by_flask_login_refuses_in_the_same_words(app: Flask) -> None:
    browser = rebuilt(app)

    assert browser.get("/guarded").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fguarded"
    assert browser.get("/guarded", headers=HTMX).headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard"
    browser.sign_in()
    assert browser.get("/guarded").text == "a secret"


@pytest.mark.parametrize(
    ("current", "back"),
    [
        (f"{ORIGIN}/dashboard?a=b#c", "/dashboard?a=b#c"),
        ("/dashboard", "/dashboard"),
        ("https://evil.example/dashboard", "/"),
        (f"{ORIGIN}.evil.example/", "/"),
        (f"{ORIGIN}@evil.example/", "/"),
        ("//evil.example/", f"{ORIGIN}//evil.example/"),
        (f"{ORIGIN}//evil.example/", f"{ORIGIN}//evil.example/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (f"{ORIGIN}/partials/user-menu", "/"),
        (f"{ORIGIN}/api/auth/signin?callbackUrl=/about", "/about"),
        (f"{ORIGIN}/api/authors?page=2", "/api/authors?page=2"),
        (f"{ORIGIN}/api/auth/signin?callbackUrl=https://evil.example", "/"),
        (f"{ORIGIN}/api/auth/signin?callbackUrl=/api/auth/signout", "/"),
    ],
)
def test_the_way_back_of_a_fragment_is_the_page_around_it_if_that_is_ours(
    browser: Browser, current: str, back: str
) -> None:
    for path in ("/partials/session", "/partials/user-menu", "/partials/welcome"):
        answer = browser.get(path, headers={"HX-Request": "true", "HX-Current-URL": current})
        told = answer.headers.get("HX-Redirect") or answer.text

        assert f"/api/auth/signin?callbackUrl={quote(back, safe='')}" in told, path


def test_the_way_back_of_a_form_is_the_page_it_stood_on_if_that_is_ours(app: Flask) -> None:
    """Going back to what was posted would be a GET of something else."""
    browser = rebuilt(app)
    room = Route("/room/view", "POST", "room")

    assert ask(browser, room, {"Referer": f"{ORIGIN}/about"}).headers["Location"].endswith("=%2Fabout")
    assert ask(browser, room, {"Referer": "https://evil.example/"}).headers["Location"].endswith("=%2F")
    assert ask(browser, room).headers["Location"].endswith("=%2F")


def test_after_a_refusal_the_way_in_still_leads_where_somebody_wanted_to_go(browser: Browser) -> None:
    browser.begin_sign_in("/dashboard?x=1")
    for page in ("signin?error=OAuthCallbackError&reason=declined", "error?error=Configuration&reason=unavailable"):
        assert "/api/auth/signin?callbackUrl=%2Fdashboard%3Fx%3D1" in browser.get(f"/api/auth/{page}").text


def test_whoever_is_signed_out_is_not_asked_to_sign_out(browser: Browser) -> None:
    assert "You are signed out" in browser.get("/api/auth/signout").text
    browser.sign_in()
    assert "Sign out?" in browser.get("/api/auth/signout").text
