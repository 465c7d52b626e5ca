"""Paths with a trailing slash or with encoded line breaks."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.conftest import ORIGIN, MakeApp
from tests.routes import routes


def summary(response: TestResponse) -> tuple[int, str, str]:
    return response.status_code, response.headers["Content-Type"], response.headers["Cache-Control"]


def test_the_session_is_the_same_with_a_trailing_slash(browser: Browser) -> None:
    assert browser.get("/api/auth/session/").data == b"null"
    browser.sign_in()
    with_slash, without = browser.get("/api/auth/session/"), browser.get("/api/auth/session")

    assert with_slash.data == without.data
    assert summary(with_slash) == summary(without)


def test_every_action_responds_the_same_with_a_trailing_slash(app: Flask) -> None:
    for route in routes(app, "GET", "POST"):
        if route.path.startswith("/api/auth/"):
            responses = [
                app.test_client().open(path, method=route.method, base_url=ORIGIN)
                for path in (route.path, f"{route.path}/")
            ]
            assert summary(responses[0]) == summary(responses[1]), route
            assert responses[0].status_code != 308, route


def test_a_session_is_updated_and_revoked_with_a_trailing_slash(browser: Browser) -> None:
    """A redirect would lose the response for a script that does not follow it."""
    browser.sign_in()
    body = {"csrfToken": browser.csrf_token(), "data": {}}

    assert browser.post("/api/auth/session/", json=body).get_json()["user"]["name"] == "Hana Example"
    assert browser.submit("/api/auth/signout/").status_code == 303
    assert browser.session() is None


@pytest.mark.parametrize(
    "path", ["/a%0d%0aSet-Cookie:%20a=b", "/%0a", "/dashboard%0d%0a", "/%00", "/%ff", "/%E2%82%AC", "/a%3Fb", "/a%23b"]
)
@pytest.mark.parametrize("query", ["", "?a=%0d%0ab", "?a=%ff"])
def test_encoded_line_breaks_in_a_path_stay_encoded_in_a_redirect(browser: Browser, path: str, query: str) -> None:
    response = browser.client.get(f"{path}{query}", base_url="http://localhost:5000")

    assert response.status_code in {307, 400}
    assert "Set-Cookie" not in response.headers
    if response.status_code == 307:
        moved = response.headers["Location"]
        assert moved.startswith(f"{ORIGIN}/")
        assert moved.isascii()
        assert moved.isprintable()
        assert browser.client.get(moved.removeprefix(ORIGIN), base_url=ORIGIN).status_code in {400, 404}


@pytest.mark.parametrize("scheme", ["1e999", "@evil.example/", "javascript", "https@evil.example"])
@pytest.mark.parametrize("path", ["//", "/api/auth/signin/%2F", "/api/auth/signout/return//"])
def test_a_forwarded_scheme_that_is_none_does_not_redirect_to_another_origin(
    make_app: MakeApp, scheme: str, path: str
) -> None:
    """A proxy may pass on what the client sent."""
    client = make_app(TRUSTED_PROXY_HOPS="1").test_client()
    response = client.get(path, base_url=ORIGIN, headers={"X-Forwarded-Proto": scheme, "X-Forwarded-For": "192.0.2.1"})

    assert response.status_code < 500
    assert response.headers.get("Location", f"{ORIGIN}/").startswith((f"{ORIGIN}/", "/"))
