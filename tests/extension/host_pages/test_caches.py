"""Caches keep nothing that depends on the user, whatever the application does to its responses."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response, send_from_directory

from genkan import Genkan, auth, login_required
from tests.browser import Browser
from tests.extension.conftest import MakeGuest, add_views
from tests.extension.test_first_use import browser_of
from tests.extension.test_settings import SECRET

PRIVATE_PAGES = (
    "/greeting",
    "/genkan/account",
    "/genkan/menu",
    "/api/auth/session",
    "/api/auth/csrf",
    "/api/auth/signin",
)


def set_public(response: Response) -> Response:
    """Let caches keep the response for five minutes, as an application with public pages only does."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def name_user(response: Response) -> Response:
    """Add the user's name to the response."""
    session = auth()
    response.headers["X-User"] = session.user.name or "" if session else "-"
    return response


def app_with_hook(folder: Path, hook: object, *, is_first: bool) -> Flask:
    """Return an application whose `after_request` function is registered before Genkan is added, or after that."""
    app = Flask("guest", root_path=str(folder), instance_path=str(folder / "instance"))
    app.testing = True
    if is_first:
        app.after_request(hook)  # type: ignore[type-var]
    Genkan(app)
    if not is_first:
        app.after_request(hook)  # type: ignore[type-var]
    add_views(app)
    return app


@pytest.mark.parametrize("is_first", [True, False])
def test_a_hook_that_makes_each_response_public_does_not_make_a_private_one_public(
    tmp_path: Path, is_first: bool
) -> None:
    browser = browser_of(app_with_hook(tmp_path, set_public, is_first=is_first))
    browser.sign_in()
    for path in PRIVATE_PAGES:
        assert "no-store" in browser.get(path).headers["Cache-Control"]
    assert browser.get("/").headers["Cache-Control"] == "public, max-age=300"
    assert "max-age" in browser.get("/genkan/static/css/menu.css").headers["Cache-Control"]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_hook_may_ask_for_the_session(tmp_path: Path, is_first: bool) -> None:
    browser = browser_of(app_with_hook(tmp_path, name_user, is_first=is_first))
    signed_out = browser.get("/")
    assert (signed_out.headers["X-User"], signed_out.headers["Vary"]) == ("-", "Cookie")
    browser.sign_in()
    signed_in = browser.get("/")
    assert (signed_in.headers["X-User"], signed_in.headers["Cache-Control"]) == ("Hana Example", "private, no-store")


@pytest.fixture(name="with_files")
def _with_files(tmp_path: Path) -> Browser:
    """Return the browser of an application that lets caches keep files for an hour, and has closed and open ones."""
    app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"), static_folder=None)
    app.testing, app.config["SEND_FILE_MAX_AGE_DEFAULT"] = True, 3600
    accounts = Genkan(app)
    for name in ("reports", "theme"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text("text")
        files = Blueprint(name, name, root_path=str(tmp_path), static_folder=name, static_url_path=f"/{name}")
        app.register_blueprint(accounts.protect(files) if name == "reports" else files)

    @app.get("/static/<name>", endpoint="static")
    @login_required
    def download(name: str) -> Response:
        return send_from_directory(tmp_path / "reports", name)

    return browser_of(app)


def test_files_that_need_a_session_are_private(with_files: Browser) -> None:
    """A shared cache would give them to everyone."""
    for path in ("/reports/file.txt", "/static/file.txt"):
        assert with_files.get(path).headers["Vary"] == "Cookie"
    with_files.sign_in()
    for path in ("/reports/file.txt", "/static/file.txt"):
        response = with_files.get(path)
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "private, no-store")
        assert "Cookie" in response.headers["Vary"]


def test_other_files_stay_public(with_files: Browser) -> None:
    with_files.sign_in()
    response = with_files.get("/theme/file.txt")
    assert (response.headers["Cache-Control"], response.headers.get("Vary")) == ("public, max-age=3600", None)


def test_only_a_strict_application_forces_https_for_its_whole_host(make_guest: MakeGuest) -> None:
    """The header is about every page of the host and of the hosts below it, for two years."""
    origin = "https://shop.example"
    for strict, expected in ((False, None), (True, "max-age=63072000; includeSubDomains")):
        client = make_guest({"AUTH_URL": origin}, strict=strict, database=None, AUTH_SECRET=SECRET).test_client()
        for path in ("/api/auth/session", "/api/auth/signin", "/genkan/menu", "/genkan/static/css/menu.css"):
            response = client.get(path, base_url=origin)
            assert (response.status_code, response.headers.get("Strict-Transport-Security")) == (200, expected)
