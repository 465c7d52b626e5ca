"""Cross-site request forgery: a request without this browser's CSRF token, or from another site, changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from werkzeug.test import TestResponse

from genkan import json_blueprint, sign_in, sign_out
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.routes import Route, routes

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
FORM = "application/x-www-form-urlencoded"
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:5001"},
    {"Origin": "http://localhost:5000"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


class CallRecorder:
    """Record of the calls of a view."""

    def __init__(self) -> None:
        self.results: list[str] = []

    def write(self) -> str:
        self.results.append("done")
        return "done"


@pytest.fixture(name="calls")
def _calls(app: Flask) -> CallRecorder:
    calls = CallRecorder()
    app.add_url_rule("/act", view_func=calls.write, methods=UNSAFE)
    return calls


@pytest.fixture(name="signed_in")
def _signed_in(calls: CallRecorder, browser: Browser) -> Browser:
    browser.sign_in()
    return browser


def unsafe_routes(app: Flask) -> list[Route]:
    """Return the routes that change something, without the OAuth callback, which the flow's state protects."""
    return [
        route
        for route in routes(app, *UNSAFE)
        if not route.is_dev_provider and route.endpoint != "genkan_actions.callback"
    ]


def send(browser: Browser, route: Route, **request: Any) -> TestResponse:
    return browser.client.open(route.path, method=route.method, base_url=ORIGIN, **request)


def forgeries(own: str, foreign: str) -> Iterator[dict[str, Any]]:
    """Yield requests without this browser's token, or with the token in a place that is not accepted."""
    yield {}
    yield {"data": {"csrfToken": "0" * 64}}
    yield {"data": {"csrfToken": foreign}}
    yield {"data": {"csrfToken": own[:-1]}}
    yield {"headers": {"X-CSRF-Token": foreign}}
    yield {"headers": {"X-CSRF-Token": ""}, "data": {"csrftoken": own}}
    yield {"query_string": {"csrfToken": own}}
    yield {"data": f"csrfToken={own}", "content_type": "text/plain"}
    yield {"data": f"csrfToken={own}", "content_type": None}
    yield {"data": json.dumps({"csrfToken": own}), "content_type": "text/plain"}
    yield {"data": {"csrfToken": foreign}, "content_type": "multipart/form-data"}
    yield {"data": {"csrfToken": own}, "content_type": "Multipart/Form-Data; boundary=x"}
    yield {"json": {"csrfToken": foreign}}
    yield {"json": {"csrfToken": [own]}}
    yield {"json": {"csrfToken": None, "X-CSRF-Token": own}}
    yield {"headers": {"Cookie": "", "X-Requested-With": "XMLHttpRequest", **HTMX}}
    yield {"data": {"_method": "GET", "csrfToken": ""}, "headers": {"X-HTTP-Method-Override": "GET"}}


def is_refused(response: TestResponse) -> bool:
    location = response.headers.get("Location") or response.headers.get("HX-Redirect") or ""
    return response.status_code in {400, 403, 415} or (
        response.status_code in {204, 303} and "error=MissingCSRF" in location
    )


def test_an_unsafe_request_without_the_browsers_own_token_is_refused(signed_in: Browser, calls: CallRecorder) -> None:
    own, foreign = signed_in.csrf_token(), Browser(signed_in.app).csrf_token()
    tested = unsafe_routes(signed_in.app)
    for route in tested:
        for forgery in forgeries(own, foreign):
            assert is_refused(send(signed_in, route, **forgery)), (route, forgery)

    assert {"genkan_actions.sign_out", "genkan_actions.sign_in", "genkan_actions.update_session", "write"} <= {
        route.endpoint for route in tested
    }
    assert calls.results == []
    assert signed_in.session() is not None
    assert not any(cookie.key.startswith("authjs.flow") for cookie in (signed_in.client._cookies or {}).values())


def test_a_form_with_a_file_may_carry_the_token(signed_in: Browser, calls: CallRecorder) -> None:
    fields = {"csrfToken": signed_in.csrf_token(), "picture": (BytesIO(b"GIF89a"), "picture.gif")}

    assert signed_in.post("/act", data=fields).status_code == 200
    assert calls.results == ["done"]


