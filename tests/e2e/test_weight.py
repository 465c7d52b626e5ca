"""Size of everything that a browser with an empty cache loads for the dashboard."""

from __future__ import annotations

import logging

from playwright.sync_api import Response

from tests.e2e.browser_window import BrowserWindow
from tests.e2e.page_actions import load

_log = logging.getLogger(__name__)

MAX_BYTES = 19_000
"""Sum of all compressed response bodies."""


def fetched_for(window: BrowserWindow, path: str) -> dict[str, Response]:
    """Return the responses that came over the network for a page, by URL, without those from the cache."""
    responses: list[Response] = []
    page = window.context.new_page()
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108 (Playwright sets an attribute on the handler)
    load(page, path)
    return {response.url.removeprefix(window.origin): response for response in responses if size(response) > 0}


def size(response: Response) -> int:
    return response.request.sizes()["responseBodySize"]


def test_the_dashboard_with_all_it_needs_weighs_at_most_19_kb(window: BrowserWindow) -> None:
    window.sign_in()
    fetched = fetched_for(window, "/dashboard")
    headers = sum(response.request.sizes()["responseHeadersSize"] for response in fetched.values())
    bodies = sum(size(response) for response in fetched.values())
    for path, response in fetched.items():
        _log.info("%6d bytes  %s", size(response), path)
        assert size(response) == int(response.headers["content-length"])
        encoding = "br" if "/vendor/" in path else "gzip"
        assert size(response) < 1000 or response.headers["content-encoding"] == encoding
    _log.info("%6d bytes together, and %d of headers", bodies, headers)

    assert len(fetched) == 6  # page, style sheet, script, htmx, logo, profile picture
    assert bodies <= MAX_BYTES


def test_a_second_load_fetches_no_static_file(window: BrowserWindow) -> None:
    window.sign_in()
    fetched_for(window, "/dashboard")

    assert [
        path for path in fetched_for(window, "/dashboard") if path.startswith(("/static/", "/genkan/static/"))
    ] == []
