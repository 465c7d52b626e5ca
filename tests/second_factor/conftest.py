"""Fixtures: an application with passwords and second factors, and a user who has one."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from flask import Flask

from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.second_factor.steps import App, enrol, sign_up


class Enrolled(NamedTuple):
    """A user with a second factor, signed in in `browser`."""

    browser: Browser
    app: App
    codes: list[str]


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(AUTH_PASSWORDS="on", AUTH_TOTP="on")


@pytest.fixture(name="enrolled")
def _enrolled(app: Flask, clock: FrozenClock) -> Enrolled:
    browser = Browser(app)
    sign_up(browser, app)
    return Enrolled(browser, *enrol(browser, clock))
