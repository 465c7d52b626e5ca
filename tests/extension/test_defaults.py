"""In an application that adds Genkan, nothing of its own changes. `strict=True` changes that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Blueprint, Flask, stream_template_string
from flask_login import LoginManager

from genkan import auth
from genkan.settings.environment import ROOT
from tests.browser import Browser
from tests.extension.conftest import PAGE, MakeGuest
from tests.extension.test_first_use import browser_of

GZIP = {"Accept-Encoding": "gzip"}


def test_views_are_open_and_forms_need_no_token(guest: Flask) -> None:
    client = guest.test_client()
    assert client.get("/").text == PAGE
    assert client.post("/order").text == "ordered by a guest"
    assert client.options("/order").status_code == 200
    assert client.get("/no-such-page").status_code == 404


def test_strict_closes_views_and_forms(make_guest: MakeGuest) -> None:
    client = make_guest(strict=True).test_client()
    assert client.get("/").status_code == 303
    assert client.post("/order").status_code == 403


def test_own_responses_get_no_header_and_are_not_compressed(guest: Flask, make_guest: MakeGuest) -> None:
    response = guest.test_client().get("/", headers=GZIP)
    assert {name for name, _ in response.headers} == {"Content-Type", "Content-Length"}
    assert response.text == PAGE
    strict = make_guest(strict=True).test_client().get("/api/auth/signin", headers=GZIP)
    assert strict.headers["Content-Encoding"] == "gzip"


def test_the_package_s_own_pages_have_its_headers(guest: Flask) -> None:
    assert "Content-Security-Policy" in guest.test_client().get("/api/auth/signin").headers


def test_a_view_that_asks_for_the_session_is_not_kept_by_a_shared_cache(guest: Flask) -> None:
    browser = browser_of(guest)
    signed_out = browser.get("/greeting")
    assert (signed_out.headers["Vary"], signed_out.headers.get("Cache-Control")) == ("Cookie", None)
    browser.sign_in()
    signed_in = browser.get("/greeting")
    assert (signed_in.headers["Vary"], signed_in.headers["Cache-Control"]) == ("Cookie", "private, no-store")
    assert "Cache-Control" not in browser.get("/").headers


def test_a_streamed_page_that_asks_in_its_body_is_not_kept_by_a_shared_cache(guest: Flask) -> None:
    """The headers are sent before the body asks."""
    guest.add_url_rule("/stream", "stream", lambda: stream_template_string("{{ auth().user.name if auth() else '-' }}"))
    browser = browser_of(guest)
    assert "Cache-Control" not in browser.get("/stream").headers
    browser.sign_in()
    page = browser.get("/stream")
    assert page.text == "Hana Example"
    assert (page.headers["Vary"], page.headers["Cache-Control"]) == ("Cookie", "private, no-store")


@pytest.mark.parametrize("kept", ["no-store", "private, max-age=60"])
def test_a_cache_control_that_is_private_already_is_kept(guest: Flask, kept: str) -> None:
    @guest.after_request
    def set_header(response):  # type: ignore[no-untyped-def]
        response.headers["Cache-Control"] = kept
        return response

    browser = browser_of(guest)
    browser.sign_in()
    assert browser.get("/greeting").headers["Cache-Control"] == kept


def test_a_body_is_not_read_before_the_view(make_guest: MakeGuest) -> None:
    """So that a view can raise its own limit."""
    guest = make_guest({"MAX_CONTENT_LENGTH": 1000})
    assert guest.test_client().post("/upload", data=b"x" * 100_000).text == "100000"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "Hana Example"),
        ({"Origin": "http://localhost"}, "Hana Example"),
        ({"Sec-Fetch-Site": "same-origin"}, "Hana Example"),
        ({"Sec-Fetch-Site": "none"}, "Hana Example"),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, "Hana Example"),
        ({"Origin": "https://evil.example"}, "a guest"),
        ({"Origin": "null"}, "a guest"),
        ({"Sec-Fetch-Site": "cross-site"}, "a guest"),
        ({"Sec-Fetch-Site": "same-site"}, "a guest"),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, "Hana Example"),
    ],
)
def test_a_request_that_another_site_caused_has_no_session(
    guest: Flask, headers: dict[str, str], expected: str
) -> None:
    browser = browser_of(guest)
    browser.sign_in()
    assert browser.post("/order", headers=headers).text == f"ordered by {expected}"


def test_static_files_stay_as_they_are_when_a_hook_asks_for_the_session(guest: Flask, tmp_path: Path) -> None:
    for folder in ("static", "theme"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "style.css").write_text("p {}")
    theme = Blueprint("theme", "theme", root_path=str(tmp_path), static_folder="theme", static_url_path="/theme")
    guest.register_blueprint(theme)

    @guest.before_request
    def ask() -> None:
        auth()

    browser = browser_of(guest)
    browser.sign_in()
    for path in ("/static/style.css", "/theme/style.css"):
        assert browser.get(path).headers["Cache-Control"] == "no-cache"
        assert {"Vary", "Set-Cookie"} & set(browser.get(path).headers.keys()) == set()
    assert browser.get("/").headers["Cache-Control"] == "private, no-store"


def test_a_refusal_is_json_for_a_client_that_accepts_json_only(guest: Flask) -> None:
    response = guest.test_client().get("/private", headers={"Accept": "application/json"})
    assert (response.status_code, response.get_json()) == (401, {"error": "Unauthorized"})


def test_nothing_of_the_neighbours_is_taken_over(guest: Flask) -> None:
    manager = LoginManager(guest)
    manager.user_loader(lambda _: None)
    guest.jinja_env.globals["csrf_token"] = lambda: "of Flask-WTF"
    guest.jinja_env.filters["utc"] = guest.jinja_env.globals["provider_icon"] = str
    browser_of(guest).get("/api/auth/signin")
    assert guest.jinja_env.filters["utc"] is guest.jinja_env.globals["provider_icon"] is str
    assert all(name.startswith("genkan") for name in guest.blueprints)
    assert guest.extensions.keys() == {"genkan"}
    assert guest.login_manager is manager  # type: ignore[attr-defined]  # set by Flask-Login
    assert guest.jinja_env.globals["csrf_token"]() == "of Flask-WTF"  # type: ignore[operator]


def test_the_forms_of_the_package_work_with_another_csrf_token_global(guest: Flask) -> None:
    guest.jinja_env.globals["csrf_token"] = lambda: "of Flask-WTF"
    browser = browser_of(guest)
    assert "of Flask-WTF" not in browser.get("/api/auth/signin").text
    browser.sign_in()
    assert browser.session() is not None


def test_two_applications_share_nothing(make_guest: MakeGuest) -> None:
    one, other = make_guest(AUTH_SECRET="a" * 20 + "bcdefghijkl"), make_guest(AUTH_SECRET="z" * 20 + "bcdefghijkl")
    browser = browser_of(one)
    browser.sign_in()
    foreign = browser_of(other)
    foreign.client.set_cookie("authjs.session-token", browser.cookie("authjs.session-token") or "")
    assert foreign.session() is None


def test_the_reference_application_is_strict() -> None:
    assert "Genkan(strict=True, " in (ROOT / "blueprints/auth.py").read_text()


def test_the_account_page_needs_a_session_and_a_token(guest: Flask) -> None:
    browser = browser_of(guest)
    assert browser.get("/genkan/account").status_code == 303
    browser.sign_in()
    assert browser.get("/genkan/account").status_code == 200
    assert browser.post("/genkan/account/name", data={"name": "x"}).status_code == 403


def test_browser_fixture(guest: Flask) -> None:
    assert isinstance(browser_of(guest), Browser)


def test_no_logger_of_the_application_or_of_a_library_is_changed(guest: Flask) -> None:
    """A host's own configuration of logging decides, in a process that had none before."""
    script = (
        "import logging\n"
        "import alembic.config, sqlalchemy, requests, urllib3, authlib, werkzeug\n"
        "def state():\n"
        "    loggers = [logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))]\n"
        "    return {one.name: (one.level, len(one.handlers), one.propagate) for one in loggers}\n"
        "from flask import Flask\n"
        "before = state()\n"
        "from genkan import Genkan\n"
        f"app = Flask('guest', instance_path={guest.instance_path!r})\n"
        "app.testing = True\n"
        "Genkan(app)\n"
        "app.test_client().get('/api/auth/session')\n"
        "after = state()\n"
        "assert {name: after[name] for name in before} == before\n"
        "assert not [name for name, found in after.items() if name.startswith('genkan') and found != (0, 0, True)]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