def test_a_request_from_another_site_is_refused_even_with_a_valid_token(
    signed_in: Browser, calls: CallRecorder
) -> None:
    token = signed_in.csrf_token()
    for route in unsafe_routes(signed_in.app):
        for headers in FOREIGN:
            response = send(signed_in, route, headers={**headers, "X-CSRF-Token": token})
            refused = (400, b"null") if route.endpoint == "genkan_actions.update_session" else (403, response.data)
            if route.endpoint == "genkan_actions.backchannel_logout":
                # This endpoint reads nothing of the browser's. It checks the logout token in the body.
                refused = (400, response.data)
            assert (response.status_code, response.data) == refused, (route, headers)
            assert not response.headers.getlist("Set-Cookie"), (route, headers)

    assert calls.results == []
    assert signed_in.session() is not None


def test_a_page_without_a_referrer_can_send_forms_and_sign_in(signed_in: Browser, calls: CallRecorder) -> None:
    """Browsers then send `Origin: null`, also to the page's own origin. A proxy may set such a Referrer-Policy."""
    headers, token = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"csrfToken": signed_in.csrf_token()}

    assert signed_in.post("/act", data=token, headers=headers).status_code == 200
    assert is_refused(signed_in.post("/act", headers=headers))
    assert calls.results == ["done"]
    started = signed_in.post("/api/auth/signin/development", data=token, headers=headers)
    assert "/authorize?" in started.headers["Location"]


