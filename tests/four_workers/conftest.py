"""Fixture: the application with four workers and each kind of database, which all tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.email.smtp_server import Inbox
from tests.four_workers.town import Town, town
from tests.servers.server import environment


@pytest.fixture(scope="session", name="town", params=["sqlite", "postgresql"])
def _town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    settings = environment(tmp_path_factory.mktemp("town"))
    # Browsers have no passkeys at an IP address.
    settings["AUTH_URL"] = settings["AUTH_URL"].replace("127.0.0.1", "localhost")
    settings |= {"AUTH_PASSKEYS": "on", "AUTH_TOTP": "on"}
    with ExitStack() as stack:
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            settings["DATABASE_URL"] = stack.enter_context(server.migrated_database())
        yield stack.enter_context(town(settings, Inbox()))
