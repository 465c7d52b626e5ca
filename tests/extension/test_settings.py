"""Settings of an application that adds Genkan: their sources, their defaults, and when they are checked."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask import Flask
from flask.cli import routes_command
from flask_sqlalchemy import SQLAlchemy

from genkan import Genkan, check
from genkan.errors import ConfigurationError
from genkan.web.state import get_state
from tests.databases import adapter_in, new_database, store_in
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
OTHER_SECRET = "Another9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk"


def origin_of(app: Flask) -> str:
    return get_state(app).core.origin


def test_a_keyword_counts_more_than_the_configuration_and_that_than_the_environment(
    make_guest: MakeGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_URL", "http://localhost:1001")
    assert origin_of(make_guest()) == "http://localhost:1001"
    config = {"AUTH_URL": "http://localhost:1002"}
    assert origin_of(make_guest(config)) == "http://localhost:1002"
    assert origin_of(make_guest(config, AUTH_URL="http://localhost:1003")) == "http://localhost:1003"


def test_an_empty_variable_counts_as_unset(make_guest: MakeGuest) -> None:
    assert origin_of(browser_of(make_guest(AUTH_URL="", AUTH_SECRET="")).app) == "http://localhost"


def test_other_variables_are_not_read(make_guest: MakeGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL and the like belong to the application."""
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    monkeypatch.setenv("PORT", "nonsense")
    assert browser_of(make_guest({"REDIS_URL": "nonsense"})).get("/greeting").status_code == 200


def test_the_database_and_the_redis_have_names_of_their_own(make_guest: MakeGuest) -> None:
    app = make_guest(GENKAN_DATABASE_URL="nonsense")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        check(app)


def test_a_strong_secret_key_is_enough_in_production(make_guest: MakeGuest) -> None:
    app = make_guest({"SECRET_KEY": SECRET}, testing=False, AUTH_URL="https://shop.example")
    check(app)
    core = get_state(app).core
    assert core.secure
    assert list(core.providers) == []


def test_fallbacks_of_the_secret_key_open_older_sessions(make_guest: MakeGuest) -> None:
    browser = browser_of(make_guest({"SECRET_KEY": SECRET}))
    browser.sign_in()
    rotated = browser_of(make_guest({"SECRET_KEY": OTHER_SECRET, "SECRET_KEY_FALLBACKS": [SECRET]}))
    rotated.client.set_cookie("authjs.session-token", browser.cookie("authjs.session-token") or "")
    assert rotated.session() is not None


@pytest.mark.parametrize(
    ("config", "variable"),
    [({}, "AUTH_SECRET"), ({"SECRET_KEY": "weak"}, "AUTH_SECRET"), ({"AUTH_SECRET": SECRET}, "AUTH_URL")],
)
def test_a_missing_setting_in_production_is_named_by_check(
    make_guest: MakeGuest, config: dict[str, object], variable: str
) -> None:
    url = {} if variable == "AUTH_URL" else {"AUTH_URL": "https://shop.example"}
    app = make_guest({**config, **url, "GENKAN_ENV": "production"}, testing=False)
    with pytest.raises(ConfigurationError, match=variable) as raised:
        check(app)
    assert "weak" not in str(raised.value)


def test_a_server_that_starts_without_any_setting_is_no_development(make_guest: MakeGuest) -> None:
    """There is no request that would show what kind of server it is."""
    with pytest.raises(ConfigurationError, match="AUTH_URL"):
        check(make_guest({"SECRET_KEY": SECRET}, testing=False))


def test_flask_s_own_server_is_development_with_a_loopback_url(make_guest: MakeGuest) -> None:
    werkzeug = {"SERVER_SOFTWARE": "Werkzeug/3.1"}
    for url, expected in (("http://localhost", 200), ("https://shop.example", 503)):
        client = make_guest(testing=False, AUTH_URL=url).test_client()
        assert client.get("/api/auth/session", environ_base=werkzeug).status_code == expected


