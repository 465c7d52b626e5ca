"""`flask genkan doctor`: findings with a remedy, an exit status for scripts, and no secret in the output."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from genkan import Genkan, csrf_exempt, login_required, public
from genkan.cli import doctor
from genkan.cli.genkan_group import create_group
from genkan.providers.registry import PROVIDERS
from genkan.settings.environment import ROOT
from tests.extension.conftest import MakeGuest

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
UNREACHABLE = "postgresql://user:db-password@127.0.0.1:1/none"
PRODUCTION: dict[str, object] = {
    "AUTH_SECRET": SECRET,
    "AUTH_URL": "https://shop.example",
    "AUTH_GITHUB_ID": "id-of-client",
    "AUTH_GITHUB_SECRET": "github-client-secret",
}


def run(app: Flask, *command: str) -> Result:
    return app.test_cli_runner().invoke(args=["genkan", *(command or ("doctor",))])


def findings(result: Result, level: str) -> list[str]:
    return [line.removeprefix(f"{level}: ") for line in result.output.splitlines() if line.startswith(f"{level}: ")]


@pytest.fixture(name="production")
def _production(make_guest: MakeGuest) -> Flask:
    """Return an application that is ready for production."""
    app = make_guest(PRODUCTION, testing=False)
    assert run(app, "upgrade").exit_code == 0
    return app


def test_an_application_that_is_ready_has_no_error(production: Flask) -> None:
    result = run(production)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "Mode: production",
        "Origin: https://shop.example",
        "Secret: from AUTH_SECRET",
        "GitHub: register https://shop.example/api/auth/callback/github",
        (
            "hint: Routes: 2 with an unsafe method need no session, such as /order. `flask genkan routes` lists them. "
            "@login_required closes a view, and @public marks one as open."
        ),
        "no errors",
    ]


def test_without_any_setting_it_is_development_without_errors(guest: Flask) -> None:
    result = run(guest)
    assert result.exit_code == 0
    assert "Origin: that of the first request, because AUTH_URL is not set" in result.output
    assert f"Secret: from the file {guest.instance_path}/genkan.secret" in result.output
    assert (Path(guest.instance_path) / "genkan.secret").read_text() not in result.output
    assert [hint.partition(":")[0] for hint in findings(result, "hint")] == [
        "SECRET_KEY",
        "AUTH_URL",
        "AUTH_DEVELOPMENT_PROVIDER",
        "Cookies",
        "Routes",
    ]
    assert "GENKAN_COOKIE_PREFIX" in result.output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AUTH_SECRET": None}, "AUTH_SECRET: it is not set."),
        ({"AUTH_SECRET": "short-secret"}, "AUTH_SECRET: it is shorter than 32 bytes."),
        ({"AUTH_URL": "http://shop.example"}, "AUTH_URL: it is http, which is not encrypted. Use https."),
        ({"AUTH_GITHUB_SECRET": None}, "GitHub is incomplete"),
        ({"AUTH_SESSION_MAX_AGE": "a-month"}, "AUTH_SESSION_MAX_AGE: it is not a whole number"),
        ({"GENKAN_DATABASE_URL": "nonsense"}, "GENKAN_DATABASE_URL: it has no scheme."),
        ({"GENKAN_DATABASE_URL": UNREACHABLE}, ""),
        ({"AUTH_GITHUB_ID": None, "AUTH_GITHUB_SECRET": None}, "AUTH_<PROVIDER>_ID: no provider is set"),
    ],
)
def test_what_keeps_sign_in_from_working_is_an_error_with_its_remedy(
    make_guest: MakeGuest, changes: dict[str, object], message: str
) -> None:
    config = {name: value for name, value in {**PRODUCTION, **changes}.items() if value is not None}
    app = make_guest(config, testing=False)
    if "GENKAN_DATABASE_URL" not in changes and "AUTH_GITHUB_ID" in changes:
        run(app, "upgrade")
    result = run(app)
    assert result.exit_code == 1
    (error,) = findings(result, "error")
    assert error.startswith(message)
    assert "2 with an unsafe method" in result.output, "the checks that need no settings run, too"
    secrets = [str(value) for name, value in config.items() if "SECRET" in name or "MAX_AGE" in name]
    assert not [secret for secret in (*secrets, "db-password") if secret in result.output]


def test_tables_that_are_missing_are_an_error(make_guest: MakeGuest) -> None:
    app = make_guest(PRODUCTION, testing=False)
    result = run(app)
    assert result.exit_code == 1
    assert "earlier release. Run `flask genkan upgrade`" in findings(result, "error")[0]


def test_the_output_has_source_and_weakness_of_the_secret_but_not_its_value(make_guest: MakeGuest) -> None:
    derived = run(make_guest({"SECRET_KEY": SECRET}))
    assert "Secret: from SECRET_KEY" in derived.output
    weak = run(make_guest({"SECRET_KEY": "a-weak-key"}))
    assert "SECRET_KEY: it is shorter than 32 bytes." in findings(weak, "hint")[0]
    short = run(make_guest({"AUTH_SECRET": "a-weak-secret"}))
    assert findings(short, "warning")[0].startswith("AUTH_SECRET: it is shorter than 32 bytes.")
    for value, result in ((SECRET, derived), ("a-weak-key", weak), ("a-weak-secret", short)):
        assert value not in result.output


def test_urls_to_register_include_the_return_after_signing_out(make_guest: MakeGuest) -> None:
    github = next(provider for provider in PROVIDERS if provider.id == "github")
    acme = replace(github, id="acme", name="Acme", rp_initiated_logout=True)
    result = run(make_guest(PRODUCTION, testing=False, providers=(acme,)))
    for line in (
        "Acme: register https://shop.example/api/auth/callback/acme",
        "/api/auth/signout/return for the return",
    ):
        assert line in result.output


def test_warnings_of_the_settings_are_findings(make_guest: MakeGuest) -> None:
    app = make_guest(AUTH_GOGLE_ID="1", AUTH_DEVELOPMENT_PROVIDER="on")
    warnings = findings(run(app), "warning")
    assert "AUTH_GOGLE_ID: no provider here has this variable. Is AUTH_GOOGLE_ID meant?" in warnings
    assert [line for line in warnings if "other computers of a private network" in line]


def test_production_on_loopback_is_a_warning(make_guest: MakeGuest) -> None:
    app = make_guest({**PRODUCTION, "AUTH_URL": "http://localhost:8000", "GENKAN_ENV": "production"}, testing=False)
    assert "AUTH_URL: only this computer can open it." in run(app).output


def test_a_copied_template_lags_when_the_original_has_changed(production: Flask) -> None:
    assert run(production, "template", "menu").exit_code == 0
    assert findings(run(production), "warning") == []
    copy = Path(production.root_path) / "templates/genkan/menu.html"
    copy.write_text(copy.read_text().replace(copy.read_text()[10:22], "0123456789ab", 1))
    (warning,) = findings(run(production), "warning")
    assert warning.startswith("genkan/menu.html: the original has changed since it was copied.")
    assert run(production).exit_code == 0


def test_views_that_are_marked_are_not_counted(make_guest: MakeGuest) -> None:
    app = Flask("marked", instance_path=make_guest().instance_path)
    app.testing = True
    Genkan(app)
    app.post("/a")(login_required(lambda: ""))
    app.post("/b", endpoint="b")(public(lambda: ""))
    assert "Routes:" not in run(app).output
    app.post("/c", endpoint="c")(csrf_exempt(lambda: ""))
    assert "Routes: 1 with an unsafe method need no session, such as /c." in run(app).output


def test_a_strict_application_has_no_open_routes(make_guest: MakeGuest) -> None:
    assert "Routes:" not in run(make_guest(strict=True)).output


def test_each_check_is_a_function_that_can_be_added(guest: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = doctor.Finding("error", "Roof: it leaks.", "Mend it.")
    monkeypatch.setattr(doctor, "CHECKS", (*doctor.CHECKS, lambda _: [finding]))
    result = run(guest)
    assert result.exit_code == 1
    assert findings(result, "error") == ["Roof: it leaks. Mend it."]


NEEDS_A_USER = ("users role", "users disable", "users enable", "users delete", "sessions end")


def test_the_commands_of_the_documentation_run(production: Flask) -> None:
    table = re.findall(
        r"^\| `flask genkan ([a-z ]+)` \|", (ROOT / "docs/reference/commands.md").read_text(), re.MULTILINE
    )
    assert {command.split()[0] for command in table} == create_group().commands.keys()
    complete = [command for command in table if not command.startswith(NEEDS_A_USER)]
    assert len(complete) > 6
    for command in complete:
        assert run(production, *command.split()).exit_code == 0


@pytest.mark.parametrize("setting", ["SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME"])
def test_a_cookie_of_the_application_with_a_name_of_ours_is_an_error(production: Flask, setting: str) -> None:
    production.config[setting] = "__Secure-authjs.session-token"
    result = run(production)
    assert result.exit_code == 1
    assert findings(result, "error") == [
        f"{setting}: it is the name of a cookie of Genkan. Give one of them another name."
    ]
