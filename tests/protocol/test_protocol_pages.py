"""The rest of the wire protocol: signing out, the pages, errors, and what the doors do not answer."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from genkan.core import Pages
from tests.browser import HTMX, Browser
from tests.conftest import ORIGIN, MakeApp
from tests.routes import addresses

GONE = "authjs.session-token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
PAGES = ["/api/auth/signin", "/api/auth/signout", "/api/auth/error", "/api/auth/verify-request"]


def test_signing_out_deletes_the_session_cookie_and_leads_to_the_way_back_by_303(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.submit("/api/auth/signout", callbackUrl="/about")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/about")
    assert GONE in answer.headers.getlist("Set-Cookie")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert browser.session() is None


def test_signing_out_nobody_leads_the_same_way_and_deletes_nothing(browser: Browser) -> None:
    answer = browser.submit("/api/auth/signout")

    assert (answer.status_code, answer.headers["Location"]) == (303, ORIGIN)
    assert GONE not in answer.headers.getlist("Set-Cookie")


def test_signing_out_without_the_token_leads_to_the_sign_in_page_and_signs_nobody_out(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.post("/api/auth/signout", data={"csrfToken": "wrong"})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ORIGIN}/api/auth/signin?error=MissingCSRF")
    assert browser.session() is not None


def test_a_client_that_signs_out_by_script_learns_the_url(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.submit("/api/auth/signout", headers={"X-Auth-Return-Redirect": "1"}, callbackUrl="/about")

    assert (answer.status_code, answer.get_json()) == (200, {"url": f"{ORIGIN}/about"})
    assert answer.headers["Location"] == f"{ORIGIN}/about"
    assert GONE in answer.headers.getlist("Set-Cookie")


def test_htmx_gets_the_signed_out_menu_and_the_event_instead_of_a_redirect(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.submit("/api/auth/signout", headers=HTMX)

    assert answer.status_code == 200
    assert 'data-status="unauthenticated"' in answer.text
    assert answer.headers["HX-Trigger"] == '{"session-changed": {"target": "body"}}'
    assert GONE in answer.headers.getlist("Set-Cookie")


def test_htmx_starts_a_sign_in_by_204_since_a_script_cannot_follow_a_redirect(browser: Browser) -> None:
    answer = browser.submit("/api/auth/signin/development", headers=HTMX)

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["HX-Redirect"].startswith(f"{ORIGIN}/development/authorize?")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/api/auth/signin", "/api/auth/signout"])
def test_the_pages_of_coming_and_going_hold_a_form_with_the_browsers_token(browser: Browser, path: str) -> None:
    if path.endswith("signout"):
        browser.sign_in()
    html = browser.get(f"{path}?callbackUrl=/dashboard").text
    token = re.search(r'name="csrfToken" value="([0-9a-f]{128})"', html)

    assert 'name="callbackUrl" value="/dashboard"' in html
    assert token is not None
    answer = browser.post("/api/auth/signout", data={"csrfToken": token[1], "callbackUrl": "/about"})
    assert answer.headers["Location"] == f"{ORIGIN}/about"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Configuration", 400), ("AccessDenied", 403), ("Verification", 403), ("OAuthAccountNotLinked", 400),
        ("OAuthCallbackError", 400), ("MissingCSRF", 403), ("Anything", 400), ("", 400), ("<script>", 400),
        ("Configuration&reason=unavailable", 503), ("Configuration&reason=storage", 503), ("Configuration&reason=x", 400),
    ],
)  # fmt: skip
def test_an_error_page_tells_of_each_code_in_our_words_and_never_as_500(
    browser: Browser, code: str, status: int
) -> None:
    answer = browser.get(f"/api/auth/error?error={code}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert ("Retry-After" in answer.headers) is (status == 503)
    assert "Try again" in answer.text
    assert "<script>" not in answer.text


def test_the_sign_in_page_tells_of_an_error_above_the_buttons(browser: Browser) -> None:
    answer = browser.get("/api/auth/signin?error=OAuthCallbackError&reason=declined")

    assert answer.status_code == 400
    assert "The sign-in was cancelled" in answer.text
    assert "Sign in with" in answer.text


@pytest.mark.parametrize(
    "cookie", ["javascript:alert(1)", "https://evil.example/", "nonsense", "%", '"https%3A', "\x7f", "x" * 3000]
)
def test_a_bad_callback_url_cookie_is_ignored(browser: Browser, cookie: str) -> None:
    """Auth.js answers 500 on every door until the cookie goes away."""
    for path in ("/api/auth/session", "/api/auth/csrf", "/api/auth/providers", *PAGES, "/", "/dashboard"):
        browser.client.set_cookie("authjs.callback-url", cookie, domain="127.0.0.1")
        answer = browser.get(path)

        assert answer.status_code == {"/dashboard": 303, "/api/auth/error": 400}.get(path, 200), path
        assert "evil.example" not in answer.text
        assert "javascript:" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/auth", "/api/auth/", "/api/auth/nonsense", "/api/auth/session/x", "/api/auth/csrf/development",
        "/api/auth/callback", "/api/auth/signin/a/b", "/api/auth/signout/development", "/api/auth/webauthn-options", "/API/auth/session",
    ],
)  # fmt: skip
def test_what_is_no_action_is_not_found(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404


def test_every_method_that_a_door_does_not_have_is_405_and_says_which_it_has(browser: Browser) -> None:
    doors = {address.path for address in addresses(browser.app, "GET", "POST") if address.path.startswith("/api/auth/")}
    for path in doors:
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "NONSENSE"):
            answer = browser.client.open(path, method=method, base_url=ORIGIN)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) >= {"OPTIONS"}


@pytest.mark.parametrize("action", ["csrf", "providers", "error", "verify-request"])
def test_a_post_to_an_action_that_only_tells_is_405(browser: Browser, action: str) -> None:
    assert browser.post(f"/api/auth/{action}").status_code == 405


def test_head_is_get_without_the_body(browser: Browser) -> None:
    for address in addresses(browser.app, "GET"):
        if not address.is_development and address.endpoint != "auth.callback":
            got = browser.client.get(address.path, base_url=ORIGIN)
            head = browser.client.head(address.path, base_url=ORIGIN)
            assert (head.status_code, head.data) == (got.status_code, b""), address


def test_slashes_too_many_lead_a_reader_home_and_a_writer_nowhere(browser: Browser) -> None:
    """A 308 would have the browser post once more (R4)."""
    read, written = browser.get("/api/auth//session"), browser.post("/api/auth//signout")

    assert (read.status_code, read.headers["Location"]) == (308, f"{ORIGIN}/api/auth/session")
    assert written.status_code == 404


def test_the_providers_own_pages_may_take_the_place_of_ours(make_app: MakeApp) -> None:
    """With `pages` set, the built-in ones lead there and take error and way back along."""
    app = make_app()
    house = app.extensions["genkan"]
    own = type(house.options.pages)(sign_in="/in?x=1", sign_out="/out", error="/oops", verify_request="/mail")
    house.options = replace(house.options, pages=own)
    browser = Browser(app)

    locations = [browser.get(f"{page}?callbackUrl=/y&error=AccessDenied").headers["Location"] for page in PAGES]
    assert locations == [
        f"{ORIGIN}/in?x=1&callbackUrl=http%3A%2F%2F127.0.0.1%3A5000%2Fy&error=AccessDenied",
        f"{ORIGIN}/out",
        f"{ORIGIN}/oops?error=AccessDenied&callbackUrl=%2Fy",
        f"{ORIGIN}/mail?callbackUrl=%2Fy&error=AccessDenied",
    ]
    told = browser.get("/api/auth/error?error=Configuration&reason=expired&purpose=link&callbackUrl=/account?a=1&x=y")
    assert told.headers["Location"] == (
        f"{ORIGIN}/oops?error=Configuration&reason=expired&purpose=link&callbackUrl=%2Faccount%3Fa%3D1"
    )
    elsewhere = browser.get("/api/auth/error?error=Configuration&callbackUrl=https://evil.example/")
    assert elsewhere.headers["Location"] == f"{ORIGIN}/oops?error=Configuration&callbackUrl=%2F"
    assert browser.get("/api/auth/error").headers["Location"] == f"{ORIGIN}/oops?error="


def test_looking_at_a_callback_does_not_use_up_the_sign_in(browser: Browser) -> None:
    """A link checker's HEAD comes before the person."""
    back = browser.choose(browser.begin_sign_in().headers["Location"])

    assert browser.client.head(back.removeprefix(ORIGIN), base_url=ORIGIN).status_code == 405
    assert browser.get(back).headers["Location"] == f"{ORIGIN}/dashboard"
    assert browser.session() is not None


