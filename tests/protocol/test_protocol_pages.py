"""Auth.js's wire protocol: signing out, the built-in pages, errors, and requests that are not part of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from genkan.core import Pages
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.routes import routes

DELETED = "authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
PAGES = ["/api/auth/signin", "/api/auth/signout", "/api/auth/error", "/api/auth/verify-request"]


def test_signing_out_deletes_the_session_cookie_and_redirects_to_the_callback_url_by_303(browser: Browser) -> None:
    browser.sign_in()
    response = browser.submit("/api/auth/signout", callbackUrl="/about")

    assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert DELETED in response.headers.getlist("Set-Cookie")
    assert "Clear-Site-Data" not in response.headers  # its time grows with the browser's cache
    assert browser.session() is None


def test_signing_out_without_a_session_redirects_and_deletes_nothing(browser: Browser) -> None:
    response = browser.submit("/api/auth/signout")

    assert (response.status_code, response.headers["Location"]) == (303, ORIGIN)
    assert DELETED not in response.headers.getlist("Set-Cookie")


def test_signing_out_without_a_valid_csrf_token_keeps_the_session(browser: Browser) -> None:
    browser.sign_in()
    response = browser.post("/api/auth/signout", data={"csrfToken": "wrong"})

    assert (response.status_code, response.headers["Location"]) == (303, f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    assert browser.session() is not None


def test_a_json_client_gets_the_url_when_signing_out(browser: Browser) -> None:
    browser.sign_in()
    response = browser.submit("/api/auth/signout", headers={"X-Auth-Return-Redirect": "1"}, callbackUrl="/about")

    assert (response.status_code, response.get_json()) == (200, {"url": f"{ORIGIN}/about"})
    assert response.headers["Location"] == f"{ORIGIN}/about"
    assert DELETED in response.headers.getlist("Set-Cookie")


def test_htmx_gets_the_signed_out_menu_and_an_event_instead_of_a_redirect(browser: Browser) -> None:
    browser.sign_in()
    response = browser.submit("/api/auth/signout", headers=HTMX)

    assert response.status_code == 200
    assert 'data-status="unauthenticated"' in response.text
    assert response.headers["HX-Trigger"] == '{"session-changed": {"target": "body"}}'
    assert DELETED in response.headers.getlist("Set-Cookie")


def test_htmx_gets_204_and_hx_redirect_for_a_sign_in(browser: Browser) -> None:
    response = browser.submit("/api/auth/signin/development", headers=HTMX)

    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["HX-Redirect"].startswith(f"{ORIGIN}/development/authorize?")
    assert "Location" not in response.headers


@pytest.mark.parametrize("path", ["/api/auth/signin", "/api/auth/signout"])
def test_the_sign_in_and_sign_out_pages_have_a_form_with_a_csrf_token(browser: Browser, path: str) -> None:
    if path.endswith("signout"):
        browser.sign_in()
    html = browser.get(f"{path}?callbackUrl=/dashboard").text
    token = re.search(r'name="csrfToken" value="([0-9a-f]{128})"', html)

    assert 'name="callbackUrl" value="/dashboard"' in html
    assert token is not None
    response = browser.post("/api/auth/signout", data={"csrfToken": token[1], "callbackUrl": "/about"})
    assert response.headers["Location"] == f"{ORIGIN}/about"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Configuration", 400), ("AccessDenied", 403), ("Verification", 403), ("OAuthAccountNotLinked", 400),
        ("OAuthCallbackError", 400), ("MissingCSRF", 403), ("Anything", 400), ("", 400), ("<script>", 400),
        ("Configuration&reason=unavailable", 503), ("Configuration&reason=storage", 503), ("Configuration&reason=x", 400),
    ],
)  # fmt: skip
def test_the_error_page_explains_each_code_and_is_never_500(browser: Browser, code: str, status: int) -> None:
    response = browser.get(f"/api/auth/error?error={code}")

    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert ("Retry-After" in response.headers) is (status == 503)
    assert "Try again" in response.text
    assert "<script>" not in response.text


def test_the_sign_in_page_shows_an_error_above_the_buttons(browser: Browser) -> None:
    response = browser.get("/api/auth/signin?error=OAuthCallbackError&reason=declined")

    assert response.status_code == 400
    assert "The sign-in was cancelled" in response.text
    assert "Sign in with" in response.text


@pytest.mark.parametrize(
    "cookie", ["javascript:alert(1)", "https://evil.example/", "nonsense", "%", '"https%3A', "\x7f", "x" * 3000]
)
def test_a_bad_callback_url_cookie_is_ignored(browser: Browser, cookie: str) -> None:
    """Auth.js responds with 500 to every action until the cookie is deleted."""
    for path in ("/api/auth/session", "/api/auth/csrf", "/api/auth/providers", *PAGES, "/", "/dashboard"):
        browser.client.set_cookie("authjs.callback-url", cookie, domain="127.0.0.1")
        response = browser.get(path)

        assert response.status_code == {"/dashboard": 303, "/api/auth/error": 400}.get(path, 200), path
        assert "evil.example" not in response.text
        assert "javascript:" not in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/auth", "/api/auth/", "/api/auth/nonsense", "/api/auth/session/x", "/api/auth/csrf/development",
        "/api/auth/callback", "/api/auth/signin/a/b", "/api/auth/signout/development", "/api/auth/webauthn-options", "/API/auth/session",
    ],
)  # fmt: skip
def test_a_path_that_is_not_an_action_is_not_found(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404


def test_an_unsupported_method_is_405_with_an_allow_header(browser: Browser) -> None:
    paths = {route.path for route in routes(browser.app, "GET", "POST") if route.path.startswith("/api/auth/")}
    for path in paths:
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "NONSENSE"):
            response = browser.client.open(path, method=method, base_url=ORIGIN)
            assert response.status_code == 405, (method, path)
            assert set(response.headers["Allow"].split(", ")) >= {"OPTIONS"}


@pytest.mark.parametrize("action", ["csrf", "providers", "error", "verify-request"])
def test_a_post_to_a_read_only_action_is_405(browser: Browser, action: str) -> None:
    assert browser.post(f"/api/auth/{action}").status_code == 405


def test_head_is_get_without_the_body(browser: Browser) -> None:
    for route in routes(browser.app, "GET"):
        if not route.is_dev_provider and route.endpoint != "genkan_actions.callback":
            got = browser.client.get(route.path, base_url=ORIGIN)
            head = browser.client.head(route.path, base_url=ORIGIN)
            assert (head.status_code, head.data) == (got.status_code, b""), route


def test_a_double_slash_redirects_a_get_and_is_404_for_a_post(browser: Browser) -> None:
    """A 308 would make the browser send the POST again."""
    read, written = browser.get("/api/auth//session"), browser.post("/api/auth//signout")

    assert (read.status_code, read.headers["Location"]) == (308, f"{ORIGIN}/api/auth/session")
    assert written.status_code == 404


def test_the_application_can_replace_the_built_in_pages(make_app: MakeApp) -> None:
    """With `pages` set, the built-in pages redirect there and pass on the error and the callback URL."""
    app = make_app()
    extension = app.extensions["genkan"]
    pages = type(extension.core.pages)(sign_in="/in?x=1", sign_out="/out", error="/oops", verify_request="/mail")
    extension.core = replace(extension.core, pages=pages)
    browser = Browser(app)

    locations = [browser.get(f"{page}?callbackUrl=/y&error=AccessDenied").headers["Location"] for page in PAGES]
    assert locations == [
        f"{ORIGIN}/in?x=1&callbackUrl=http%3A%2F%2F127.0.0.1%3A5000%2Fy&error=AccessDenied",
        f"{ORIGIN}/out",
        f"{ORIGIN}/oops?error=AccessDenied&callbackUrl=%2Fy",
        f"{ORIGIN}/mail?callbackUrl=%2Fy&error=AccessDenied",
    ]
    with_reason = browser.get(
        "/api/auth/error?error=Configuration&reason=expired&purpose=link&callbackUrl=/account?a=1&x=y"
    )
    assert with_reason.headers["Location"] == (
        f"{ORIGIN}/oops?error=Configuration&reason=expired&purpose=link&callbackUrl=%2Faccount%3Fa%3D1"
    )
    foreign = browser.get("/api/auth/error?error=Configuration&callbackUrl=https://evil.example/")
    assert foreign.headers["Location"] == f"{ORIGIN}/oops?error=Configuration&callbackUrl=%2F"
    assert browser.get("/api/auth/error").headers["Location"] == f"{ORIGIN}/oops?error="


def test_a_head_request_does_not_use_up_the_callback(browser: Browser) -> None:
    """Link checkers send HEAD before the user follows the link."""
    callback_url = browser.choose(browser.begin_sign_in().headers["Location"])

    assert browser.client.head(callback_url.removeprefix(ORIGIN), base_url=ORIGIN).status_code == 405
    assert browser.get(callback_url).headers["Location"] == f"{ORIGIN}/dashboard"
    assert browser.session() is not None


@pytest.mark.parametrize(
    ("sign_in_page", "location"), [("/in", "/in?error=MissingCSRF"), ("/in?lang=de", "/in?lang=de&error=MissingCSRF")]
)
def test_a_csrf_error_redirects_to_the_application_s_page_and_keeps_its_query(
    make_app: MakeApp, sign_in_page: str, location: str
) -> None:
    app = make_app()
    extension = app.extensions["genkan"]
    extension.core = replace(extension.core, pages=Pages(sign_in=sign_in_page))
    browser = Browser(app)
    browser.csrf_token()

    assert browser.post("/api/auth/signin/development").headers["Location"] == f"{ORIGIN}{location}"


def test_after_a_failed_link_the_next_url_does_not_claim_success(browser: Browser) -> None:
    page = browser.get(
        "/api/auth/error",
        query_string={"error": "Configuration", "purpose": "link", "callbackUrl": "/account?notice=linked"},
    )

    assert 'href="/account"' in page.text
    assert "notice=linked" not in page.text


@pytest.mark.parametrize("odd", [7, True, ["/about"], {"path": "/about"}, None])
def test_a_callback_url_that_is_not_text_is_ignored(
    browser: Browser, odd: object, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not passed to the redirect callback either, whose failures are logged."""
    fields = {"csrfToken": browser.csrf_token(), "callbackUrl": odd}
    started = browser.post("/api/auth/signin/development?callbackUrl=/dashboard", json=fields)

    assert browser.get(browser.choose(started.headers["Location"])).headers["Location"] == f"{ORIGIN}/dashboard"
    assert "redirect callback failed" not in caplog.messages
