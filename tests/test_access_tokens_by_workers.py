"""Real workers under the production server: one account's tokens are renewed once, whoever asks wherever (F21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from requests import Response

import config
import migrations
import serve
from tests.peers.misbehaving import MisbehavingProvider
from tests.peers.server import Server, Visitor, environment, serving
from tests.visitors import at_once, variables

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 3

ROUNDS = 4


@pytest.fixture(name="op")
def _op() -> Iterator[MisbehavingProvider]:
    with MisbehavingProvider() as op:
        op.refreshing = "rotate"
        yield op


@pytest.fixture(name="server", params=["sqlite", "postgresql"])
def _server(request: pytest.FixtureRequest, op: MisbehavingProvider, tmp_path: Path) -> Iterator[Server]:
    settings = {**environment(tmp_path), "WEB_CONCURRENCY": str(WORKERS), **variables(op)}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    migrations.upgrade(settings["DATABASE_URL"])
    _python, *command = serve.server(config.load(settings))
    command[command.index("app:create_app()")] = "tests.peers.token_house:create_app()"
    with serving(command, settings) as server:
        yield server


Ask = Callable[[], Response]


def newcomer(server: Server, op: MisbehavingProvider, number: int) -> Ask:
    """Somebody signs in; what asks for their token, from a browser that has their cookies."""
    visitor = Visitor(server.origin)
    visitor.ask("GET", op.authorize(visitor.start(), {"sub": f"person-{number}", "email": f"{number}@example.org"}))
    cookies = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)}
    return partial(Visitor(server.origin).ask, "GET", "/api/token/oidc", headers=cookies)


def test_twenty_who_ask_all_workers_at_once_make_one_call(server: Server, op: MisbehavingProvider) -> None:
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
