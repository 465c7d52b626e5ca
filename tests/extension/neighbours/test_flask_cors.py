"""Flask-CORS lets a front end of another origin read the application's answers, those of refused requests included."""

from __future__ import annotations

from flask import Flask, request
from flask_cors import CORS

from genkan import auth, login_required
from tests.extension.neighbours.conftest import NAME, MakeHost, check_sign_in
from tests.extension.test_first_use import LOCAL, browser_of

FRONT_END = {"Origin": "https://front.example", "Accept": "application/json"}
OTHER = {"Origin": "https://evil.example", "Accept": "application/json"}
ALLOWED = "Access-Control-Allow-Origin"


def add_cors(app: Flask) -> None:
    CORS(app, origins=["https://front.example"], supports_credentials=True)

    @app.route("/api/orders", methods=["GET", "PUT"])
    @login_required
    def orders() -> dict[str, str | None]:
        session = auth()
        return {"name": session.user.name if session else None, "method": request.method}


def test_a_user_signs_in_and_out(make_host: MakeHost) -> None:
    check_sign_in(make_host(add_cors))


def test_a_preflight_of_a_private_view_passes(make_host: MakeHost) -> None:
    client = make_host(add_cors).test_client()
    preflight = {**FRONT_END, "Access-Control-Request-Method": "PUT"}
    response = client.options("/api/orders", base_url=LOCAL, headers=preflight)
    assert (response.status_code, response.headers.get(ALLOWED)) == (200, "https://front.example")
    assert "PUT" in response.headers["Access-Control-Allow-Methods"]


def test_the_front_end_can_read_a_refusal_and_an_answer(make_host: MakeHost) -> None:
    browser = browser_of(make_host(add_cors))
    refused = browser.get("/api/orders", headers=FRONT_END)
    assert (refused.status_code, refused.headers[ALLOWED]) == (401, "https://front.example")
    browser.sign_in()
    answer = browser.get("/api/orders", headers=FRONT_END)
    assert (answer.json, answer.headers[ALLOWED]) == ({"name": NAME, "method": "GET"}, "https://front.example")
    session = browser.get("/api/auth/session", headers=FRONT_END)
    assert ((session.json or {})["user"]["name"], session.headers[ALLOWED]) == (NAME, "https://front.example")
    assert ALLOWED not in browser.get("/api/orders", headers=OTHER).headers


def test_the_front_end_changes_something_only_if_its_origin_is_one_of_ours(make_host: MakeHost) -> None:
    browser = browser_of(make_host(add_cors))
    browser.sign_in()
    refused = browser.client.put("/api/orders", base_url=browser.origin, headers=FRONT_END)
    assert (refused.status_code, refused.headers[ALLOWED]) == (401, "https://front.example")


def test_the_front_end_is_one_of_ours_by_auth_urls(make_host: MakeHost) -> None:
    settings = {"AUTH_URL": LOCAL, "AUTH_URLS": f"{LOCAL},https://front.example"}
    browser = browser_of(make_host(add_cors, **settings))
    browser.sign_in()
    assert browser.client.put("/api/orders", base_url=browser.origin, headers=FRONT_END).json == {
        "name": NAME,
        "method": "PUT",
    }
    assert browser.client.put("/api/orders", base_url=browser.origin, headers=OTHER).status_code == 401
