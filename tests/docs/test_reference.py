"""The reference lists what the code has, and nothing else: settings, names, templates, commands, events, tables, URLs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from blinker import NamedSignal
from flask import Flask, template_rendered
from jinja2 import Template
from sqlalchemy import MetaData

import genkan
from genkan import Genkan, signals
from genkan.adapters.own_users import UserHooks
from genkan.adapters.sessions import ActivityKind, RevocationReason
from genkan.adapters.sqlalchemy.tables import create_tables
from genkan.cli.genkan_group import create_group
from genkan.core import Pages
from genkan.http.cookies import CookieNames
from genkan.options import INTERNAL, Options
from genkan.providers.registry import PROVIDERS
from genkan.settings import environment
from genkan.settings.environment import ROOT
from genkan.settings.urls import CA_BUNDLES
from genkan.testing import plugin
from genkan.web import error_messages
from genkan.web.menu import TemplateFunctions
from tests.browser import Browser
from tests.email.mails import link, mails
from tests.passkeys.ceremonies import add_passkey, stored_id
from tests.second_factor.steps import use_second_factor

Row = list[str]
MODULES = {path: ast.parse(path.read_text()) for path in (ROOT / "genkan").rglob("*.py")}


def read(name: str) -> str:
    return (ROOT / "docs/reference" / name).read_text()


def rows(document: str, head: str) -> list[Row]:
    """Return the cells of every table of the document whose first column has this head."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", document, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in table.splitlines()]
        if lines[0][0] == head:
            found += lines[2:]
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def names(document: str, head: str) -> list[str]:
    return [name for row in rows(document, head) for name in code(row[0])]


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Flask:
    app = Flask("documented", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.testing = True
    Genkan(app, AUTH_PASSWORDS="on", AUTH_PASSKEYS="on", AUTH_TOTP="on")
    return app


def read_settings() -> set[str]:
    """Return the variables that are text in the code of the package, without those of single providers."""
    texts = {node.value for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    found = {
        text for text in texts if isinstance(text, str) and re.fullmatch(r"(AUTH|GENKAN)_[A-Z0-9_]*[A-Z0-9]", text)
    }
    of_server = set(re.findall(r"GENKAN_[A-Z_]+", (ROOT / "deploy/serve.py").read_text()))
    return (found | of_server | set(environment._SHORT_NAMES)) - {"AUTH_DEVELOPMENT_SIGN_OUT"}


def test_each_setting_that_the_code_reads_is_listed_and_no_other() -> None:
    listed = names(read("settings.md"), "setting")
    providers = {name for name in listed if "<PROVIDER>" in name}
    kinds = environment.PROVIDER_VARIABLE.pattern.partition("_(")[2].partition(")")[0].split("|")
    assert providers == {f"AUTH_<PROVIDER>_{kind}" for kind in kinds}
    assert set(listed) - providers == read_settings() - {*CA_BUNDLES[1:]}
    assert all(name in read("settings.md") for name in CA_BUNDLES)
    assert len(listed) == len(set(listed))


def test_each_keyword_and_field_of_pages_is_listed() -> None:
    assert names(read("settings.md"), "keyword") == [
        name for name in names(read("settings.md"), "keyword") if name in Options.__slots__
    ]
    assert {*names(read("settings.md"), "keyword")} == {field.name for field in fields(Options)} - INTERNAL
    assert {*names(read("settings.md"), "field")} == {field.name for field in fields(Pages)}


def test_each_public_name_is_documented_from_its_docstring() -> None:
    directives = re.findall(r"^\.\. (?:auto\w+|py:data):: ([\w.]+)", read("python.md"), re.MULTILINE)
    assert {name for name in directives if "." not in name} == set(genkan.__all__)
    members = set(re.search(r"autoclass:: Genkan\n   :members: (.*)", read("python.md"))[1].split(", "))  # type: ignore[index]
    public = {name for name, value in inspect.getmembers(Genkan) if not name.startswith("_")}
    assert members == public


def test_each_function_for_templates_is_listed() -> None:
    functions = {name for name in vars(TemplateFunctions) if not name.startswith("_")}
    assert set(re.findall(r"^\| .*`genkan\.(\w+)\(", read("templates.md"), re.MULTILINE)) <= functions
    assert set(re.findall(r"`genkan\.(\w+)\(", read("templates.md"))) == functions


def use_mail_and_passwords(app: Flask, signed_in: Browser) -> None:
    """Let every page and every mail of sign-in by mail and by password be rendered."""
    account, address, password = "/genkan/account", "kei@example.com", "three green lanterns at noon"
    new, other = Browser(app), Browser(app)
    new.submit("/api/auth/signin/email", email="ema@example.com")
    assert other.get(link(mails(app)[0])).status_code == 200
    new.submit(f"{account}/sign-up", email=address, password=password)
    assert other.get(link(mails(app)[0])).status_code == 200
    for path in ("/api/auth/verify-request", f"{account}/sign-up", f"{account}/reset"):
        assert new.get(path).status_code == 200, path
    new.get(link(mails(app)[0]))
    for path in (f"{account}/address", f"{account}/password"):
        assert new.get(path).status_code == 200, path
    new.submit(f"{account}/address", email="kei2@example.com")
    assert new.get(link(mails(app)[0])).status_code == 200
    signed_in.submit(f"{account}/address", email=address)
    other.submit(f"{account}/sign-up", email=address, password=password)
    other.submit(f"{account}/reset", email=address)
    other.get(link(mails(app)[0]))
    assert other.get(f"{account}/reset/new").status_code == 200
    new.submit(f"{account}/password", current_password=password, password="seven quiet rivers under snow")
    use_second_factor(new, other, account, address)


def test_each_template_gets_the_context_that_is_listed(app: Flask) -> None:
    contexts: dict[str, set[str]] = {}

    @template_rendered.connect_via(app)
    def remember(_: Flask, template: Template, context: dict[str, Any]) -> None:
        name = str(template.name).removeprefix("genkan/")
        contexts.setdefault(name, set()).update(context.keys() - {"g", "request", "session", "genkan"})

    app.test_client().get("/api/auth/session")
    browser = Browser(app)
    browser.get("/api/auth/signin")
    browser.sign_in()
    for path in ("/api/auth/signout", "/api/auth/error?error=AccessDenied", "/genkan/menu", "/genkan/account"):
        assert browser.get(path).status_code in {200, 403}, path
    use_mail_and_passwords(app, browser)
    id = stored_id(add_passkey(browser).id)
    assert browser.get("/genkan/account/passkeys").status_code == 200
    browser.submit("/genkan/account/passkeys/remove", id=id)
    listed = {
        name: set(code(re.sub(r"\(.*?\)", "", row[1]))) - {"session"}
        for head in ("template", "template of a mail")
        for row in rows(read("templates.md"), head)
        for name in code(row[0])
    }
    in_folder = {f"mail/{path.name}" for path in (ROOT / "genkan/web/templates/genkan/mail").glob("[!_]*")}
    assert {name for name in listed if name.startswith("mail/")} == in_folder
    assert all((ROOT / "genkan/web/templates/genkan" / name).is_file() for name in listed)
    for name in listed.keys() - {"layout.html", "menu_links.html", "menu.html"}:
        assert listed[name] <= contexts[name], name
    blocks = re.findall(r"{%-? block (\w+)", (ROOT / "genkan/web/templates/genkan/layout.html").read_text())
    assert listed["layout.html"] == set(blocks)


def test_each_signal_is_listed() -> None:
    assert {*names(read("signals.md"), "signal")} == {
        name for name, value in vars(signals).items() if isinstance(value, NamedSignal)
    }
    assert {*names(read("signals.md"), "reason of a revocation")} == set(get_args(RevocationReason))


def test_each_entry_of_the_activity_is_listed() -> None:
    assert {*names(read("account-page.md"), "entry")} == set(get_args(ActivityKind))


def commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_each_command_with_its_arguments_and_options_is_listed() -> None:
    known = dict(commands(create_group(), ""))
    listed = [name.removeprefix("flask genkan ") for name in names(read("commands.md"), "command")]
    assert sorted(name.replace(" menu", "") for name in listed) == sorted(known)
    parameters = {
        (parameter.opts[0] if isinstance(parameter, click.Option) else str(parameter.name).upper(), name)
        for name, command in known.items()
        for parameter in command.params
    }
    table = rows(read("commands.md"), "argument or option")
    assert {(name, command) for row in table for name in code(row[0]) for command in code(row[1])} == parameters


def test_each_cookie_is_listed() -> None:
    table = rows(read("cookies.md"), "cookie")
    for secure, column in ((False, 0), (True, 1)):
        known = CookieNames.of(secure=secure)
        expected = {getattr(known, name) + ("…" if name.endswith("_prefix") else "") for name in known.__slots__}
        assert {name for row in table for name in code(row[column])} == expected


def test_each_table_is_listed_with_its_columns() -> None:
    tables = create_tables(MetaData())
    table = rows(read("tables.md"), "table")
    listed = {code(row[0])[0]: code(row[2])[: len(code(row[2]))] for row in table}
    known = {table.name: [column.name for column in table.columns] for table in tables}
    assert {name: set(columns) - {"sid", "application_user_id"} for name, columns in listed.items()} == {
        name: set(columns) for name, columns in known.items()
    }


def log_events() -> dict[str, tuple[set[str], set[str]]]:
    """Return level and attributes of each event in the code."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for tree in MODULES.values():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Dict):
                continue
            items = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if isinstance(event := items.get("event"), ast.Constant):
                levels, attributes = found.setdefault(str(event.value), (set(), set()))
                attributes |= {str(key) for key in items} - {"event"}
                # The record is written by the same call, or by the next one below the dictionary.
                later = [call for call in calls if call.func.attr in LEVELS and call.end_lineno >= node.lineno]  # type: ignore[attr-defined, operator]
                levels.add(min(later, key=lambda call: call.lineno).func.attr if later else "warning")  # type: ignore[attr-defined]
    return found


LEVELS = {"debug", "info", "warning", "error"}


def test_each_event_of_the_log_is_listed_with_level_and_attributes() -> None:
    listed = {
        name: (set(row[1].split(", ")), set(code(row[3]) if len(row) > 3 else ()))
        for row in rows(read("log-events.md"), "event")
        for name in code(row[0])
    }
    assert listed == log_events()


def test_each_route_is_listed_with_its_methods(app: Flask) -> None:
    known: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        blueprint, _, _ = rule.endpoint.partition(".")
        if blueprint.startswith("genkan_") and blueprint != "genkan_development":
            account = "/genkan/account/mailbox" if blueprint == "genkan_mailbox" else "/genkan/account"
            path = rule.rule.removeprefix("/api/auth").removeprefix(account)
            known.setdefault(path, set()).update((rule.methods or set()) - {"HEAD", "OPTIONS"})
    listed: dict[str, set[str]] = {}
    for head in ("route", "route below the account page", "route below the mailbox"):
        for row in rows(read("urls.md"), head):
            for path in code(row[0]) or [""]:
                listed.setdefault(path, set()).update(row[1].split(", "))
    assert listed == known


def test_each_error_is_listed_with_its_status() -> None:
    for head, known in (("reason", error_messages._BY_REASON), ("code", error_messages._BY_CODE)):
        listed = {code(row[0])[0]: int(row[1]) for row in rows(read("urls.md"), head)}
        assert listed.pop("Configuration", 400) == 400
        assert listed == {name: message.status for name, message in known.items()}


def test_each_provider_is_listed_with_what_it_is_asked() -> None:
    def row(provider: Any) -> Row:
        asked = [f"{name}={value}" for name, value in provider.reauthentication_params.items()]
        sent = "none" if provider.type == "oauth" else "required" if provider.supports_max_age else "checked if sent"
        return [f"`{provider.id}`", provider.name, *asked, *(["max_age"] if provider.supports_max_age else []), sent]

    listed = [[*cells[:2], *code(cells[3]), cells[4]] for cells in rows(read("providers.md"), "id")]
    assert listed == [row(provider) for provider in PROVIDERS]
    for cells, provider in zip(rows(read("providers.md"), "id"), PROVIDERS, strict=True):
        can_have_issuer = provider.requires_issuer or provider.allows_custom_issuer
        assert (provider.variable("ISSUER") in code(cells[2])) is can_have_issuer


def test_each_fixture_is_listed() -> None:
    known = {name for name, value in vars(plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"}
    assert {*names(read("testing.md"), "fixture")} == known


def test_each_hook_is_a_method() -> None:
    assert {field.name for field in fields(UserHooks)} - {"existing_user_providers"} <= set(dir(Genkan))
