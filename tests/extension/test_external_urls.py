"""`url_for` builds external URLs with the origin of AUTH_URL in a strict application, and as Flask does in any other."""

from __future__ import annotations

import pytest
from flask import Flask, url_for

from genkan import public
from genkan.errors import ConfigurationError
from tests.extension.conftest import MakeGuest

SECRET = "tests-only-secret-that-protects-nothing-at-all"


@pytest.fixture(name="make_app")
def _make_app(make_guest: MakeGuest) -> MakeGuest:
    def make(*config: dict[str, object], **settings: object) -> Flask:
        app = make_guest(*config, AUTH_SECRET=SECRET, **settings)
        app.add_url_rule("/mail", "mail", public(lambda: url_for("mail", _external=True)))
        return app

    return make


@pytest.mark.parametrize("url", ["https://shop.example", "https://shop.example:8443", "https://shop.example/sub"])
def test_a_strict_application_has_the_origin_of_auth_url(make_app: MakeGuest, url: str) -> None:
    app = make_app(strict=True, AUTH_URL=url)
    client = app.test_client()

    for base_url in ("http://evil.example", "http://127.0.0.1:5000", "http://evil.example:1"):
        assert client.get("/mail", base_url=base_url).text == f"{url}/mail"
    assert client.get("/mail", base_url="http://evil.example/sub").text == f"{url.removesuffix('/sub')}/sub/mail"
    with app.app_context():
        assert url_for("mail") == f"{url}/mail"
    with app.test_request_context("/", base_url="http://evil.example"):
        app.preprocess_request()
        assert url_for("mail", _external=True) == f"{url}/mail"


def test_a_command_without_settings_runs_until_it_builds_a_url(make_guest: MakeGuest) -> None:
    app = make_guest(strict=True, AUTH_URL="https://shop.example")
    with app.app_context(), pytest.raises(ConfigurationError, match="AUTH_SECRET"):
        url_for("front")


def test_a_server_name_of_the_application_is_kept(make_app: MakeGuest) -> None:
    app = make_app({"SERVER_NAME": "own.example"}, strict=True, AUTH_URL="https://shop.example")

    assert app.test_client().get("/mail").text == "http://own.example/mail"
    with app.app_context():
        assert url_for("mail") == "http://own.example/mail"


def test_any_other_application_is_left_alone(make_app: MakeGuest) -> None:
    app = make_app(AUTH_URL="https://shop.example")

    assert app.test_client().get("/mail", base_url="http://other.example").text == "http://other.example/mail"
    with app.app_context(), pytest.raises(RuntimeError, match="SERVER_NAME"):
        url_for("mail")


def test_forms_may_lead_to_the_other_origins_of_the_site(make_guest: MakeGuest) -> None:
    """Browsers check `form-action` against the redirects that answer a form."""
    app = make_guest(AUTH_URLS="http://localhost:8000", GENKAN_ERROR_URL="http://localhost:9000/failed")
    policy = app.test_client().get("/api/auth/signin").headers["Content-Security-Policy"]

    assert policy.endswith("; form-action 'self' http://localhost:8000 http://localhost:9000")