def test_without_a_check_a_bad_setting_is_503_where_the_session_is_asked_for_and_the_rest_works(
    make_guest: MakeGuest, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_guest({"AUTH_URL": "https://shop.example"}, testing=False)
    client = app.test_client()
    assert client.get("/").status_code == 200
    with caplog.at_level(logging.ERROR, "genkan"):
        assert client.get("/greeting").status_code == 503
        assert client.get("/api/auth/session").status_code == 503
    assert "AUTH_SECRET" in caplog.text


def test_commands_that_need_no_setting_run_without_any(make_guest: MakeGuest) -> None:
    app = make_guest({"GENKAN_ENV": "production"}, testing=False)
    result = app.test_cli_runner().invoke(routes_command)
    assert result.exit_code == 0
    assert "/api/auth/session" in result.output
    assert app.test_cli_runner().invoke(args=["genkan", "secret"]).exit_code == 0


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Genkan\(strikt=…\): there is no such setting"):
        Genkan(Flask("guest"), strikt=True)


def test_one_object_can_serve_several_applications(tmp_path: Path) -> None:
    accounts = Genkan(AUTH_URL="http://localhost:2001")
    one, other = (Flask(name, instance_path=str(tmp_path)) for name in ("one", "other"))
    for app in (one, other):
        app.testing = True
    accounts.init_app(one)
    accounts.init_app(other, AUTH_URL="http://localhost:2002")
    assert (origin_of(one), origin_of(other)) == ("http://localhost:2001", "http://localhost:2002")


def test_scopes_are_a_keyword_by_provider(make_guest: MakeGuest) -> None:
    guest = make_guest(AUTH_GOOGLE_ID="id", AUTH_GOOGLE_SECRET="secret", scope={"google": "calendar"})
    guest.test_client().get("/greeting")
    assert guest.extensions["genkan"].core.providers["google"].scope == "openid profile email calendar"


def test_an_application_can_have_another_store(make_guest: MakeGuest) -> None:
    database = new_database()
    guest = make_guest(adapter=adapter_in(database), session_store=store_in(database))
    browser = browser_of(guest)
    browser.sign_in(callback_url="/")
    assert browser.get("/greeting").text == "Hello Hana Example"
    assert [user.email for user in adapter_in(database).list_users()] == ["hana@example.com"]
    assert not (Path(guest.instance_path) / "genkan.db").exists()
    store_in(database).revoke_everyone()
    browser.core.sessions.revocations.read_now()
    assert browser.get("/greeting").text == "Hello stranger"


def test_a_store_of_users_is_enough(make_guest: MakeGuest) -> None:
    browser = browser_of(make_guest(adapter=adapter_in(new_database())))
    browser.sign_in(callback_url="/")
    assert browser.get("/genkan/account").status_code == 200
    browser.sign_out()
    assert browser.session() is None


@pytest.mark.parametrize("more", [{"database": "sqlite:///shop.db"}, {"db": SQLAlchemy()}])
def test_a_store_beside_a_database_is_refused(make_guest: MakeGuest, more: dict[str, object]) -> None:
    guest = make_guest(adapter=adapter_in(new_database()), **more)
    with pytest.raises(ConfigurationError, match="adapter="):
        check(guest)


def test_a_store_of_sessions_alone_is_refused(make_guest: MakeGuest) -> None:
    guest = make_guest(session_store=store_in(new_database()))
    with pytest.raises(ConfigurationError, match="adapter= is missing"):
        check(guest)


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [({}, 1), ({"GENKAN_DATABASE_URL": "sqlite:///{folder}/instance/genkan.db"}, 0), ({"database": None}, 0)],
)
def test_the_default_database_in_production_is_one_warning(
    make_guest: MakeGuest,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str | None],
    warnings: int,
) -> None:
    values = {name: value and value.format(folder=tmp_path) for name, value in settings.items()}
    guest = make_guest(testing=False, AUTH_URL="https://shop.example", AUTH_SECRET=SECRET, **values)
    for _ in range(2):
        guest.test_client().get("/greeting")
    found = [record for record in caplog.records if "GENKAN_DATABASE_URL" in record.getMessage()]
    assert [record.levelno for record in found] == [logging.WARNING] * warnings
