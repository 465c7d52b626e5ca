"""Requests that another site makes a browser send (C1-C4): none of them does anything, whatever it carries."""

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
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


class Ledger:
    """What the rooms below have done."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def write(self) -> str:
        self.entries.append("done")
        return "done"


@pytest.fixture(name="ledger")
def _ledger(app: Flask) -> Ledger:
    ledger = Ledger()
    app.add_url_rule("/act", view_func=ledger.write, methods=UNSAFE)
    return ledger


@pytest.fixture(name="signed_in")
def _signed_in(ledger: Ledger, browser: Browser) -> Browser:
    browser.sign_in()
    return browser


def unsafe_addresses(app: Flask) -> list[Route]:
    """All that change something, but for those that another proof guards: the flow's state, the provider's own."""
    return [a for a in routes(app, *UNSAFE) if not a.is_dev_provider and a.endpoint != "auth.callback"]


def send(browser: Browser, address: Route, **request: Any) -> TestResponse:
    return browser.client.open(address.path, method=address.method, base_url=ORIGIN, **request)


def forgeries(own: str, foreign: str) -> Iterator[dict[str, Any]]:
    """Requests without the token of this browser, or with it where no form of ours puts it."""
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


def is_refused(answer: TestResponse) -> bool:
    led_to = answer.headers.get("Location") or answer.headers.get("HX-Redirect") or ""
    return answer.status_code in {400, 403, 415} or (answer.status_code in {204, 303} and "error=MissingCSRF" in led_to)


def test_no_unsafe_request_does_anything_without_the_browsers_own_token(signed_in: Browser, ledger: Ledger) -> None:
    own, foreign = signed_in.csrf_token(), Browser(signed_in.app).csrf_token()
    walked = unsafe_addresses(signed_in.app)
    for address in walked:
        for forgery in forgeries(own, foreign):
            assert is_refused(send(signed_in, address, **forgery)), (address, forgery)

    assert {"auth.sign_out", "auth.start_sign_in", "auth.update_session", "write"} <= {a.endpoint for a in walked}
    assert ledger.entries == []
    assert signed_in.session() is not None
    assert not any(cookie.key.startswith("authjs.flow") for cookie in (signed_in.client._cookies or {}).values())


def test_a_form_with_a_file_passes_with_the_token_in_it(signed_in: Browser, ledger: Ledger) -> None:
    fields = {"csrfToken": signed_in.csrf_token(), "picture": (BytesIO(b"GIF89a"), "picture.gif")}

    assert signed_in.post("/act", data=fields).status_code == 200
    assert ledger.entries == ["done"]


def test_a_valid_pair_does_not_help_another_site(signed_in: Browser, ledger: Ledger) -> None:
    token = signed_in.csrf_token()
    for address in unsafe_addresses(signed_in.app):
        for headers in FOREIGN:
            answer = send(signed_in, address, headers={**headers, "X-CSRF-Token": token})
            refused = (400, b"null") if address.endpoint == "auth.update_session" else (403, answer.data)
            if address.endpoint == "auth.backchannel_logout":
                # Whoever calls there, nothing of the browser's is looked at: the token in the body is all that counts.
                refused = (400, answer.data)
            assert (answer.status_code, answer.data) == refused, (address, headers)
            assert not answer.headers.getlist("Set-Cookie"), (address, headers)

    assert ledger.entries == []
    assert signed_in.session() is not None


@pytest.mark.parametrize("method", UNSAFE)
def test_the_header_htmx_sends_is_as_good_as_the_field(signed_in: Browser, ledger: Ledger, method: str) -> None:
    headers = {"X-CSRF-Token": signed_in.csrf_token(), "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

    assert send(signed_in, Route("/act", method, "write"), headers=headers).data == b"done"
    assert send(signed_in, Route("/act", method, "write"), headers={**headers, **HTMX}).data == b"done"


@pytest.mark.parametrize("sent", ["data", "json"])
def test_a_client_that_is_no_browser_needs_the_token_alone(signed_in: Browser, ledger: Ledger, sent: str) -> None:
    body: dict[str, Any] = {sent: {"csrfToken": signed_in.csrf_token()}}

    assert signed_in.post("/act", **body).data == b"done"
    assert ledger.entries == ["done"]


def test_tokens_of_before_a_sign_in_or_a_sign_out_are_refused_after_it(signed_in: Browser) -> None:
    """Whoever saw the page of one visitor cannot act for the next (C3)."""
    during = signed_in.csrf_token()
    signed_in.sign_out()
    between = signed_in.csrf_token()
    assert send(signed_in, Route("/act", "POST", "write"), data={"csrfToken": during}).status_code == 403

    signed_in.sign_in()
    after = signed_in.csrf_token()
    assert send(signed_in, Route("/act", "POST", "write"), data={"csrfToken": between}).status_code == 403
    assert len({during, between, after}) == 3


def test_the_menu_that_answers_a_sign_out_knows_the_new_token(signed_in: Browser) -> None:
    signed_in.sign_out(headers=HTMX)

    assert signed_in.begin_sign_in().headers["Location"].startswith(f"{ORIGIN}/development/")


def test_a_refused_fragment_is_told_where_to_go_and_the_api_in_json(app: Flask, ledger: Ledger) -> None:
    app.register_blueprint(json_blueprint(_desk(ledger)))
    browser = Browser(app)

    fragment = browser.post("/act", headers=HTMX)
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (403, "/api/auth/error?error=MissingCSRF")
    desk = browser.post("/desk", headers=HTMX)
    assert (desk.status_code, desk.get_json()) == (403, {"error": "Forbidden", "code": "MissingCSRF"})
    assert ledger.entries == []


@pytest.mark.parametrize("path", ["/act", "/desk"])
def test_no_cache_keeps_a_refusal_for_the_next_visitor(app: Flask, ledger: Ledger, path: str) -> None:
    """What this browser's cookie lacked, another's may hold (X1)."""
    app.register_blueprint(json_blueprint(_desk(ledger)))
    refused = Browser(app).post(path)

    assert refused.status_code == 403
    assert {"cookie", "hx-request"} <= set(refused.vary.as_set())
    assert {"private", "no-store"} <= set(refused.headers["Cache-Control"].split(", "))


def test_whoever_another_site_sent_is_told_so_in_every_voice(app: Flask, ledger: Ledger) -> None:
    """To send it once more from there would not help."""
    app.register_blueprint(json_blueprint(_desk(ledger)))
    browser, there = Browser(app), {"Sec-Fetch-Site": "cross-site"}
    desk = browser.post("/desk", headers=there)
    plain, stale = browser.post("/act", headers=there), browser.post("/act")

    assert desk.get_json() == {"error": "Forbidden", "code": "MissingCSRF", "reason": "cross-site"}
    assert (plain.status_code, stale.status_code) == (403, 403)
    assert "open this site and do it here" in plain.text
    assert "send it again" in stale.text
    assert "send it again" not in plain.text
    assert ledger.entries == []


def _desk(ledger: Ledger) -> Blueprint:
    desk = Blueprint("desk", __name__)
    desk.add_url_rule("/desk", view_func=ledger.write, methods=UNSAFE)
    return desk


def test_reading_changes_nothing(signed_in: Browser, ledger: Ledger) -> None:
    """GET, HEAD and OPTIONS of everything, and the session, its cookie and the ledger are what they were (C4)."""
    before = signed_in.session(), signed_in.cookie("authjs.session-token")
    for address in routes(signed_in.app, "GET", "HEAD", "OPTIONS"):
        if not address.is_dev_provider:
            assert send(signed_in, address).status_code < 500, address

    assert (signed_in.session(), signed_in.cookie("authjs.session-token")) == before
    assert ledger.entries == []


def test_a_view_that_signs_in_or_out_by_itself_does_so_for_a_post_with_the_token_only(make_app: MakeApp) -> None:
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


def test_whoever_was_sent_by_another_site_is_told_that_and_not_to_hurry(signed_in: Browser) -> None:
    headers = {**HTMX, "X-CSRF-Token": signed_in.csrf_token(), "Sec-Fetch-Site": "cross-site"}
    refused = signed_in.post("/account/name", headers=headers, data={"name": "Mallory"})

    assert refused.status_code == 403
    assert "another site" in signed_in.get(refused.headers["HX-Redirect"]).text


@pytest.mark.parametrize(
    "lack",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"HX-Request": "false"},
        {"Origin": "https://evil.example"},
    ],
)
def test_only_a_menu_of_ours_that_the_browser_vouches_for_may_ask_again(
    signed_in: Browser, lack: dict[str, str]
) -> None:
    of = re.search(r'name="session_fingerprint" value="(\w+)"', signed_in.get("/").text)
    assert of is not None
    headers = {**HTMX, "Sec-Fetch-Site": "same-origin"}
    stale = {"csrfToken": "0" * 128, "session_fingerprint": of[1]}

    again = signed_in.post("/api/auth/signout", data=stale, headers=headers)
    assert (
        again.status_code,
        'hx-trigger="load, submit"' in again.text,
        'name="session_fingerprint"' in again.text,
    ) == (
        200,
        True,
        False,
    )
    refused = signed_in.post("/api/auth/signout", data=stale, headers={**headers, **lack})
    assert 'hx-trigger="load, submit"' not in refused.text
    assert signed_in.session() is not None
