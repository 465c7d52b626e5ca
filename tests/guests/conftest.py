"""Fixtures: each application as it was, and with Genkan. Their own tests run in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.guests.applications import GUESTS
from tests.guests.guest import Guest

collect_ignore = list(GUESTS)


@pytest.fixture(name="guest", params=GUESTS)
def _guest(request: pytest.FixtureRequest) -> Guest:
    return GUESTS[request.param]


@pytest.fixture(name="folder")
def _folder(guest: Guest, tmp_path: Path) -> Path:
    return guest.copy_to(tmp_path / "guest")


@pytest.fixture(name="patched")
def _patched(guest: Guest, folder: Path) -> Path:
    guest.apply_patch(folder)
    return folder


@pytest.fixture(name="app")
def _app(guest: Guest, patched: Path) -> Iterator[Flask]:
    with guest.loaded(patched) as app:
        yield app
