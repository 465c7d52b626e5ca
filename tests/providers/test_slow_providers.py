"""A provider that hangs or drips costs a sign-in, never a worker and never anybody else's time (F2, F6, F7, O13)."""

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
from genkan.oauth.transport.adapters import DEADLINE_SECONDS, mount_adapters
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from tests.provider_client import ProviderClient, failure_reason
from tests.servers.faulty.faults import Faults

SOON = 0.4
"""Seconds: what a visit may spend in these tests, in place of the real time. Each call may still take that one."""

LATE = 5.0
"""Seconds after which a test gives up: a busy machine is no hanging provider, and the real deadline is later still."""

SLOW = 0.6 * SOON
"""Seconds: how long an answer takes that is in time by itself, and too late after another one like it."""

PLACES = 2
"""Calls that one provider may hold."""

Hurry = Callable[..., None]


@pytest.fixture(name="hurry")
def _hurry(monkeypatch: pytest.MonkeyPatch) -> Hurry:
    """From the moment it is called, a visit that begins waits for its provider no longer than this in all."""
    bulkhead = ConcurrencyLimit(per_host=PLACES)

    def hurry(seconds: float = SOON) -> None:
        monkeypatch.setattr(oauth_client, "PROVIDER_TIMEOUT", seconds)
        monkeypatch.setattr(oauth_client, "mount_adapters", partial(mount_adapters, bulkhead=bulkhead))

    return hurry


@pytest.fixture(autouse=True)
def _provider_recovers(module_client: ProviderClient) -> Iterator[None]:
    yield
    op = module_client.op
    op.before, op.faults, op.claims_in = {}, Faults(), "both"


@contextmanager
def promptly() -> Iterator[None]:
    start = monotonic()
    yield
    assert monotonic() - start < LATE < DEADLINE_SECONDS


@contextmanager
def held(client: ProviderClient, path: str) -> Iterator[Semaphore]:
    """Requests for `path` arrive (the semaphore counts them) and get no answer before the end of the block."""
    arrived, released = Semaphore(0), Event()

    def hold() -> None:
        arrived.release()
        released.wait(30)

    client.op.before[path] = hold
    try:
        yield arrived
    finally:
        released.set()


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [("token", "hang"), ("token", "drip"), ("token", "drip-headers"), ("userinfo", "hang"), ("jwks", "drip")],
)
def test_a_callback_ends_at_the_deadline(other_user: ProviderClient, hurry: Hurry, endpoint: str, fault: Any) -> None:
    other_user.clock.advance(STALE_SECONDS)
    back = other_user.callback_url()
    setattr(other_user.op.faults, endpoint, fault)
    hurry()
    with promptly():
        answer = other_user.get(back)

    assert failure_reason(answer, other_user) == "unavailable"
    assert (other_user.name(), other_user.flow_cookies()) == ("Rei Resident", [])


@pytest.mark.parametrize("slow", [("/token", "/jwks"), ("/token", "/userinfo"), ("/jwks", "/userinfo")])
def test_answers_that_are_each_in_time_may_be_too_late_together(
    other_user: ProviderClient, hurry: Hurry, slow: tuple[str, str]
) -> None:
    """No keys are left from before, and the ID token lacks the profile, so that everything has to be asked."""
    other_user.clock.advance(STALE_SECONDS)
    other_user.op.claims_in = "userinfo"
    back = other_user.callback_url()
    other_user.op.before = dict.fromkeys(slow, lambda: Event().wait(SLOW))
    hurry()
    with promptly():
        answer = other_user.get(back)

    assert failure_reason(answer, other_user) == "unavailable"
    assert other_user.name() == "Rei Resident"


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
@pytest.mark.parametrize("last", ["token", "userinfo"])
def test_a_provider_that_is_slow_at_every_step_has_one_deadline(
    other_user: ProviderClient, hurry: Hurry, last: Literal["token", "userinfo"], fault: Any
) -> None:
    """Metadata and keys are there in old copies, so that the visit goes on behind each of them."""
    other_user.op.claims_in = "userinfo"
    other_user.sign_in_as()
    other_user.clock.advance(METADATA_SECONDS - 60)
    back = other_user.callback_url()
    other_user.clock.advance(60)
    other_user.op.faults = Faults(discovery=fault, jwks=fault, userinfo=fault, token=fault if last == "token" else None)
    hurry(1.0)
    asked = other_user.op.count(f"/{last}")
    start = monotonic()
    answer = other_user.get(back)

    assert 0.9 < monotonic() - start < LATE
    assert other_user.op.count(f"/{last}") == asked + 1
    assert failure_reason(answer, other_user) == "unavailable"


