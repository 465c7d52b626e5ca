"""Access control: every view that is not public requires a session, and refuses pages, fragments and JSON in their own
form."""

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
    "genkan_actions.session", "genkan_actions.update_session", "genkan_actions.csrf", "genkan_actions.providers", "genkan_actions.sign_in_page", "genkan_actions.sign_in",
    "genkan_actions.unknown_action", "genkan_actions.callback", "genkan_actions.sign_out_page", "genkan_actions.sign_out", "genkan_actions.error_page",
    "genkan_actions.verify_request_page", "genkan_actions.popup_done_page", "genkan_actions.post_logout_redirect", "genkan_actions.backchannel_logout", "genkan.menu", "dashboard.home", "dashboard.welcome", "dashboard.about",
    "health.live", "static", "genkan.static", "genkan_actions.clear_cookies",
    "genkan_email.confirm_page", "genkan_email.confirm", "genkan_email.undo_page", "genkan_email.undo",
    "genkan_password.sign_up_page", "genkan_password.sign_up", "genkan_password.confirm_sign_up_page", "genkan_password.confirm_sign_up",
    "genkan_password.reset_page", "genkan_password.request_reset", "genkan_password.open_reset", "genkan_password.new_password_page",
    "genkan_password.new_password", "genkan.change_password", "genkan_actions.webauthn_options",
    "genkan_second_factor.second_page", "genkan_second_factor.second", "genkan_second_factor.enrol_page",
    "genkan_second_factor.enrol_before_session",
}  # fmt: skip
"""Endpoints that need no session. A new public view must be added here, too."""

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")


def private_routes(app: Flask) -> list[Route]:
    return [route for route in routes(app, *EVERY_METHOD) if route.endpoint not in PUBLIC and not route.is_dev_provider]


def send(browser: Browser, route: Route, headers: dict[str, str] | None = None) -> TestResponse:
    token = {} if route.method == "GET" else {"X-CSRF-Token": browser.csrf_token()}
    return browser.client.open(route.path, method=route.method, base_url=ORIGIN, headers={**token, **(headers or {})})


def is_api(route: Route) -> bool:
    return route.path.startswith("/api/")


def test_there_are_private_pages_fragments_and_json_views(app: Flask) -> None:
    assert {route.endpoint for route in private_routes(app)} >= {"dashboard.index", "dashboard.session", "api.profile"}


def test_a_page_redirects_to_the_sign_in_page_with_its_callback_url(browser: Browser) -> None:
    for route in private_routes(browser.app):
        if not is_api(route):
            response = send(browser, Route(f"{route.path}?tab=1&x=ä", route.method, route.endpoint))
            # The callback URL of a form is the page that contains it. These requests name none.
            is_page = route.method == "GET" and "/partials/" not in route.path
            callback_url = quote(f"{route.path}?tab=1&x=%C3%A4", safe="") if is_page else ""
            assert (response.status_code, response.data) == (303, b""), route
            assert response.headers["Location"] == f"/api/auth/signin?callbackUrl={callback_url or '%2F'}", route


def test_a_fragment_returns_401_with_hx_redirect(browser: Browser) -> None:
    """HTMX must not swap the sign-in page into the fragment's place."""
    for route in private_routes(browser.app):
        if not is_api(route):
            response = send(browser, route, HTMX)
            assert (response.status_code, response.text) == (401, "Sign in to continue."), route
            assert response.headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard", route
            assert "Location" not in response.headers


def test_a_page_of_the_history_of_htmx_is_a_page(browser: Browser) -> None:
    """For such a request htmx ignores HX-Redirect, and shows nothing for 401."""
    headers = {**HTMX, "HX-History-Restore-Request": "true", "HX-Current-URL": f"{browser.origin}/account"}
    response = browser.get("/account", headers=headers)
    assert (response.status_code, response.headers["Location"]) == (303, "/api/auth/signin?callbackUrl=%2Faccount")
    assert "HX-Redirect" not in response.headers


def test_the_api_returns_401_as_json_whatever_the_client_accepts(browser: Browser) -> None:
    requests = [(route, headers) for route in private_routes(browser.app) if is_api(route) for headers in ({}, HTMX)]
    for route, headers in requests:
        response = send(browser, route, {**headers, "Accept": "text/html"})
        assert (response.status_code, response.get_json()) == (401, {"error": "Unauthorized"}), route
        assert response.headers["Content-Type"] == "application/json"
        assert not {"Location", "HX-Redirect"} & set(response.headers.keys())


@pytest.mark.parametrize("cookie", ["nonsense", "a.b.c.d.e", "x" * 4000])
def test_a_session_cookie_that_does_not_open_is_refused_and_left_alone(browser: Browser, cookie: str) -> None:
    for route in private_routes(browser.app):
        browser.client.set_cookie("authjs.session-token", cookie, domain="127.0.0.1")
        response = send(browser, route)
        assert response.status_code == (401 if is_api(route) else 303)
        assert not [line for line in response.headers.getlist("Set-Cookie") if line.startswith("authjs.session-token")]


