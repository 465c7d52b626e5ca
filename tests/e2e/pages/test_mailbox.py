"""The mailbox of development in a browser: new mails, a mail's links, narrow windows, and no JavaScript."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import expect

from genkan.email.mailbox import Mailbox
from genkan.email.message import Mail
from tests.e2e.conftest import OpenWindow
from tests.e2e.page_actions import resize
from tests.e2e.test_accessibility import SERIOUS

HTML = """<!doctype html><html lang="en"><head><title>Sign in</title><style>p { color: #27497f }</style></head><body>
<p>Welcome</p><p id="script">none</p><script>document.getElementById("script").textContent = "ran"</script>
<a href="/">Sign in</a></body></html>"""
MAIL = Mail(to="hana@example.com", subject="Sign in " + "x" * 60, text="https://shop.example/" + "y" * 200, html=HTML)
BLOCKED = "Blocked script execution|postMessage"
"""Of the script in the mail, and of axe, which asks each frame for its violations."""


@pytest.fixture(name="mailbox")
def _mailbox(live_app: Flask) -> Mailbox:
    email = live_app.extensions["genkan"].core.email
    mailbox: Mailbox = email.mailbox
    return mailbox


def test_a_new_mail_appears_and_its_links_open_outside_the_sandbox(open_window: OpenWindow, mailbox: Mailbox) -> None:
    window = open_window()
    window.allow_errors(BLOCKED)
    page = window.open("/mailbox")
    expect(page.locator("#mailbox-mails")).to_have_text("No mail yet.")
    mailbox(MAIL)
    page.get_by_role("link", name="Sign in x").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#script")).to_have_text("none")
    expect(frame.get_by_text("Welcome")).to_have_css("color", "rgb(39, 73, 127)")
    with page.expect_popup() as popup:
        frame.get_by_role("link", name="Sign in").click()
    popup.value.wait_for_load_state()
    assert popup.value.url == f"{window.origin}/"
    assert popup.value.evaluate("[self.origin, opener]") == [window.origin, None]


def test_it_is_accessible_at_every_width_and_needs_no_javascript(open_window: OpenWindow, mailbox: Mailbox) -> None:
    mailbox(MAIL)
    window = open_window()
    window.allow_errors(BLOCKED)
    page = window.open("/mailbox")
    for path in ("/mailbox", f"/mailbox/{mailbox.list()[0].id}"):
        page.goto(path)
        page.evaluate(AXE_SCRIPT)
        for width in (320, 1280):
            resize(page, width)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate(SERIOUS) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    plain = open_window(java_script_enabled=False).context.new_page()
    plain.goto("/mailbox")
    plain.get_by_role("button", name="Empty the mailbox").click()
    expect(plain.locator("#mailbox-mails")).to_have_text("No mail yet.")
    assert mailbox.list() == []
