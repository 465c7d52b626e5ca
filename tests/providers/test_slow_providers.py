"""Slow providers: a deadline ends the sign-in, and other requests are not delayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Semaphore
from time import monotonic
from typing import Any, Literal

import pytest
from werkzeug.test import TestResponse

from genkan.oauth import client as oauth_client
from genkan.oauth.discovery import METADATA_SECONDS, STALE_SECONDS
from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.limits import DEADLINE_SECONDS
from tests.provider_client import ProviderClient, failure_reason
from tests.servers.faulty.faults import Faults

pytestmark = pytest.mark.xdist_group("timing")

TIMEOUT = 0.4
"""Seconds.

Replaces the time limit of all provider requests of one sign-in. A single request has the longer, real limit.
"""

TEST_TIMEOUT = 9.0
"""Seconds. A test fails after this time, which is generous for a busy machine and still below the real deadline."""

DELAY = 0.6 * TIMEOUT
"""Seconds. One response delayed by this is in time, two are too late."""

MAX_PER_HOST = 2
"""Concurrent requests to one provider."""

LimitTime = Callable[..., None]


@pytest.fixture(name="limit_time")
def _limit_time(monkeypatch: pytest.MonkeyPatch) -> LimitTime:
    """Return a function that limits the time for all provider requests of sign-ins that start later."""
    concurrency_limit = ConcurrencyLimit(per_host=MAX_PER_HOST)

    def limit_time(seconds: float = TIMEOUT) -> None:
        monkeypatch.setattr(oauth_client, "PROVIDER_TIMEOUT", seconds)
        monkeypatch.setattr(oauth_client, "mount_adapters", partial(mount_adapters, concurrency=concurrency_limit))

    return limit_time


@pytest.fixture(autouse=True)
def _provider_recovers(module_client: ProviderClient) -> Iterator[None]:
    yield
    op = module_client.op
    op.before, op.faults, op.claims_in = {}, Faults(), "both"


@contextmanager
def is_prompt() -> Iterator[None]:
    start = monotonic()
    yield
    assert monotonic() - start < TEST_TIMEOUT < DEADLINE_SECONDS


@contextmanager
def block(client: ProviderClient, path: str) -> Iterator[Semaphore]:
    """Block requests for `path` until the end of the block. The semaphore counts them."""
    arrivals, release = Semaphore(0), Event()

    def hold() -> None:
        arrivals.release()
        release.wait(30)

    client.op.before[path] = hold
    try:
        yield arrivals
    finally:
        release.set()


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [("token", "hang"), ("token", "drip"), ("token", "drip-headers"), ("userinfo", "hang"), ("jwks", "drip")],
)
def test_a_callback_ends_at_the_deadline(
    other_user: ProviderClient, limit_time: LimitTime, endpoint: str, fault: Any
) -> None:
    other_user.clock.advance(STALE_SECONDS)
    callback_url = other_user.callback_url()
    setattr(other_user.op.faults, endpoint, fault)
    limit_time()
    with is_prompt():
        response = other_user.get(callback_url)

    assert failure_reason(response, other_user) == "unavailable"
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])


@pytest.mark.parametrize("slow", [("/token", "/jwks"), ("/token", "/userinfo"), ("/jwks", "/userinfo")])
def test_several_slow_responses_together_exceed_the_deadline(
    other_user: ProviderClient, limit_time: LimitTime, slow: tuple[str, str]
) -> None:
    """No cached keys are left and the ID token lacks the profile, so all endpoints are asked."""
    other_user.clock.advance(STALE_SECONDS)
    other_user.op.claims_in = "userinfo"
    callback_url = other_user.callback_url()
    other_user.op.before = dict.fromkeys(slow, lambda: Event().wait(DELAY))
    limit_time()
    with is_prompt():
        response = other_user.get(callback_url)

    assert failure_reason(response, other_user) == "unavailable"
    assert other_user.name() == "Rei Resident"


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
@pytest.mark.parametrize("last", ["token", "userinfo"])
def test_a_provider_that_is_slow_at_every_step_has_one_deadline(
    other_user: ProviderClient, limit_time: LimitTime, last: Literal["token", "userinfo"], fault: Any
) -> None:
    """Cached metadata and keys are still usable, so the sign-in continues after each of these requests."""
    other_user.op.claims_in = "userinfo"
    other_user.sign_in_as()
    other_user.clock.advance(METADATA_SECONDS - 60)
    callback_url = other_user.callback_url()
    other_user.clock.advance(60)
    other_user.op.faults = Faults(discovery=fault, jwks=fault, userinfo=fault, token=fault if last == "token" else None)
    limit_time(1.0)
    asked = other_user.op.count(f"/{last}")
    start = monotonic()
    response = other_user.get(callback_url)

    assert 0.9 < monotonic() - start < TEST_TIMEOUT
    assert other_user.op.count(f"/{last}") == asked + 1
    assert failure_reason(response, other_user) == "unavailable"


def test_each_request_has_its_own_deadline(other_user: ProviderClient, limit_time: LimitTime) -> None:
    """A later sign-in continues after the first one's deadline, and the same thread starts with a new deadline."""
    first, second = (ProviderClient(other_user.app, other_user.op) for _ in range(2))
    callback_urls = first.callback_url(), second.callback_url()
    with ThreadPoolExecutor(1) as early, ThreadPoolExecutor(1) as late:
        with block(other_user, "/token") as arrivals:
            limit_time()
            failing = early.submit(first.get, callback_urls[0])
            assert arrivals.acquire(timeout=TEST_TIMEOUT)
            limit_time(2 * TEST_TIMEOUT)
            waiting = late.submit(second.get, callback_urls[1])
            assert arrivals.acquire(timeout=TEST_TIMEOUT)
            assert failure_reason(failing.result(TEST_TIMEOUT), first) == "unavailable"
            assert not waiting.done()
        waiting.result(TEST_TIMEOUT)
        early.submit(first.sign_in_as).result(TEST_TIMEOUT)

    assert (first.name(), second.name()) == ("Vera Visitor", "Vera Visitor")


