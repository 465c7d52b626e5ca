"""Mistakes of an application that adds Genkan are reported, with the names that it has to change."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from genkan import Genkan, check
from genkan.callbacks import SessionParams
from genkan.errors import ConfigurationError
from genkan.types import Session
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of
from tests.extension.test_settings import SECRET


def test_a_route_that_the_application_has_too_is_a_warning(
    make_guest: MakeGuest, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_guest({"GENKAN_STATIC_PATH": "/static"}, database=None)
    app.add_url_rule("/api/auth/signin", "login", lambda: "own", methods=["POST"])
    app.add_url_rule("/api/auth/callback/<name>/", "callback", lambda name: name)
    app.add_url_rule("/api/auth/<path:rest>", "rest", lambda rest: rest, methods=["GET", "POST"])
    app.add_url_rule("/api/auth/signin", "form", lambda: "own", methods=["PUT"])
    browser_of(app)
    records = [record.getMessage() for record in caplog.records if "never reached" in record.getMessage()]
    assert len(records) == 1
    routes = "GET /api/auth/callback/<name>/, GET /static/<path:filename>, POST /api/auth/signin:"
    assert records[0].startswith(routes)


def test_the_other_routes_of_an_application_are_none(make_guest: MakeGuest, caplog: pytest.LogCaptureFixture) -> None:
    browser_of(make_guest(database=None))
    browser_of(make_guest(database=None, pages=False))
    browser_of(make_guest(database=None, strict=True))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_setting_that_comes_too_late_is_a_warning(make_guest: MakeGuest, caplog: pytest.LogCaptureFixture) -> None:
    app = make_guest({"GENKAN_MENU_PATH": "/menu"}, database=None)
    app.config.update(GENKAN_BASE_PATH="/auth", GENKAN_TRUSTED_PROXY_HOPS=1, GENKAN_MENU_PATH="/menu", AUTH_URL="")
    result = app.test_cli_runner().invoke(args=["genkan", "doctor"])
    assert "warning: GENKAN_BASE_PATH, GENKAN_TRUSTED_PROXY_HOPS: set after Genkan was added" in result.output


def test_genkan_is_added_once(make_guest: MakeGuest) -> None:
    app = make_guest(database=None)
    with pytest.raises(ConfigurationError, match="it has been added to this application already"):
        Genkan(app)
    assert app.test_client().get("/api/auth/session").json is None


def test_a_factory_may_register_its_callbacks_each_time(tmp_path: Path) -> None:
    accounts = Genkan()

    def create_app(number: int) -> Flask:
        app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.testing = True
        accounts.init_app(app, database=None)

        @accounts.session
        def session(params: SessionParams) -> Session:
            return replace(params.session, user=replace(params.session.user, name=f"user of {number}"))

        return app

    for number in (1, 2):
        browser = browser_of(create_app(number))
        browser.sign_in()
        assert (browser.session() or {})["user"]["name"] == f"user of {number}"
    with pytest.raises(ConfigurationError, match="registered after the first request"):
        accounts.session(lambda params: params.session)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GENKAN_DATABASE_URL", "nonsense"),
        ("GENKAN_DATABASE_URL", "mysql://localhost/shop"),
        ("GENKAN_REDIS_URL", "nonsense"),
        ("GENKAN_TRUSTED_PROXY_HOPS", "many"),
    ],
)
def test_an_error_names_the_variable_that_the_package_reads(make_guest: MakeGuest, name: str, value: str) -> None:
    """DATABASE_URL and the like are the application's own, so correcting them would not help."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        check(make_guest({name: value}, AUTH_SECRET=SECRET))


def test_error_pages_with_the_menu_are_shown_while_a_setting_is_invalid(
    make_guest: MakeGuest, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_guest({"AUTH_URL": "nonsense", "TESTING": False, "PROPAGATE_EXCEPTIONS": True}, testing=False)
    page = "{{ user_menu() }}{{ auth().user.name if auth() else 'error page' }}"
    app.add_url_rule("/page", "page", lambda: render_template_string(page))

    @app.errorhandler(Exception)
    def show_error(error: Exception) -> tuple[str, int]:
        return render_template_string(page), getattr(error, "code", 500)

    client = app.test_client()
    for path, status in (("/no-such-page", 404), ("/page", 503), ("/greeting", 503), ("/api/auth/signin", 503)):
        response = client.get(path)
        assert (response.status_code, response.text) == (status, "error page")
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (len(records), {record.name for record in records}) == (3, {"genkan.settings"})
