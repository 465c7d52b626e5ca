"""Fixtures for all tests: the application with a frozen clock, and a test client with the steps of a browser."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadGroupScheduling

from app import create_app
from genkan.adapters.sqlalchemy import migrations
from tests.browser import Browser, BufferedClient
from tests.clock import FrozenClock
from tests.shared_results import SharedEnvironment, share_url_rules

# On CI every run uses the same examples, so that its result does not depend on chance. Elsewhere they are random. No
# result depends on the load of the machine.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")

pytest_plugins = [
    "tests.adapters",
    "tests.session_stores",
    "tests.servers.services",
    "tests.servers.node.services",
    "tests.provider_client",
    "genkan.testing.plugin",
]

ORIGIN = "http://127.0.0.1:5000"

# Closes each response, as a server does, so that no static file stays open.
Flask.test_client_class = BufferedClient
Flask.jinja_environment = SharedEnvironment  # type: ignore[assignment]
share_url_rules()

Environment = dict[str, str]
MakeApp = Callable[..., Flask]


class FileOrGroupScheduling(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Parallel runs keep the tests of a file together, so that its fixtures are set up once, and those of an xdist_group.

    The group `timing` holds the files that measure time or start several server processes. It takes longest, so it is
    first.
    """

    def _split_scope(self, nodeid: str) -> str:
        group: str = super()._split_scope(nodeid)
        return group.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileOrGroupScheduling:
    """Replace the scheduler of `--dist loadgroup`, which would send each test without a group to any worker."""
    return FileOrGroupScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the group `timing` first in a parallel run."""
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(mark.args == ("timing",) for mark in item.iter_markers("xdist_group")))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what was imported and collected. It took a tenth of the run."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test on CI, where every program that a test needs is installed."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped on CI: {report.longrepr}"
    return report


@pytest.fixture(name="clock")
def _clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> Environment:
    return {
        "GENKAN_ENV": "development",
        "AUTH_SECRET": "tests-only-secret-that-protects-nothing-at-all",
        "AUTH_URL": ORIGIN,
        "DATABASE_URL": f"sqlite:///{tmp_path}/test.db",
    }


@pytest.fixture(scope="session", name="empty_database")
def _empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with all tables. Migrating a new one takes 40 ms, copying this one less than 1 ms."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(name="make_app")
def _make_app(environment: Environment, clock: FrozenClock, tmp_path: Path, empty_database: Path) -> MakeApp:
    """Return a function that creates an application with its database. Keywords are added to the environment."""

    def make(**variables: str) -> Flask:
        variables = {**environment, **variables}
        path = tmp_path / "test.db"
        if variables["DATABASE_URL"] == f"sqlite:///{path}" and not path.exists():
            shutil.copy(empty_database, path)
        else:
            migrations.upgrade(variables["DATABASE_URL"])
        return create_app(variables, clock)

    return make


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture(name="browser")
def _browser(app: Flask) -> Browser:
    return Browser(app)
