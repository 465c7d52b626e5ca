"""Refresh of one account's tokens by several workers of the production server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from requests import Response

from deploy import serve
from genkan.adapters.sqlalchemy import migrations
from genkan.settings.environment import from_environment
from tests.provider_client import provider_env, run_parallel
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import Server, ServerClient, environment, serving

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 3

ROUNDS = 4


@pytest.fixture(name="op")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        op.refreshing = "rotate"
        yield op


@pytest.fixture(name="server", params=["sqlite", "postgresql"])
def _server(request: pytest.FixtureRequest, op: FaultyProvider, tmp_path: Path) -> Iterator[Server]:
    settings = {**environment(tmp_path), "WEB_CONCURRENCY": str(WORKERS), **provider_env(op)}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    migrations.upgrade(settings["DATABASE_URL"])
    _python, *command = serve.granian_args(from_environment(settings), "tests.servers.token_app:create_app")
    with serving(command, settings) as server:
        yield server


Ask = Callable[[], Response]


def sign_in(server: Server, op: FaultyProvider, number: int) -> Ask:
    """Sign in a new user. Return a function that requests their token with their cookies, from another client."""
    client = ServerClient(server.origin)
    client.ask("GET", op.authorize(client.start(), {"sub": f"user-{number}", "email": f"{number}@example.org"}))
    cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)}
    return partial(ServerClient(server.origin).ask, "GET", "/api/token/oidc", headers=cookies)


def test_twenty_parallel_requests_to_all_workers_make_one_refresh(server: Server, op: FaultyProvider) -> None:
    """Repeated with a new user each time."""
    seen_workers: set[int] = set()
    request_token = sign_in(server, op, 0)
    while len(seen_workers) < WORKERS:
        seen_workers |= {
            response.json()["worker"] for response in run_parallel(*[request_token] * 10) if response.status_code == 200
        }
    workers = set()
    for number in range(1, ROUNDS + 1):
        # Below the minimum validity, so the first request for the token refreshes it.
        op.expires_in = 10
        request_token = sign_in(server, op, number)
        op.expires_in = 3600
        responses = run_parallel(*[request_token] * 20)

        assert {response.status_code for response in responses} == {200}
        assert len({response.json()["token"] for response in responses}) == 1
        assert len(op.refreshes) == number
        workers |= {response.json()["worker"] for response in responses}
    assert len(workers) > 1
