"""The application of these tests has every way to sign in, so that they cover the routes of all of them."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.routes import EVERY_WAY


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app(**EVERY_WAY)
