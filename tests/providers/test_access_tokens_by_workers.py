"""Real workers under the production server: one account's tokens are renewed once, whoever asks wherever (F21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from requests import Response

from deploy import serve
from genkan.adapters.sqlalchemy import migrations
from genkan.settings.environment import from_environment
from tests.provider_client import at_once, provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import Server, ServerClient, environment, serving

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
    _python, *command = serve.gunicorn_args(from_environment(settings))
    command[command.index("app:create_app()")] = "tests.servers.token_app:create_app()"
    with serving(command, settings) as server:
        yield server


Ask = Callable[[], Response]


def newcomer(server: Server, op: FaultyProvider, number: int) -> Ask:
    """Somebody signs in; what asks for their token, from a browser that has their cookies."""
    visitor = ServerClient(server.origin)
    visitor.ask("GET", op.authorize(visitor.start(), {"sub": f"person-{number}", "email": f"{number}@example.org"}))
    cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)}
    return partial(ServerClient(server.origin).ask, "GET", "/api/token/oidc", headers=cookies)


def test_twenty_who_ask_all_workers_at_once_make_one_call(server: Server, op: FaultyProvider) -> None:
    """Again and again, each time for a person whose token is worn out."""
    warm: set[int] = set()
    ask = newcomer(server, op, 0)
    while len(warm) < WORKERS:
        warm |= {answer.json()["worker"] for answer in at_once(*[ask] * 10) if answer.status_code == 200}
    workers = set()
    for number in range(1, ROUNDS + 1):
        # Less than a token has to have left, so it is to be renewed when it is first asked for.
        op.expires_in = 10
        ask = newcomer(server, op, number)
        op.expires_in = 3600
        answers = at_once(*[ask] * 20)

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["token"] for answer in answers}) == 1
        assert len(op.refreshes) == number
        workers |= {answer.json()["worker"] for answer in answers}
    assert len(workers) > 1
