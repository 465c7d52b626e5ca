"""A logout token reaches one of four real workers: the session is over on all, and the token is used up on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from genkan.session.revocation_list import MAX_LAG
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import ServerClient, environment, serving
from tests.tokens.logout_tokens import draft, logout_token
from tests.tokens.signing import key

WORKERS = 4
ASKED = 40


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="origin", scope="module", params=["jwt", "database"])
def _origin(
    op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    settings = {
        **environment(tmp_path_factory.mktemp("house")),
        **provider_env(op),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_SESSION_STRATEGY": str(request.param),
    }
    with serving(["-m", "deploy.serve"], settings) as server:
        yield server.origin


def enter(origin: str, op: FaultyProvider, number: int) -> ServerClient:
    visitor = ServerClient(origin)
    claims = {"sub": f"guest-{number}", "sid": f"s-{number}", "name": f"G{number}", "email": f"g{number}@example.org"}
    visitor.ask("GET", op.authorize(visitor.start(), claims))
    assert visitor.name() == f"G{number}"
    return visitor


def send(origin: str, token: str) -> int:
    door = f"{origin}/api/auth/backchannel-logout/oidc"
    headers = {"Connection": "close"}
    return requests.post(door, data={"logout_token": token}, headers=headers, timeout=20).status_code


def at_once(act: Callable[[int], int], times: int) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(act, range(times)))


@pytest.mark.parametrize("by", ["sid", "sub"])
def test_a_session_ended_by_its_provider_is_over_on_every_worker_within_a_second(
    origin: str, op: FaultyProvider, by: str
) -> None:
    for number in range(3):
        visitor = enter(origin, op, number)
        assert {visitor.name() for _ in range(ASKED)} == {f"G{number}"}
        said: dict[str, Any] = {"sid": f"s-{number}"} if by == "sid" else {"sub": f"guest-{number}"}
        assert send(origin, logout_token(op, **said)) == 200
        time.sleep(MAX_LAG)

        assert {visitor.name() for _ in range(ASKED)} == {None}


def test_of_thirty_deliveries_of_one_token_one_counts(origin: str, op: FaultyProvider) -> None:
    """Whichever workers get them (M3)."""
    for number in range(3):
        enter(origin, op, 10 + number)
        token = logout_token(op, sid=f"s-{10 + number}")
        assert sorted(at_once(lambda _, token=token: send(origin, token), 30)) == [200, *[400] * 29]  # type: ignore[misc]


def test_thirty_forged_tokens_at_once_make_few_calls(origin: str, op: FaultyProvider) -> None:
    """Each worker may ask once before it hears that another did (O5)."""
    enter(origin, op, 20)
    before = op.count("/jwks")
    forged = [draft(op, header={"kid": f"k{number}"}, sid="s-20") for number in range(30)]
    attacker = key("attacker")
    tokens = [type(each)(each.header, each.claims, attacker).signed() for each in forged]

    assert set(at_once(lambda number: send(origin, tokens[number]), 30)) == {400}
    assert op.count("/jwks") - before <= 2 * WORKERS
