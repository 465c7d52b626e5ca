"""The mailbox of development: its pages, its JSON, and who gets them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from genkan import Genkan
from genkan.email.mailbox import MAX_MAILS, Mailbox
from genkan.email.message import Mail
from genkan.web.state import get_state
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp

JSON = {"Accept": "application/json"}
EVIL = "<script>alert(1)</script><img src=https://evil.example/pixel>"


def mailbox_of(app: Flask) -> Mailbox:
    email = get_state(app).core.email
    assert email is not None
    assert email.mailbox is not None
    return email.mailbox


def browser_of(app: Flask) -> Browser:
    """Return a browser on this computer that asks Werkzeug's server."""
    browser = Browser(app)
    browser.client.environ_base |= {"SERVER_SOFTWARE": "Werkzeug/3.1", "HTTP_CONNECTION": "keep-alive"}
    return browser


@pytest.fixture(name="mailbox")
def _mailbox(app: Flask) -> Mailbox:
    return mailbox_of(app)


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    return browser_of(app)


def mail(number: int = 1, *, html: str = EVIL) -> Mail:
    return Mail(to=f"hana{number}@example.com", subject=f"Sign in {number} {EVIL}", text=f"Open\n{EVIL}", html=html)


def test_mails_are_listed_newest_first_as_text(browser: Browser, mailbox: Mailbox) -> None:
    assert "No mail yet" in browser.get("/mailbox").get_data(as_text=True)
    mailbox(mail(1))
    mailbox(mail(2))
    page = browser.get("/mailbox").get_data(as_text=True)

    assert page.index("hana2@example.com") < page.index("hana1@example.com")
    assert EVIL not in page
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*src=)| style=| on\w+=", page)


def test_htmx_gets_the_list_only(browser: Browser, mailbox: Mailbox) -> None:
    mailbox(mail())
    fragment = browser.get("/mailbox", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert fragment.strip().startswith('<div id="mailbox-mails"')
    assert "hana1@example.com" in fragment


def test_one_mail_has_its_headers_and_both_texts(browser: Browser, mailbox: Mailbox) -> None:
    mailbox(mail())
    (received,) = mailbox.list()
    page = browser.get(f"/mailbox/{received.id}").get_data(as_text=True)

    assert "genkan@localhost" in page
    for text in ("hana1@example.com", "Sign in 1", "2026-11-18", "Open\n&lt;script&gt;"):
        assert text in page
    assert EVIL not in page
    assert re.search(rf'<iframe [^>]*sandbox="[^"]*" [^>]*src="/mailbox/{received.id}/html"', page)
    assert browser.get("/mailbox/other").status_code == browser.get("/mailbox/other/html").status_code == 404


@pytest.mark.parametrize(
    ("html", "sent"),
    [
        (EVIL, f'<base target="_blank">{EVIL}'),
        ("<!doctype html><html><head><title>x", '<!doctype html><html><head><base target="_blank"><title>x'),
        ('<HEAD lang="en"></HEAD>', '<HEAD lang="en"><base target="_blank"></HEAD>'),
        ("<header>x</header>", '<base target="_blank"><header>x</header>'),
    ],
)
def test_the_html_of_a_mail_runs_and_loads_nothing(browser: Browser, mailbox: Mailbox, html: str, sent: str) -> None:
    mailbox(mail(html=html))
    response = browser.get(f"/mailbox/{mailbox.list()[0].id}/html")

    assert response.get_data(as_text=True) == sent
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert policy == [
        "sandbox allow-popups allow-popups-to-escape-sandbox",
        *("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "frame-ancestors 'self'"),
    ]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"


def test_programs_get_json(browser: Browser, mailbox: Mailbox, clock: FrozenClock) -> None:
    mailbox(mail())
    (entry,) = browser.get("/mailbox", headers=JSON).get_json()
    assert entry == {
        "id": mailbox.list()[0].id,
        "to": "hana1@example.com",
        "from": "genkan@localhost",
        "subject": f"Sign in 1 {EVIL}",
        "text": f"Open\n{EVIL}",
        "html": EVIL,
        "sent": datetime.fromtimestamp(clock(), UTC).isoformat(),
    }


def test_it_is_emptied_with_the_token_of_a_form_only(browser: Browser, mailbox: Mailbox) -> None:
    mailbox(mail())
    assert browser.post("/mailbox/empty").status_code == 403
    assert len(mailbox.list()) == 1
    assert browser.submit("/mailbox/empty").headers["Location"] == "/mailbox"
    assert browser.get("/mailbox", headers=JSON).get_json() == []


def test_the_last_fifty_mails_are_kept(mailbox: Mailbox) -> None:
    for number in range(MAX_MAILS + 2):
        mailbox(mail(number))
    assert [received.mail.to for received in mailbox.list()] == [
        f"hana{number}@example.com" for number in range(MAX_MAILS + 1, 1, -1)
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_HOST": "app.example.com"},
        *({name: "203.0.113.7"} for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "REMOTE_ADDR")),
        {"SERVER_PROTOCOL": "HTTP/1.0"},
        {"HTTP_CONNECTION": "close"},
        {"REMOTE_ADDR": "172.17.0.1"},
    ],
)
def test_other_computers_and_proxies_get_404(browser: Browser, mailbox: Mailbox, environ: dict[str, str]) -> None:
    mailbox(mail())
    id = mailbox.list()[0].id
    for path in ("/mailbox", f"/mailbox/{id}", f"/mailbox/{id}/html"):
        assert browser.get(path).status_code == 200
        assert browser.get(path, environ_overrides=environ).status_code == 404
    assert browser.post("/mailbox/empty", environ_overrides=environ).status_code == 404


