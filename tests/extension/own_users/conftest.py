"""Fixtures: an application with users of its own, in SQLite and in PostgreSQL, whose provider is an external one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clock import FrozenClock
from tests.extension.own_users.shops import Shop, make_shop
from tests.provider_client import ENVIRONMENT, ProviderClient, provider_env
from tests.servers.faulty.provider import FaultyProvider

MakeShop = Callable[..., Shop]


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_disk = f"sqlite:///{tmp_path / 'shop.db'}"
    url: str = on_disk if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(name="make")
def _make(tmp_path: Path, url: str, op: FaultyProvider, clock: FrozenClock) -> Iterator[MakeShop]:
    """Return a function that creates an application. Keywords as for `make_shop`."""
    settings = {name: value for name, value in ENVIRONMENT.items() if name != "GENKAN_ENV"}
    shops: list[Shop] = []

    def make(**more: Any) -> Shop:
        shops.append(make_shop(tmp_path, url, clock=clock, **{**settings, **provider_env(op), **more}))
        return shops[-1]

    yield make
    for shop in shops:
        with shop.app.app_context():
            shop.session.remove()
            shop.engine().dispose()


@pytest.fixture(name="shop")
def _shop(make: MakeShop) -> Shop:
    return make()


@pytest.fixture(name="client")
def _client(shop: Shop, op: FaultyProvider) -> ProviderClient:
    return client_of(shop, op)


def client_of(shop: Shop, op: FaultyProvider) -> ProviderClient:
    """Return a new browser of the application."""
    shop.app.test_client().get("/api/auth/csrf")
    return ProviderClient(shop.app, op)
