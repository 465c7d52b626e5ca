"""Logging: the application writes one line of JSON per event, and the package configures nothing."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from flask import Flask

from deploy.logging import JSONFormatter, configure_logging
from genkan.settings.environment import ROOT
from tests.browser import Browser

PACKAGE_ALONE = """
import logging
from flask import Flask
from genkan.extension import install
from tests.clock import FrozenClock
from tests.core import make_core

before = {name: logging.getLogger(name).level for name in ("", "genkan", "authlib", "urllib3", "requests")}
install(Flask("other"), make_core(FrozenClock()))
assert {name: logging.getLogger(name).level for name in before} == before
assert not logging.getLogger().handlers and not logging.getLogger("genkan").handlers
"""


def logged_events(records: list[logging.LogRecord]) -> list[tuple[str, dict[str, Any]]]:
    names = ("user", "provider")
    return [
        (record.__dict__["event"], {name: vars(record)[name] for name in names if name in vars(record)})
        for record in records
        if "event" in vars(record)
    ]


def test_sign_in_and_sign_out_are_logged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "genkan"):
        browser.sign_in()
        (user,) = browser.core.adapter.list_users()
        browser.sign_out()
        browser.sign_out()
        browser.sign_in()

    signed_in = ("signed-in", {"user": user.id, "provider": "development"})
    created, signed_out = ("user-created", {"user": user.id}), ("signed-out", {"user": user.id})
    assert logged_events(caplog.records) == [created, signed_in, signed_out, signed_in]


def test_a_log_line_is_json_with_the_listed_fields_only(app: Flask) -> None:
    fields = {"msg": "signed in\nas \u2028 user", "event": "signed-in", "user": "1\n2", "token": "eyJ", "detail": None}
    record = logging.makeLogRecord({"name": "genkan.x", "levelname": "INFO", **fields})
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        text = JSONFormatter().format(record)

    assert text.isprintable()
    line = json.loads(text)
    assert line.keys() == {"time", "level", "logger", "message", "event", "user", "request", "address"}
    assert (line["logger"], line["message"], line["address"]) == ("genkan.x", fields["msg"], "192.0.2.7")


def test_a_second_application_adds_no_second_handler(app: Flask) -> None:
    configure_logging()
    handlers = logging.getLogger("genkan").handlers
    assert sum(isinstance(handler.formatter, JSONFormatter) for handler in handlers) == 1


def test_the_package_adds_no_handler_and_sets_no_level() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PACKAGE_ALONE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
