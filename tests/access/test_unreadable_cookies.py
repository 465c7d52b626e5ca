"""Requests whose Cookie header arrived empty, because the server could not read it: no cookie is set, and a page helps."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.browser import HTMX
from tests.conftest import ORIGIN
from tests.routes import routes

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
CLEAR = "/api/auth/clear-cookies"
ERROR = "/api/auth/error?error=MissingCSRF&reason=unreadable-cookies"


class Client(FlaskClient):
    """Client whose Cookie header arrives empty."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request to ORIGIN."""
        return super().open(*args, base_url=ORIGIN, **kwargs)


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    client = Client(app, use_cookies=False)
    client.environ_base["HTTP_COOKIE"] = ""
    return client


def test_no_response_sets_or_deletes_a_cookie(client: Client, app: Flask) -> None:
    for route in (*routes(app, "GET"), *routes(app, "POST")):
        for headers in ({}, HTMX):
            with client.open(route.path, method=route.method, headers={**SAME_ORIGIN, **headers}) as response:
                assert "Set-Cookie" not in response.headers, route
                assert "Clear-Site-Data" not in response.headers or route.path == CLEAR


@pytest.mark.parametrize("path", ["/api/auth/signin/development", "/api/auth/signout", "/account/name"])
def test_a_refused_form_leads_to_the_page_that_helps(client: Client, path: str) -> None:
    form = {"csrfToken": "a" * 64}
    response = client.post(path, data=form, headers=SAME_ORIGIN)
    assert response.status_code in (302, 303)
    assert response.headers["Location"].endswith(ERROR)

    fragment = client.post(path, data=form, headers={**SAME_ORIGIN, **HTMX})
    assert fragment.headers["HX-Redirect"].endswith(ERROR)


def test_the_page_names_the_cause_of_every_failure_and_offers_to_delete_the_cookies(client: Client) -> None:
    for query in ("error=MissingCSRF&reason=unreadable-cookies", "error=Configuration&reason=expired"):
        page = client.get("/api/auth/error", query_string=query)
        assert page.status_code == 400
        assert "Your cookies could not be read" in page.text
        assert f'<form method="post" action="{CLEAR}">' in page.text


def test_with_readable_cookies_the_page_offers_no_deletion(app: Flask) -> None:
    assert CLEAR not in app.test_client().get(ERROR, base_url=ORIGIN).text


def test_the_cookies_are_deleted_on_the_request_of_our_own_page(client: Client) -> None:
    for headers in (SAME_ORIGIN, {"Origin": ORIGIN}):
        response = client.post(CLEAR, headers=headers)
        assert response.headers["Clear-Site-Data"] == '"cookies"'
        assert response.headers["Location"].endswith("/api/auth/signin")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=repr,
)
def test_no_other_page_can_delete_the_cookies(client: Client, headers: dict[str, str]) -> None:
    response = client.post(CLEAR, headers=headers)
    assert response.status_code == 403
    assert "Clear-Site-Data" not in response.headers


def test_cookies_that_were_read_are_not_deleted(app: Flask) -> None:
    for cookies in ({}, {"Cookie": "a=1"}):
        response = app.test_client().post(CLEAR, base_url=ORIGIN, headers={**SAME_ORIGIN, **cookies})
        assert response.status_code in (302, 303)
        assert "Clear-Site-Data" not in response.headers
