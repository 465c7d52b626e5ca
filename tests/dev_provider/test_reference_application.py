"""The application of this repository serves the pages of the development provider to a browser on this computer only."""

from __future__ import annotations

import pytest

from tests.browser import Browser

PAGES = ["/development/authorize", "/development/end-session"]
NOT_FOUND = 404


@pytest.mark.parametrize("server", ["Werkzeug/3.1", "gunicorn/23.0", None])
def test_the_browser_of_this_computer_signs_in(browser: Browser, server: str | None) -> None:
    if server is not None:
        browser.client.environ_base |= {"SERVER_SOFTWARE": server, "HTTP_CONNECTION": "keep-alive"}
    browser.sign_in()

    assert (browser.session() or {})["user"]["name"] == "Hana Example"


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_HOST": "app.example.com", "HTTP_X_FORWARDED_FOR": "203.0.113.7"},
        {"HTTP_HOST": "app.example.com"},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.7"},
        {"HTTP_FORWARDED": "for=203.0.113.7"},
        {"REMOTE_ADDR": "203.0.113.7"},
        {"SERVER_PROTOCOL": "HTTP/1.0"},
        {"SERVER_SOFTWARE": "Werkzeug/3.1", "HTTP_CONNECTION": "close"},
    ],
)
@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_served_through_a_tunnel_or_a_proxy(browser: Browser, environ: dict[str, str], path: str) -> None:
    assert browser.get(path).status_code != NOT_FOUND
    for method in (browser.get, browser.post):
        assert method(path, environ_overrides=environ).status_code == NOT_FOUND
    assert browser.get("/development/jwks", environ_overrides=environ).status_code == 200
