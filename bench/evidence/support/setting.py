"""Application with four workers and a new database for an experiment, and the rows of the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.provider_client import provider_env
from tests.revocation.running_app import RunningApp, running_app
from tests.servers import postgres
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import environment

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
DATABASES = (SQLITE, POSTGRESQL)


@dataclass(frozen=True, slots=True)
class Options:
    """Size and seed of the experiments."""

    requests: int
    """Requests of `soak` and `fuzz` for each database."""
    rounds: int
    """Rounds of `races` for each database. `kills` has half as many, since each takes longer."""
    seed: int


@dataclass(frozen=True, slots=True)
class Row:
    """Row of the table."""

    experiment: str
    database: str
    count: str
    result: str

    def __str__(self) -> str:
        return f"| {self.experiment} | {self.database} | {self.count} | {self.result} |"


@contextmanager
def new_settings(database: str, **variables: str) -> Iterator[dict[str, str]]:
    """Yield the settings of a server with an empty database. One proxy is trusted, so a client can choose its address."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="genkan-evidence-")))
        settings = {**environment(folder), "TRUSTED_PROXY_HOPS": "1", **variables}
        if database == POSTGRESQL:
            server = stack.enter_context(postgres.running())
            settings["DATABASE_URL"] = stack.enter_context(server.database())
        yield settings


@contextmanager
def application(database: str, **variables: str) -> Iterator[RunningApp]:
    """Run the application with an empty database."""
    with new_settings(database, **variables) as settings, running_app(settings) as running:
        yield running


@contextmanager
def application_with_provider(database: str, **variables: str) -> Iterator[tuple[RunningApp, FaultyProvider]]:
    """Run the application and an OpenID provider that its users can sign in with."""
    with FaultyProvider() as provider, application(database, **provider_env(provider), **variables) as running:
        yield running, provider
