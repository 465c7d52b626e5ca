"""The dashboard is light: everything it takes, for a browser that has seen nothing of it before."""

from __future__ import annotations

import logging

from playwright.sync_api import Response

from tests.e2e.browser_window import BrowserWindow, load

_log = logging.getLogger(__name__)

MOST = 20_000
"""Bytes of all bodies as they come over the wire, packed."""


def fetched_for(window: BrowserWindow, path: str) -> dict[str, Response]:
    """Everything fetched over the wire to show a page, by address; what the browser had already is not in it."""
    answers: list[Response] = []
    page = window.context.new_page()
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 (Playwright marks what it is given)
    load(page, path)
    return {answer.url.removeprefix(window.origin): answer for answer in answers if size(answer) > 0}


def size(answer: Response) -> int:
    return answer.request.sizes()["responseBodySize"]


def test_the_dashboard_with_all_it_needs_weighs_at_most_20_kb(window: BrowserWindow) -> None:
    window.sign_in()
    fetched = fetched_for(window, "/dashboard")
    headers = sum(answer.request.sizes()["responseHeadersSize"] for answer in fetched.values())
    bodies = sum(size(answer) for answer in fetched.values())
    for path, answer in fetched.items():
        _log.info("%6d bytes  %s", size(answer), path)
        assert size(answer) == int(answer.headers["content-length"])
        assert size(answer) < 1000 or answer.headers["content-encoding"] == "gzip"
    _log.info("%6d bytes together, and %d of headers", bodies, headers)

    assert len(fetched) == 6  # page, style, script, htmx, the house's mark, the person's picture
    assert bodies <= MOST


def test_a_second_look_fetches_the_page_and_nothing_that_stays_the_same(window: BrowserWindow) -> None:
    window.sign_in()
    fetched_for(window, "/dashboard")

    assert [
        path for path in fetched_for(window, "/dashboard") if path.startswith(("/static/", "/genkan/static/"))
    ] == []