def test_nobody_spends_another_s_time(other_user: ProviderClient, hurry: Hurry) -> None:
    """Whoever comes later is still waited for when the first one's time is up, and the same thread starts afresh."""
    first, second = (ProviderClient(other_user.app, other_user.op) for _ in range(2))
    backs = first.callback_url(), second.callback_url()
    with ThreadPoolExecutor(1) as early, ThreadPoolExecutor(1) as late:
        with held(other_user, "/token") as arrived:
            hurry()
            failing = early.submit(first.get, backs[0])
            assert arrived.acquire(timeout=LATE)
            hurry(2 * LATE)
            waiting = late.submit(second.get, backs[1])
            assert arrived.acquire(timeout=LATE)
            assert failure_reason(failing.result(LATE), first) == "unavailable"
            assert not waiting.done()
        waiting.result(LATE)
        early.submit(first.sign_in_as).result(LATE)

    assert (first.name(), second.name()) == ("Vera Visitor", "Vera Visitor")


@pytest.mark.parametrize("fault", ["hang", "drip-headers"])
def test_a_sign_in_that_cannot_begin_says_so_at_the_deadline(
    other_user: ProviderClient, hurry: Hurry, fault: Any
) -> None:
    other_user.clock.advance(STALE_SECONDS)
    other_user.op.faults.discovery = fault
    hurry()
    with promptly():
        answer = other_user.begin_sign_in(provider="oidc")

    assert failure_reason(answer, other_user) == "unavailable"
    other_user.op.faults = Faults()
    hurry(LATE)
    other_user.sign_in_as()
    assert other_user.name() == "Vera Visitor"


def test_metadata_that_hangs_is_waited_for_once_where_there_is_a_good_copy(
    client: ProviderClient, hurry: Hurry
) -> None:
    """And not for long, so that time is left for what comes after it."""
    client.sign_in_as()
    client.clock.advance(METADATA_SECONDS - 60)
    back = client.callback_url()
    client.clock.advance(60)
    client.op.faults.discovery = "hang"
    hurry(LATE / 2)
    with promptly():
        answer = client.get(back)

    assert answer.headers["Location"].endswith("/dashboard")
    assert client.op.count("/.well-known/openid-configuration") == 2


def test_everybody_else_is_served_meanwhile(other_user: ProviderClient) -> None:
    newcomer = ProviderClient(other_user.app, other_user.op)
    back = newcomer.callback_url()
    with ThreadPoolExecutor(1) as worker:
        with held(other_user, "/token") as arrived:
            waiting = worker.submit(newcomer.get, back)
            assert arrived.acquire(timeout=LATE)
            with promptly():
                pages = [other_user.get(path).status_code for path in ("/", "/dashboard", "/partials/user-menu")]
            assert (pages, other_user.name(), waiting.done()) == ([200, 200, 200], "Rei Resident", False)
        waiting.result(LATE)

    assert newcomer.name() == "Vera Visitor"


def test_whoever_comes_when_all_places_are_taken_is_told_at_once(other_user: ProviderClient, hurry: Hurry) -> None:
    """Nobody queues behind a provider that hangs, and the places come back."""
    clients = [ProviderClient(other_user.app, other_user.op) for _ in range(PLACES + 1)]
    *backs, last = [client.callback_url() for client in clients]
    hurry(30)
    with ThreadPoolExecutor(PLACES) as workers:
        with held(other_user, "/token") as arrived:
            waiting: list[Future[TestResponse]] = [
                workers.submit(client.get, back) for client, back in zip(clients, backs, strict=False)
            ]
            assert all(arrived.acquire(timeout=LATE) for _ in backs)
            with promptly():
                assert failure_reason(clients[-1].get(last), clients[-1]) == "unavailable"
        assert all(call.result(LATE) for call in waiting)

    clients[-1].sign_in_as()
    assert [client.name() for client in clients] == ["Vera Visitor"] * (PLACES + 1)
