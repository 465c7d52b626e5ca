"""The command `flask genkan doctor`: what is wrong with an application's sign-in, and how to correct it.

A check is a function that yields findings. Add it to CHECKS, or to SETTINGS_CHECKS if it needs valid settings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from genkan.cli.group import leave_mails
from genkan.cli.routes import OPEN, find_routes
from genkan.cli.templates import find_replacements
from genkan.core import Core
from genkan.errors import AdapterError, ConfigurationError
from genkan.http.urls import is_loopback
from genkan.settings.environment import Settings
from genkan.settings.secrets import secret_weakness
from genkan.web.state import AppState, get_state

Level = Literal["error", "warning", "hint"]
"""An error keeps sign-in from working. A warning is likely a mistake. A hint is good to know."""

LEVELS: tuple[Level, ...] = ("error", "warning", "hint")


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check. No part of it contains the value of a secret."""

    level: Level
    problem: str
    remedy: str = ""
    """What to do. Empty if `problem` is the message of a ConfigurationError, which says it."""

    def __str__(self) -> str:
        """Return the finding as a line of `flask genkan doctor`."""
        return f"{self.level}: {self.problem} {self.remedy}".rstrip()


class Subject(NamedTuple):
    """Application whose settings are valid."""

    app: Flask
    state: AppState
    core: Core
    settings: Settings | None
    """None if the core was given."""

    @property
    def is_production(self) -> bool:
        """Return True unless the application is in development."""
        return not self.state.server_timing