@pytest.mark.parametrize("fault", ["hang", "drip-headers"])
def test_a_sign_in_that_cannot_start_fails_at_the_deadline(
    other_user: ProviderClient, limit_time: LimitTime, fault: Any
) -> None:
    other_user.clock.advance(STALE_SECONDS)
    other_user.op.faults.discovery = fault
    limit_time()
    with is_prompt():
        response = other_user.begin_sign_in(provider="oidc")

    assert failure_reason(response, other_user) == "unavailable"
    other_user.op.faults = Faults()
    limit_time(TEST_TIMEOUT)
    other_user.sign_in_as()
    assert other_user.name() == "Vera Visitor"


def test_metadata_that_hangs_delays_a_sign_in_once_when_a_copy_is_cached(
    client: ProviderClient, limit_time: LimitTime
) -> None:
    """The delay is short, so that time is left for the following requests."""
    client.sign_in_as()
    client.clock.advance(METADATA_SECONDS - 60)
    callback_url = client.callback_url()
    client.clock.advance(60)
    client.op.faults.discovery = "hang"
    limit_time(2.5)
    with is_prompt():
        response = client.get(callback_url)

    assert response.headers["Location"].endswith("/dashboard")
    assert client.op.count("/.well-known/openid-configuration") == 2


def test_other_requests_are_served_meanwhile(other_user: ProviderClient) -> None:
    new_client = ProviderClient(other_user.app, other_user.op)
    callback_url = new_client.callback_url()
    with ThreadPoolExecutor(1) as worker:
        with block(other_user, "/token") as arrivals:
            waiting = worker.submit(new_client.get, callback_url)
            assert arrivals.acquire(timeout=TEST_TIMEOUT)
            with is_prompt():
                pages = [other_user.get(path).status_code for path in ("/", "/dashboard", "/partials/user-menu")]
            assert (pages, other_user.name(), waiting.done()) == ([200, 200, 200], "Rei Resident", False)
        waiting.result(TEST_TIMEOUT)

    assert new_client.name() == "Vera Visitor"


def test_a_sign_in_above_the_concurrency_limit_fails_immediately(
    other_user: ProviderClient, limit_time: LimitTime
) -> None:
    """No request waits for a provider that hangs, and the capacity is available again afterwards."""
    clients = [ProviderClient(other_user.app, other_user.op) for _ in range(MAX_PER_HOST + 1)]
    *callback_urls, last = [client.callback_url() for client in clients]
    limit_time(30)
    with ThreadPoolExecutor(MAX_PER_HOST) as workers:
        with block(other_user, "/token") as arrivals:
            waiting: list[Future[TestResponse]] = [
                workers.submit(client.get, callback_url)
                for client, callback_url in zip(clients, callback_urls, strict=False)
            ]
            assert all(arrivals.acquire(timeout=TEST_TIMEOUT) for _ in callback_urls)
            with is_prompt():
                assert failure_reason(clients[-1].get(last), clients[-1]) == "unavailable"
        assert all(call.result(TEST_TIMEOUT) for call in waiting)

    clients[-1].sign_in_as()
    assert [client.name() for client in clients] == ["Vera Visitor"] * (MAX_PER_HOST + 1)
