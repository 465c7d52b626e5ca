"""What is logged: one line of JSON for each event, by the application; the package sets up nothing."""

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
import genkan.web
from tests.clock import FrozenClock
from tests.core import make_core

before = {name: logging.getLogger(name).level for name in ("", "genkan", "authlib", "urllib3", "requests")}
install(Flask("other"), make_core(FrozenClock()))
assert {name: logging.getLogger(name).level for name in before} == before
assert not logging.getLogger().handlers and not logging.getLogger("genkan").handlers
"""


def logged(records: list[logging.LogRecord]) -> list[tuple[str, dict[str, Any]]]:
    names = ("user", "provider")
    return [
        (record.__dict__["event"], {name: vars(record)[name] for name in names if name in vars(record)})
        for record in records
        if "event" in vars(record)
    ]


def test_signing_in_and_out_is_logged_by_the_actions(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "genkan"):
        browser.sign_in()
        (user,) = browser.options.adapter.list_users()
        browser.sign_out()
        browser.sign_out()
        browser.sign_in()

    signed_in = ("signed-in", {"user": user.id, "provider": "development"})
    created, signed_out = ("user-created", {"user": user.id}), ("signed-out", {"user": user.id})
    assert logged(caplog.records) == [created, signed_in, signed_out, signed_in]


def test_a_record_is_one_line_with_the_listed_fields_only(app: Flask) -> None:
    made = {"msg": "signed in\nas \u2028 nobody", "event": "signed-in", "user": "1\n2", "token": "eyJ", "why": None}
    record = logging.makeLogRecord({"name": "genkan.x", "levelname": "INFO", **made})
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        text = JSONFormatter().format(record)

    assert text.isprintable()
    line = json.loads(text)
    assert line.keys() == {"time", "level", "place", "message", "event", "user", "request", "address"}
    assert (line["place"], line["message"], line["address"]) == ("genkan.x", made["msg"], "192.0.2.7")


def test_a_second_application_does_not_write_every_line_twice(app: Flask) -> None:
    configure_logging()
    handlers = logging.getLogger("genkan").handlers
    assert sum(isinstance(handler.formatter, JSONFormatter) for handler in handlers) == 1


def test_the_package_adds_no_handler_and_sets_no_level() -> None:
    done = subprocess.run([sys.executable, "-c", PACKAGE_ALONE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