def test_a_signed_in_user_may_open_every_private_page(browser: Browser) -> None:
    browser.sign_in()
    private = [route for route in private_routes(browser.app) if route.method == "GET"]

    assert {str(route): send(browser, route).status_code for route in private} == dict.fromkeys(map(str, private), 200)


def test_only_a_session_gives_access_to_a_private_page(browser: Browser) -> None:
    """Try headers, a user agent, a query parameter and other methods."""
    forged: list[dict[str, str]] = [
        {"X-Forwarded-User": "ada"}, {"Authorization": "Bearer %"}, {"Authorization": "Bearer abc"}, {"X-Original-URL": "/about"},
        {"X-Forwarded-Uri": "/about"}, {"X-Rewrite-URL": "/"}, {"User-Agent": "kube-probe/1.0"}, {"X-HTTP-Method-Override": "OPTIONS"},
    ]  # fmt: skip
    for headers in forged:
        assert browser.get("/dashboard?public=1", headers=headers).status_code == 303, headers
    assert browser.client.head("/dashboard", base_url=ORIGIN).status_code == 303
    options = browser.client.options("/dashboard", base_url=ORIGIN)
    assert (options.status_code, options.data) == (200, b"")


class SecretView(MethodView):
    def get(self) -> str:
        return "a secret"

    post = put = delete = get


def with_new_views(app: Flask) -> Browser:
    """Add views without any access setting, one view with Flask-Login's decorator, and one public view."""
    pages, json_views = (
        Blueprint("pages", __name__, url_prefix="/pages"),
        json_blueprint(Blueprint("json", __name__, url_prefix="/json")),
    )
    pages.add_url_rule("/view", view_func=lambda: "a secret", methods=EVERY_METHOD)
    json_views.add_url_rule("/view", view_func=lambda: {"a": "secret"}, methods=EVERY_METHOD)
    app.register_blueprint(pages)
    app.register_blueprint(json_views)
    app.add_url_rule("/plain", view_func=lambda: "a secret")
    app.add_url_rule("/class", view_func=SecretView.as_view("class"))
    app.add_url_rule("/decorated", endpoint="decorated", view_func=public(login_required(lambda: "a secret")))
    app.add_url_rule("/open", endpoint="open", view_func=public(lambda: "for all"))
    return Browser(app)


def test_a_new_view_requires_a_session_unless_it_is_public(app: Flask) -> None:
    browser = with_new_views(app)
    statuses = {
        str(route): send(browser, route).status_code
        for route in private_routes(app)
        if route.endpoint not in {"open", "api.profile"} and not route.endpoint.startswith("genkan_account.")
    }

    assert {text: status for text, status in statuses.items() if status != (401 if "/json" in text else 303)} == {}
    assert len(statuses) == 30
    assert browser.get("/open").text == "for all"


def test_login_required_of_flask_login_refuses_in_the_same_form(app: Flask) -> None:
    browser = with_new_views(app)

    assert browser.get("/decorated").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fdecorated"
    assert browser.get("/decorated", headers=HTMX).headers["HX-Redirect"] == "/api/auth/signin?callbackUrl=%2Fdashboard"
    browser.sign_in()
    assert browser.get("/decorated").text == "a secret"


@pytest.mark.parametrize(
    ("current", "callback_url"),
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
def test_the_callback_url_of_a_fragment_is_the_page_around_it_if_it_has_our_origin(
    browser: Browser, current: str, callback_url: str
) -> None:
    for path in ("/partials/session", "/partials/user-menu", "/partials/welcome"):
        response = browser.get(path, headers={"HX-Request": "true", "HX-Current-URL": current})
        url_or_text = response.headers.get("HX-Redirect") or response.text

        assert f"/api/auth/signin?callbackUrl={quote(callback_url, safe='')}" in url_or_text, path


def test_the_callback_url_of_a_form_is_the_page_around_it_if_it_has_our_origin(app: Flask) -> None:
    """The form's own URL would be requested by GET after the sign-in."""
    browser = with_new_views(app)
    form = Route("/pages/view", "POST", "pages")

    assert send(browser, form, {"Referer": f"{ORIGIN}/about"}).headers["Location"].endswith("=%2Fabout")
    assert send(browser, form, {"Referer": "https://evil.example/"}).headers["Location"].endswith("=%2F")
    assert send(browser, form).headers["Location"].endswith("=%2F")


def test_a_failed_sign_in_keeps_the_callback_url(browser: Browser) -> None:
    browser.begin_sign_in("/dashboard?x=1")
    for page in ("signin?error=OAuthCallbackError&reason=declined", "error?error=Configuration&reason=unavailable"):
        assert "/api/auth/signin?callbackUrl=%2Fdashboard%3Fx%3D1" in browser.get(f"/api/auth/{page}").text


def test_the_sign_out_page_without_a_session_asks_for_no_confirmation(browser: Browser) -> None:
    assert "You are signed out" in browser.get("/api/auth/signout").text
    browser.sign_in()
    assert "Sign out?" in browser.get("/api/auth/signout").text
