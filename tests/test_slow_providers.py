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

from genkan import oauth
from genkan.bulkhead import Bulkhead
from genkan.discovery import METADATA_SECONDS, STALE_SECONDS
from genkan.outbound import DEADLINE_SECONDS, mount_limits
from tests.peers.faults import Faults
from tests.visitors import Visitor, reason_of

pytestmark = pytest.mark.xdist_group("timing")

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
    bulkhead = Bulkhead(per_host=PLACES)

    def hurry(seconds: float = SOON) -> None:
        monkeypatch.setattr(oauth, "VISIT_SECONDS", seconds)
        monkeypatch.setattr(oauth, "mount_limits", partial(mount_limits, bulkhead=bulkhead))

    return hurry


@pytest.fixture(autouse=True)
def _provider_recovers(lasting_house: Visitor) -> Iterator[None]:
    yield
    op = lasting_house.op
    op.before, op.faults, op.claims_in = {}, Faults(), "both"


@contextmanager
def promptly() -> Iterator[None]:
    start = monotonic()
    yield
    assert monotonic() - start < LATE < DEADLINE_SECONDS


@contextmanager
def held(visitor: Visitor, path: str) -> Iterator[Semaphore]:
    """Requests for `path` arrive (the semaphore counts them) and get no answer before the end of the block."""
    arrived, released = Semaphore(0), Event()

    def hold() -> None:
        arrived.release()
        released.wait(30)

    visitor.op.before[path] = hold
    try:
        yield arrived
    finally:
        released.set()


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [("token", "hang"), ("token", "drip"), ("token", "drip-headers"), ("userinfo", "hang"), ("jwks", "drip")],
)
def test_a_callback_ends_at_the_deadline(resident: Visitor, hurry: Hurry, endpoint: str, fault: Any) -> None:
    resident.clock.advance(STALE_SECONDS)
    back = resident.come_back()
    setattr(resident.op.faults, endpoint, fault)
    hurry()
    with promptly():
        answer = resident.get(back)

    assert reason_of(answer, resident) == "unavailable"
    assert (resident.name(), resident.flows()) == ("Rei Resident", [])


@pytest.mark.parametrize("slow", [("/token", "/jwks"), ("/token", "/userinfo"), ("/jwks", "/userinfo")])
def test_answers_that_are_each_in_time_may_be_too_late_together(
    resident: Visitor, hurry: Hurry, slow: tuple[str, str]
) -> None:
    """No keys are left from before, and the ID token lacks the profile, so that everything has to be asked."""
    resident.clock.advance(STALE_SECONDS)
    resident.op.claims_in = "userinfo"
    back = resident.come_back()
    resident.op.before = dict.fromkeys(slow, lambda: Event().wait(SLOW))
    hurry()
    with promptly():
        answer = resident.get(back)

    assert reason_of(answer, resident) == "unavailable"
    assert resident.name() == "Rei Resident"


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
@pytest.mark.parametrize("last", ["token", "userinfo"])
def test_a_provider_that_is_slow_at_every_step_has_one_deadline(
    resident: Visitor, hurry: Hurry, last: Literal["token", "userinfo"], fault: Any
) -> None:
    """Metadata and keys are there in old copies, so that the visit goes on behind each of them."""
    resident.op.claims_in = "userinfo"
    resident.enter()
    resident.clock.advance(METADATA_SECONDS - 60)
    back = resident.come_back()
    resident.clock.advance(60)
    resident.op.faults = Faults(discovery=fault, jwks=fault, userinfo=fault, token=fault if last == "token" else None)
    hurry(1.0)
    asked = resident.op.count(f"/{last}")
    start = monotonic()
    answer = resident.get(back)

    assert 0.9 < monotonic() - start < LATE
    assert resident.op.count(f"/{last}") == asked + 1
    assert reason_of(answer, resident) == "unavailable"


def test_nobody_spends_another_s_time(resident: Visitor, hurry: Hurry) -> None:
    """Whoever comes later is still waited for when the first one's time is up, and the same thread starts afresh."""
    first, second = (Visitor(resident.app, resident.op) for _ in range(2))
    backs = first.come_back(), second.come_back()
    with ThreadPoolExecutor(1) as early, ThreadPoolExecutor(1) as late:
        with held(resident, "/token") as arrived:
            hurry()
            failing = early.submit(first.get, backs[0])
            assert arrived.acquire(timeout=LATE)
            hurry(2 * LATE)
            waiting = late.submit(second.get, backs[1])
            assert arrived.acquire(timeout=LATE)
            assert reason_of(failing.result(LATE), first) == "unavailable"
            assert not waiting.done()
        waiting.result(LATE)
        early.submit(first.enter).result(LATE)

    assert (first.name(), second.name()) == ("Vera Visitor", "Vera Visitor")


@pytest.mark.parametrize("fault", ["hang", "drip-headers"])
def test_a_sign_in_that_cannot_begin_says_so_at_the_deadline(resident: Visitor, hurry: Hurry, fault: Any) -> None:
    resident.clock.advance(STALE_SECONDS)
    resident.op.faults.discovery = fault
    hurry()
    with promptly():
        answer = resident.begin_sign_in(provider="oidc")

    assert reason_of(answer, resident) == "unavailable"
    resident.op.faults = Faults()
    hurry(LATE)
    resident.enter()
    assert resident.name() == "Vera Visitor"


def test_metadata_that_hangs_is_waited_for_once_where_there_is_a_good_copy(visitor: Visitor, hurry: Hurry) -> None:
    """And not for long, so that time is left for what comes after it."""
    visitor.enter()
    visitor.clock.advance(METADATA_SECONDS - 60)
    back = visitor.come_back()
    visitor.clock.advance(60)
    visitor.op.faults.discovery = "hang"
    hurry(LATE / 2)
    with promptly():
        answer = visitor.get(back)

    assert answer.headers["Location"].endswith("/dashboard")
    assert visitor.op.count("/.well-known/openid-configuration") == 2


def test_everybody_else_is_served_meanwhile(resident: Visitor) -> None:
    newcomer = Visitor(resident.app, resident.op)
    back = newcomer.come_back()
    with ThreadPoolExecutor(1) as worker:
        with held(resident, "/token") as arrived:
            waiting = worker.submit(newcomer.get, back)
            assert arrived.acquire(timeout=LATE)
            with promptly():
                pages = [resident.get(path).status_code for path in ("/", "/dashboard", "/partials/user-menu")]
            assert (pages, resident.name(), waiting.done()) == ([200, 200, 200], "Rei Resident", False)
        waiting.result(LATE)

    assert newcomer.name() == "Vera Visitor"


def test_whoever_comes_when_all_places_are_taken_is_told_at_once(resident: Visitor, hurry: Hurry) -> None:
    """Nobody queues behind a provider that hangs, and the places come back."""
    visitors = [Visitor(resident.app, resident.op) for _ in range(PLACES + 1)]
    *backs, last = [visitor.come_back() for visitor in visitors]
    hurry(30)
    with ThreadPoolExecutor(PLACES) as workers:
        with held(resident, "/token") as arrived:
            waiting: list[Future[TestResponse]] = [
                workers.submit(visitor.get, back) for visitor, back in zip(visitors, backs, strict=False)
            ]
            assert all(arrived.acquire(timeout=LATE) for _ in backs)
            with promptly():
                assert reason_of(visitors[-1].get(last), visitors[-1]) == "unavailable"
        assert all(call.result(LATE) for call in waiting)

    visitors[-1].enter()
    assert [visitor.name() for visitor in visitors] == ["Vera Visitor"] * (PLACES + 1)
