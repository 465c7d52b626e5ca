"""A logout token is received by one of four workers: the session is revoked and the token used up on all of them."""

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
from tests.servers.server import SERVE, ServerClient, environment, serving
from tests.tokens.logout_tokens import draft, logout_token
from tests.tokens.signing import key

pytestmark = pytest.mark.xdist_group("timing")

WORKERS = 4
REQUESTS = 40


@pytest.fixture(name="op", scope="module")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.fixture(name="origin", scope="module", params=["jwt", "database"])
def _origin(
    op: FaultyProvider, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    settings = {
        **environment(tmp_path_factory.mktemp("app")),
        **provider_env(op),
        "WEB_CONCURRENCY": str(WORKERS),
        "AUTH_SESSION_STRATEGY": str(request.param),
    }
    with serving(SERVE, settings) as server:
        yield server.origin


def sign_in(origin: str, op: FaultyProvider, number: int) -> ServerClient:
    client = ServerClient(origin)
    claims = {"sub": f"user-{number}", "sid": f"s-{number}", "name": f"G{number}", "email": f"g{number}@example.org"}
    client.ask("GET", op.authorize(client.start(), claims))
    assert client.name() == f"G{number}"
    return client


def send(origin: str, token: str) -> int:
    url = f"{origin}/api/auth/backchannel-logout/oidc"
    headers = {"Connection": "close"}
    return requests.post(url, data={"logout_token": token}, headers=headers, timeout=20).status_code


def run_parallel(function: Callable[[int], int], times: int) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(function, range(times)))


@pytest.mark.parametrize("by", ["sid", "sub"])
def test_a_session_revoked_by_its_provider_is_refused_on_every_worker_within_a_second(
    origin: str, op: FaultyProvider, by: str
) -> None:
    for number in range(3):
        client = sign_in(origin, op, number)
        assert {client.name() for _ in range(REQUESTS)} == {f"G{number}"}
        claims: dict[str, Any] = {"sid": f"s-{number}"} if by == "sid" else {"sub": f"user-{number}"}
        assert send(origin, logout_token(op, **claims)) == 200
        time.sleep(MAX_LAG)

        assert {client.name() for _ in range(REQUESTS)} == {None}


def test_one_of_thirty_parallel_deliveries_of_a_token_is_accepted(origin: str, op: FaultyProvider) -> None:
    """Any worker may receive each."""
    for number in range(3):
        sign_in(origin, op, 10 + number)
        token = logout_token(op, sid=f"s-{10 + number}")
        assert sorted(run_parallel(lambda _, token=token: send(origin, token), 30)) == [200, *[400] * 29]  # type: ignore[misc]


def test_thirty_parallel_forged_tokens_make_few_key_requests(origin: str, op: FaultyProvider) -> None:
    """Each worker may make a request before it sees the result of another worker's."""
    sign_in(origin, op, 20)
    before = op.count("/jwks")
    forged = [draft(op, header={"kid": f"k{number}"}, sid="s-20") for number in range(30)]
    attacker = key("attacker")
    tokens = [type(one)(one.header, one.claims, attacker).signed() for one in forged]

    assert set(run_parallel(lambda number: send(origin, tokens[number]), 30)) == {400}
    assert op.count("/jwks") - before <= 2 * WORKERS