@pytest.mark.parametrize(
    ("own", "way"), [("/in", "/in?error=MissingCSRF"), ("/in?lang=de", "/in?lang=de&error=MissingCSRF")]
)
def test_a_refusal_leads_to_the_application_s_own_page_and_keeps_its_query(
    make_app: MakeApp, own: str, way: str
) -> None:
    app = make_app()
    house = app.extensions["genkan"]
    house.options = replace(house.options, pages=Pages(sign_in=own))
    browser = Browser(app)
    browser.csrf_token()

    assert browser.post("/api/auth/signin/development").headers["Location"] == f"{ORIGIN}{way}"


def test_after_a_link_that_failed_the_way_on_does_not_tell_that_it_succeeded(browser: Browser) -> None:
    page = browser.get(
        "/api/auth/error",
        query_string={"error": "Configuration", "purpose": "link", "callbackUrl": "/account?notice=linked"},
    )

    assert 'href="/account"' in page.text
    assert "notice=linked" not in page.text


@pytest.mark.parametrize("odd", [7, True, ["/about"], {"path": "/about"}, None])
def test_a_way_back_that_is_no_text_is_none(browser: Browser, odd: object, caplog: pytest.LogCaptureFixture) -> None:
    """It is not even shown to the application's callback, whose failures stand in the log."""
    fields = {"csrfToken": browser.csrf_token(), "callbackUrl": odd}
    begun = browser.post("/api/auth/signin/development?callbackUrl=/dashboard", json=fields)

    assert browser.get(browser.choose(begun.headers["Location"])).headers["Location"] == f"{ORIGIN}/dashboard"
    assert "redirect callback failed" not in caplog.messages