@pytest.mark.parametrize("method", UNSAFE)
def test_the_token_in_the_header_is_accepted_like_the_form_field(
    signed_in: Browser, calls: CallRecorder, method: str
) -> None:
    headers = {"X-CSRF-Token": signed_in.csrf_token(), "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

    assert send(signed_in, Route("/act", method, "write"), headers=headers).data == b"done"
    assert send(signed_in, Route("/act", method, "write"), headers={**headers, **HTMX}).data == b"done"


@pytest.mark.parametrize("sent", ["data", "json"])
def test_a_client_that_is_no_browser_needs_only_the_token(signed_in: Browser, calls: CallRecorder, sent: str) -> None:
    body: dict[str, Any] = {sent: {"csrfToken": signed_in.csrf_token()}}

    assert signed_in.post("/act", **body).data == b"done"
    assert calls.results == ["done"]


def test_tokens_from_before_a_sign_in_or_sign_out_are_refused_after_it(signed_in: Browser) -> None:
    """A user who saw another user's page cannot act in the next session."""
    during = signed_in.csrf_token()
    signed_in.sign_out()
    between = signed_in.csrf_token()
    assert send(signed_in, Route("/act", "POST", "write"), data={"csrfToken": during}).status_code == 403

    signed_in.sign_in()
    after = signed_in.csrf_token()
    assert send(signed_in, Route("/act", "POST", "write"), data={"csrfToken": between}).status_code == 403
    assert len({during, between, after}) == 3


def test_the_menu_returned_by_a_sign_out_has_the_new_token(signed_in: Browser) -> None:
    signed_in.sign_out(headers=HTMX)

    assert signed_in.begin_sign_in().headers["Location"].startswith(f"{ORIGIN}/development/")


def test_a_refused_fragment_gets_hx_redirect_and_the_api_json(app: Flask, calls: CallRecorder) -> None:
    app.register_blueprint(json_blueprint(_json_view(calls)))
    browser = Browser(app)

    fragment = browser.post("/act", headers=HTMX)
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (403, "/api/auth/error?error=MissingCSRF")
    json = browser.post("/json", headers=HTMX)
    assert (json.status_code, json.get_json()) == (403, {"error": "Forbidden", "code": "MissingCSRF"})
    assert calls.results == []


@pytest.mark.parametrize("path", ["/act", "/json"])
def test_a_refusal_is_not_cached(app: Flask, calls: CallRecorder, path: str) -> None:
    """Another browser's cookie may be valid."""
    app.register_blueprint(json_blueprint(_json_view(calls)))
    refused = Browser(app).post(path)

    assert refused.status_code == 403
    assert {"cookie", "hx-request"} <= set(refused.vary.as_set())
    assert {"private", "no-store"} <= set(refused.headers["Cache-Control"].split(", "))


def test_the_response_to_a_request_from_another_site_names_the_reason(app: Flask, calls: CallRecorder) -> None:
    """Repeating the request from the other site would not help."""
    app.register_blueprint(json_blueprint(_json_view(calls)))
    browser, cross_site = Browser(app), {"Sec-Fetch-Site": "cross-site"}
    json = browser.post("/json", headers=cross_site)
    plain, stale = browser.post("/act", headers=cross_site), browser.post("/act")

    assert json.get_json() == {"error": "Forbidden", "code": "MissingCSRF", "reason": "cross-site"}
    assert (plain.status_code, stale.status_code) == (403, 403)
    assert "open this site and do it here" in plain.text
    assert "send it again" in stale.text
    assert "send it again" not in plain.text
    assert calls.results == []


def _json_view(calls: CallRecorder) -> Blueprint:
    view = Blueprint("json", __name__)
    view.add_url_rule("/json", view_func=calls.write, methods=UNSAFE)
    return view


def test_safe_methods_change_nothing(signed_in: Browser, calls: CallRecorder) -> None:
    """Send GET, HEAD and OPTIONS to every route. The session and its cookie stay the same."""
    before = signed_in.session(), signed_in.cookie("authjs.session-token")
    for route in routes(signed_in.app, "GET", "HEAD", "OPTIONS"):
        if not route.is_dev_provider:
            assert send(signed_in, route).status_code < 500, route

    assert (signed_in.session(), signed_in.cookie("authjs.session-token")) == before
    assert calls.results == []


def test_a_view_may_sign_in_or_out_only_by_a_post_with_the_token(make_app: MakeApp) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/leave", "leave", lambda: sign_out(redirect_to="/about"), methods=["GET", "POST"])
    app.add_url_rule("/enter", "enter", _enter, methods=["GET", "POST"])
    browser = Browser(app)
    browser.sign_in()

    assert [browser.get(path).status_code for path in ("/leave", "/enter")] == [500, 500]
    assert [browser.post(path).status_code for path in ("/leave", "/enter")] == [403, 403]
    assert browser.session() is not None
    assert browser.submit("/enter").headers["Location"].startswith(f"{ORIGIN}/development/authorize?")
    left = browser.submit("/leave")
    assert (left.status_code, left.headers["Location"], browser.session()) == (303, f"{ORIGIN}/about", None)


def _enter() -> Response:
    return sign_in("development", redirect_to="/dashboard")


def test_a_fragment_requested_from_another_site_leads_to_an_error_page_that_names_the_reason(
    signed_in: Browser,
) -> None:
    headers = {**HTMX, "X-CSRF-Token": signed_in.csrf_token(), "Sec-Fetch-Site": "cross-site"}
    refused = signed_in.post("/account/name", headers=headers, data={"name": "Mallory"})

    assert refused.status_code == 403
    assert "another site" in signed_in.get(refused.headers["HX-Redirect"]).text


@pytest.mark.parametrize(
    "override",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"HX-Request": "false"},
        {"Origin": "https://evil.example"},
    ],
)
def test_only_a_same_origin_htmx_request_may_repeat_a_stale_sign_out(
    signed_in: Browser, override: dict[str, str]
) -> None:
    fingerprint = re.search(r'name="session_fingerprint" value="(\w+)"', signed_in.get("/").text)
    assert fingerprint is not None
    headers = {**HTMX, "Sec-Fetch-Site": "same-origin"}
    stale = {"csrfToken": "0" * 128, "session_fingerprint": fingerprint[1]}

    repeated = signed_in.post("/api/auth/signout", data=stale, headers=headers)
    assert (
        repeated.status_code,
        'hx-trigger="load, submit"' in repeated.text,
        'name="session_fingerprint"' in repeated.text,
    ) == (
        200,
        True,
        False,
    )
    refused = signed_in.post("/api/auth/signout", data=stale, headers={**headers, **override})
    assert 'hx-trigger="load, submit"' not in refused.text
    assert signed_in.session() is not None
