"""Fixtures: an application with users of its own, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.extension.own_users.shops import Shop, make_shop


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_disk = f"sqlite:///{tmp_path / 'shop.db'}"
    url: str = on_disk if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(name="make")
def _make(tmp_path: Path, url: str) -> Callable[..., Shop]:
    """Return a function that creates an application. Keywords as for `make_shop`."""

    def make(**settings: Any) -> Shop:
        return make_shop(tmp_path, url, **settings)

    return make