def test_a_private_address_is_admitted_if_that_is_wanted(make_app: MakeApp) -> None:
    """The published port of a container: the gateway connects."""
    gateway = {"REMOTE_ADDR": "172.17.0.1"}
    browser = browser_of(make_app(AUTH_DEVELOPMENT_PROVIDER="on"))
    assert browser.get("/mailbox", environ_overrides=gateway).status_code == 200
    assert browser.get("/mailbox", environ_overrides={"REMOTE_ADDR": "203.0.113.7"}).status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"AUTH_DEVELOPMENT_PROVIDER": "off"},
        {"AUTH_EMAIL_SERVER": "smtps://mail.example.com", "AUTH_EMAIL_FROM": "login@example.com"},
        {"GENKAN_ENV": "production", "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"},
    ],
)
def test_without_a_mailbox_there_is_no_page(make_app: MakeApp, settings: dict[str, str]) -> None:
    browser = browser_of(make_app(**settings))
    # A signed-out user is asked to sign in for a path that does not exist. The pages of the mailbox are public.
    assert {browser.get(path).status_code for path in ("/mailbox", "/mailbox/1", "/mailbox/1/html")} <= {303, 404}
    assert browser.post("/mailbox/empty").status_code in {303, 403, 404}


def test_it_works_in_an_application_that_is_not_strict(tmp_path: Path) -> None:
    app = Flask("shop", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.testing = True
    Genkan(app)
    client = app.test_client()
    assert "No mail yet" in client.get("/genkan/account/mailbox").get_data(as_text=True)
    mailbox = mailbox_of(app)
    mailbox(mail())

    page = client.get("/genkan/account/mailbox").get_data(as_text=True)
    (token,) = re.findall(r'name="csrfToken" value="([^"]+)"', page)
    assert f'href="/genkan/account/mailbox/{mailbox.list()[0].id}"' in page
    assert client.get(f"/genkan/account/mailbox/{mailbox.list()[0].id}").status_code == 200
    assert client.post("/genkan/account/mailbox/empty", data={"csrfToken": token}).status_code == 303
    assert mailbox.list() == []
