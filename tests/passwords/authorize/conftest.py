"""Fixtures: settings without another way to sign in, and an application that returns what a test says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clock import FrozenClock
from tests.passwords.authorize.application import Application


@pytest.fixture(name="settings")
def _settings(request: pytest.FixtureRequest, clock: FrozenClock) -> dict[str, Any]:
    """Return settings without mail and without providers."""
    return {
        "AUTH_DEVELOPMENT_PROVIDER": "off",
        "AUTH_SESSION_STRATEGY": getattr(request, "param", "jwt"),
        "AUTH_URL": "http://127.0.0.1:5000",
        "clock": clock,
    }


@pytest.fixture(name="guest")
def _guest(tmp_path: Path, settings: dict[str, Any]) -> Application:
    return Application(tmp_path, settings)
