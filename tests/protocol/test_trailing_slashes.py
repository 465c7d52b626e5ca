"""Addresses with a slash too many, or with line ends in them, get an answer like any other."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.conftest import ORIGIN
from tests.routes import routes

STEADY = ("/session", "/providers", "/signin", "/signout", "/error", "/verify-request")


def said(answer: TestResponse) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["Content-Type"], answer.headers["Cache-Control"]


def test_the_session_is_told_with_a_slash_as_without(browser: Browser) -> None:
    assert browser.get("/api/auth/session/").data == b"null"
    browser.sign_in()
    with_slash, without = browser.get("/api/auth/session/"), browser.get("/api/auth/session")

    assert with_slash.data == without.data
    assert said(with_slash) == said(without)


def test_every_action_answers_with_a_slash_as_without(app: Flask) -> None:
    for route in routes(app, "GET", "POST"):
        if route.path.startswith("/api/auth/"):
            answers = [
                app.test_client().open(path, method=route.method, base_url=ORIGIN)
                for path in (route.path, f"{route.path}/")
            ]
            assert said(answers[0]) == said(answers[1]), route
            assert answers[0].status_code != 308, route


def test_a_session_is_changed_and_ended_with_a_slash_too(browser: Browser) -> None:
    """A 308 would cost a form nothing, but a script that does not follow it its answer."""
    browser.sign_in()
    body = {"csrfToken": browser.csrf_token(), "data": {}}

    assert browser.post("/api/auth/session/", json=body).get_json()["user"]["name"] == "Hana Example"
    assert browser.submit("/api/auth/signout/").status_code == 303
    assert browser.session() is None


@pytest.mark.parametrize(
    "path", ["/a%0d%0aSet-Cookie:%20a=b", "/%0a", "/dashboard%0d%0a", "/%00", "/%ff", "/%E2%82%AC", "/a%3Fb", "/a%23b"]
)
@pytest.mark.parametrize("query", ["", "?a=%0d%0ab", "?a=%ff"])
def test_line_ends_in_a_path_move_to_our_own_name_as_they_came(browser: Browser, path: str, query: str) -> None:
    answer = browser.client.get(f"{path}{query}", base_url="http://localhost:5000")

    assert answer.status_code in {307, 400}
    assert "Set-Cookie" not in answer.headers
    if answer.status_code == 307:
        moved = answer.headers["Location"]
        assert moved.startswith(f"{ORIGIN}/")
        assert moved.isascii()
        assert moved.isprintable()
        assert browser.client.get(moved.removeprefix(ORIGIN), base_url=ORIGIN).status_code in {400, 404}
