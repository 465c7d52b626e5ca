"""So much from one address and no more, whatever the address looks like, and nobody pays for somebody else."""

from __future__ import annotations

import pytest

from genkan.http.rate_limit import MAX_ADDRESSES, RateLimit
from tests.clock import FrozenClock


@pytest.fixture(name="throttle")
def _throttle(clock: FrozenClock) -> RateLimit:
    return RateLimit(3, 10.0, clock)


def test_a_burst_passes_and_then_one_at_a_time(throttle: RateLimit, clock: FrozenClock) -> None:
    assert [throttle.allow("192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    clock.advance(9)
    assert not throttle.allow("192.0.2.1")
    clock.advance(1)
    assert [throttle.allow("192.0.2.1") for _ in range(2)] == [True, False]


def test_who_rests_has_the_whole_burst_again_and_not_more(throttle: RateLimit, clock: FrozenClock) -> None:
    for _ in range(3):
        throttle.allow("192.0.2.1")
    clock.advance(1000)
    assert [throttle.allow("192.0.2.1") for _ in range(4)] == [True, True, True, False]


def test_one_address_does_not_count_for_another(throttle: RateLimit) -> None:
    for _ in range(4):
        throttle.allow("192.0.2.1")
    assert throttle.allow("192.0.2.2")


@pytest.mark.parametrize(
    ("first", "second"),
    [("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::2%eth1")],
)
def test_addresses_of_one_customer_are_one(throttle: RateLimit, first: str, second: str) -> None:
    for _ in range(3):
        throttle.allow(first)
    assert not throttle.allow(second)


def test_the_next_network_is_somebody_else(throttle: RateLimit) -> None:
    for _ in range(4):
        throttle.allow("2001:db8:0:1::1")
    assert throttle.allow("2001:db8:0:2::1")


def test_an_address_that_is_not_known_may_always_pass(throttle: RateLimit) -> None:
    assert all(throttle.allow(None) for _ in range(10))


@pytest.mark.parametrize("address", ["", "unix:", "\ufffd", "x" * 10_000])
def test_an_address_that_is_none_is_counted_as_it_stands(throttle: RateLimit, address: str) -> None:
    assert [throttle.allow(address) for _ in range(4)] == [True, True, True, False]


def test_no_number_of_addresses_fills_a_worker(throttle: RateLimit) -> None:
    for number in range(MAX_ADDRESSES + 500):
        throttle.allow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._full_at) == MAX_ADDRESSES