@click.command()
@with_appcontext
def doctor() -> None:
    """Show how sign-in is set up, with the URLs to register, and what to correct.

    The exit status is 1 if there is an error, else 0.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (as Flask documents it)
    subject, findings = _build(app)
    if subject is not None:
        click.echo("\n".join(_facts(subject)))
        findings += (finding for check in SETTINGS_CHECKS for finding in check(subject))
    findings += (finding for check in CHECKS for finding in check(app))
    for finding in sorted(findings, key=lambda finding: LEVELS.index(finding.level)):
        click.echo(str(finding))
    errors = sum(finding.level == "error" for finding in findings)
    click.echo(f"{errors or 'no'} error{'' if errors == 1 else 's'}")
    if errors:
        raise click.exceptions.Exit(1)


def _build(app: Flask) -> tuple[Subject | None, list[Finding]]:
    """Return the application with what follows from its settings, and the warnings that they cause."""
    state = get_state(app)
    try:
        with _collected_warnings() as warnings:
            settings = state.read_settings() if state.read_settings else None
            core = state.core
            leave_mails(core)
    except ConfigurationError as error:
        return None, [Finding("error", str(error))]
    except AdapterError as error:
        return None, [Finding("error", _describe(error))]
    if settings is not None and not settings.production:
        warnings += settings.warnings
    return Subject(app, state, core, settings), [Finding("warning", warning) for warning in dict.fromkeys(warnings)]


def _describe(error: AdapterError) -> str:
    # Imported here, because an application without a database may lack SQLAlchemy.
    from genkan.adapters.sqlalchemy import describe_error  # noqa: PLC0415

    return describe_error(error)


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Yield a list to which the warnings that the package logs are added during the block."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("genkan")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


def _facts(subject: Subject) -> Iterator[str]:
    core, settings = subject.core, subject.settings
    yield f"Mode: {'production' if subject.is_production else 'development'}"
    is_of_request = settings is not None and settings.url_source == "request"
    yield f"Origin: {'that of the first request, because AUTH_URL is not set' if is_of_request else core.origin}"
    if settings is not None:
        yield f"Secret: from {settings.secret_source}"
    if core.passkeys is not None:
        yield f"Passkeys: bound to {core.passkeys.rp_id}, and lost if that changes"
    for provider in core.providers.values():
        if provider.id != "development":
            yield f"{provider.name}: register {core.action_url(f'/callback/{provider.id}')}"
        if provider.rp_initiated_logout and provider.id != "development":
            # Imported here, because every worker imports this module, and it needs the OAuth client.
            from genkan.oauth.logout import POST_LOGOUT_REDIRECT_PATH  # noqa: PLC0415

            yield f"{provider.name}: register {core.action_url(POST_LOGOUT_REDIRECT_PATH)} for the return after signing out"


def _check_secret(subject: Subject) -> Iterator[Finding]:
    settings, key = subject.settings, subject.app.config.get("SECRET_KEY")
    if settings is None or subject.is_production or not settings.secret_source.startswith("the file "):
        return
    weakness = secret_weakness(str(key)) if key else "it is not set"
    if weakness is not None:
        remedy = "For production set AUTH_SECRET, or a SECRET_KEY from which it is derived (flask genkan secret)."
        yield Finding("hint", f"SECRET_KEY: {weakness}.", remedy)


def _check_origin(subject: Subject) -> Iterator[Finding]:
    host = urlsplit(subject.core.origin).hostname
    if subject.is_production and is_loopback(host):
        remedy = "Set it to the URL that users open, such as https://app.example.com."
        yield Finding("warning", "AUTH_URL: only this computer can open it.", remedy)
    if subject.settings is not None and subject.settings.url_source != "AUTH_URL":
        remedy = "Set AUTH_URL to the URL that users open."
        yield Finding("hint", "AUTH_URL: it is not set, which production requires.", remedy)


def _check_providers(subject: Subject) -> Iterator[Finding]:
    providers = subject.core.providers
    if not providers:
        problem = "AUTH_<PROVIDER>_ID: no provider is set, so users can't sign in."
        remedy = "Set one, and AUTH_<PROVIDER>_SECRET with it, or AUTH_DEVELOPMENT_PROVIDER=on in development."
        yield Finding("error", problem, remedy)
    if "development" in providers:
        yield Finding(
            "hint",
            "AUTH_DEVELOPMENT_PROVIDER: the development provider is on and signs in any user without a password.",
            "It is off in production. Set it to off to see the sign-in page without it.",
        )
    if "development" in providers and subject.settings is not None and subject.settings.admits_private_peers:
        problem = "AUTH_DEVELOPMENT_PROVIDER: with `on`, other computers of a private network can use it, too."
        yield Finding("warning", problem, "Remove it, unless the server runs in a container.")


def _check_tables(subject: Subject) -> Iterator[Finding]:
    schema = subject.state.schema
    try:
        problem = schema.problem() if schema else None
    except AdapterError as error:
        problem = _describe(error)
    if problem is not None:
        yield Finding("error", problem)


def _check_own_users(subject: Subject) -> Iterator[Finding]:
    own_users = subject.core.own_users
    if own_users is None:
        return
    # A database that can't be reached is a finding about the tables.
    with suppress(AdapterError):
        for problem, remedy in own_users.findings():
            yield Finding("warning", problem, remedy)


def _check_cookies(subject: Subject) -> Iterator[Finding]:
    names = subject.core.cookie_names
    ours = (names.session, names.csrf, names.callback_url, names.sign_out)
    for setting in ("SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME"):
        if subject.app.config.get(setting) in ours:
            yield Finding(
                "error", f"{setting}: it is the name of a cookie of Genkan.", "Give one of them another name."
            )
    if not is_loopback(urlsplit(subject.core.origin).hostname):
        return
    yield Finding(
        "hint",
        f"Cookies: {names.session}, {names.csrf} and the like are shared by all ports of this computer, so another "
        "application with these names and another secret ends the session.",
        "If one runs here, set GENKAN_COOKIE_PREFIX to another name in one of them.",
    )


def _check_templates(app: Flask) -> Iterator[Finding]:
    for replacement in find_replacements(app):
        if replacement.is_outdated:
            yield Finding(
                "warning",
                f"{replacement.name}: the original has changed since it was copied.",
                f"Rename it, run `flask genkan template {replacement.name}` and take over your changes.",
            )


def _check_routes(app: Flask) -> Iterator[Finding]:
    unsafe = [route for route in find_routes(app) if route.is_unsafe and OPEN in route.needs]
    if unsafe:
        yield Finding(
            "hint",
            f"Routes: {len(unsafe)} with an unsafe method need no session, such as {unsafe[0].path}.",
            "`flask genkan routes` lists them. @login_required closes a view, and @public marks one as open.",
        )


CHECKS: tuple[Callable[[Flask], Iterator[Finding]], ...] = (_check_templates, _check_routes)

SETTINGS_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    *(_check_secret, _check_origin, _check_providers),
    *(_check_tables, _check_own_users, _check_cookies),
)
