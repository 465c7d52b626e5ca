"""Limits for mails, with counters in memory and a clock that stands still."""

from __future__ import annotations

import pytest

from genkan.email.limits import DAY, QUARTER, MailLimits
from tests.clock import FrozenClock
from tests.memory_limits import MemoryLimits

HANA, CLIENT = "hana@example.com", "203.0.113.7"


@pytest.fixture(name="clock")
def _clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(name="store")
def _store(clock: FrozenClock) -> MemoryLimits:
    return MemoryLimits(clock)


@pytest.fixture(name="limits")
def _limits(store: MemoryLimits) -> MailLimits:
    return MailLimits(store)


@pytest.mark.parametrize("client", [CLIENT, "2001:db8::1", None])
def test_one_network_sends_three_mails_to_an_address_in_a_quarter(
    limits: MailLimits, clock: FrozenClock, client: str | None
) -> None:
    assert [limits.allow("sign_in", HANA, client) for _ in range(5)] == [True] * 3 + [False] * 2
    assert limits.allow("sign_in", "kenji@example.com", client)
    assert limits.allow("sign_in", HANA, "198.51.100.1")
    clock.offset += QUARTER
    assert limits.allow("sign_in", HANA, client)


def test_purposes_are_counted_apart(limits: MailLimits) -> None:
    for purpose in ("sign_in", "sign_up", "reset", "address"):
        assert [limits.allow(purpose, HANA, CLIENT) for _ in range(4)] == [True] * 3 + [False]


def test_one_network_sends_twenty_mails_in_a_quarter_and_a_flood_writes_few_rows(
    limits: MailLimits, store: MemoryLimits, clock: FrozenClock
) -> None:
    sent = [limits.allow("sign_in", f"user{index}@example.com", f"203.0.113.{index % 250}") for index in range(500)]

    assert sent == [True] * 20 + [False] * 480
    assert len(store.rows) == 61
    clock.offset += QUARTER
    assert limits.allow("sign_in", HANA, CLIENT)


def test_an_address_gets_thirty_mails_a_day_from_all_networks(limits: MailLimits, clock: FrozenClock) -> None:
    assert [limits.allow("reset", HANA, f"10.0.{index}.1") for index in range(35)] == [True] * 30 + [False] * 5
    assert limits.allow("sign_in", HANA, CLIENT)
    clock.offset += DAY
    assert limits.allow("reset", HANA, CLIENT)


def test_one_network_can_not_use_up_the_mails_of_an_address(limits: MailLimits, clock: FrozenClock) -> None:
    sent = 0
    for _ in range(20):
        sent += sum(limits.allow("sign_in", HANA, CLIENT) for _ in range(3))
        clock.offset += QUARTER

    assert sent == 10
    assert limits.allow("sign_in", HANA, "198.51.100.1")
