"""Fixtures: one application for each database, which the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from app import create_app
from genkan.adapters.sqlalchemy import migrations
from tests.clock import FrozenClock
from tests.conftest import ORIGIN
from tests.email.proof.site import Site


@pytest.fixture(scope="module", name="site", params=["sqlite", "postgresql"])
def _site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.migrated_database())
        else:
            url = f"sqlite:///{tmp_path_factory.mktemp('site')}/test.db"
            migrations.upgrade(url)
        clock = FrozenClock()
        environment = {
            "GENKAN_ENV": "development",
            "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
            "AUTH_URL": ORIGIN,
            "DATABASE_URL": url,
            "AUTH_PASSWORDS": "on",
        }
        site = Site(create_app(environment, clock), clock)
        stack.enter_context(closing(site.database))
        yield site
