"""The Host header, and a prefix that a proxy passes on, may be forged."""

from __future__ import annotations

import pytest
from flask import render_template_string
from werkzeug.middleware.proxy_fix import ProxyFix

from genkan import auth
from tests.extension.conftest import MakeGuest
from tests.extension.test_settings import SECRET

PREFIXES = ("//evil.example", "https://evil.example", "/\\evil.example", "/a/../..//evil.example", '/"><b>')


@pytest.mark.parametrize("auth_url", ["https://shop.example", "http://localhost"])
def test_a_prefix_that_is_no_path_is_in_no_link(make_guest: MakeGuest, auth_url: str) -> None:
    """Flask's documentation trusts X-Forwarded-Prefix, and not every proxy removes what a client sends."""
    app = make_guest(AUTH_URL=auth_url, database=None, AUTH_SECRET=SECRET)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    client = app.test_client()
    for prefix in PREFIXES:
        headers = {"X-Forwarded-Prefix": prefix}
        refused = client.get("/private", base_url=auth_url, headers=headers)
        assert refused.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fprivate"
        for path in ("/api/auth/signin", "/genkan/menu", "/api/auth/error?error=AccessDenied"):
            page = client.get(path, base_url=auth_url, headers=headers).text
            assert ("evil.example" in page, "<b>" in page) == (False, False)


def test_a_prefix_that_is_a_path_counts(make_guest: MakeGuest) -> None:
    app = make_guest(AUTH_URL="http://localhost", database=None)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    refused = app.test_client().get("/private", headers={"X-Forwarded-Prefix": "/shop/"})
    assert refused.headers["Location"] == "/shop/api/auth/signin?callbackUrl=%2Fshop%2Fprivate"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_error_page_for_an_untrusted_host_may_have_the_menu(make_guest: MakeGuest, method: str) -> None:
    app = make_guest({"TRUSTED_HOSTS": ["shop.example"]}, database=None)

    @app.errorhandler(400)
    def bad_request(_error: object) -> tuple[str, int]:
        return render_template_string("refused {{ user_menu() }}") + str(auth()), 400

    for host in ("evil.example", "a b", "[::1", ""):
        headers = {"Host": host, "Origin": "null"}
        response = app.test_client().open("/order", method=method, headers=headers)
        assert (response.status_code, "refused" in response.text) == (400, True)


def test_the_sign_in_page_leads_to_the_address_at_which_a_sign_in_works(make_guest: MakeGuest) -> None:
    """The cookies of 127.0.0.1 and localhost are separate, and the form of the other address counts as another site's."""
    app = make_guest(testing=False, database=None)
    app.debug = True
    client, other = app.test_client(), "http://localhost:5000"
    client.get("/api/auth/csrf", base_url="http://127.0.0.1:5000")
    page = "/api/auth/signin?callbackUrl=%2Fprivate"
    assert client.get("/private", base_url=other).headers["Location"] == page
    moved = client.get(page, base_url=other)
    assert (moved.status_code, moved.headers["Location"]) == (307, f"http://127.0.0.1:5000{page}")
    assert client.get(page, base_url="http://127.0.0.1:5000").status_code == 200
    assert client.get("/", base_url=other).status_code == 200
    forwarded = client.get(page, base_url="http://localhost:8080")
    assert (forwarded.status_code, "set AUTH_URL=http://localhost:8080" in forwarded.text) == (421, True)
    # Next.js passes the page on to the address of Flask, and says which one the browser has opened.
    passed_on = client.get(page, base_url="http://127.0.0.1:8080", headers={"X-Forwarded-Host": "127.0.0.1:5000"})
    assert passed_on.status_code == 200
    elsewhere = client.get(page, base_url="http://127.0.0.1:8080", headers={"X-Forwarded-Host": "127.0.0.1:8080"})
    assert elsewhere.status_code == 421
