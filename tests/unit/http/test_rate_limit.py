"""Rate limit for each client address."""

from __future__ import annotations

import pytest

from genkan.http.rate_limit import MAX_ADDRESSES, RateLimit
from tests.clock import FrozenClock


@pytest.fixture(name="rate_limit")
def _rate_limit(clock: FrozenClock) -> RateLimit:
    return RateLimit(3, 10.0, clock)


def test_a_burst_is_allowed_and_then_one_request_per_interval(rate_limit: RateLimit, clock: FrozenClock) -> None:
    assert [rate_limit.allow("192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    clock.advance(9)
    assert not rate_limit.allow("192.0.2.1")
    clock.advance(1)
    assert [rate_limit.allow("192.0.2.1") for _ in range(2)] == [True, False]


def test_the_full_burst_is_available_after_a_pause(rate_limit: RateLimit, clock: FrozenClock) -> None:
    for _ in range(3):
        rate_limit.allow("192.0.2.1")
    clock.advance(1000)
    assert [rate_limit.allow("192.0.2.1") for _ in range(4)] == [True, True, True, False]


def test_addresses_are_counted_separately(rate_limit: RateLimit) -> None:
    for _ in range(4):
        rate_limit.allow("192.0.2.1")
    assert rate_limit.allow("192.0.2.2")


@pytest.mark.parametrize(
    ("first", "second"),
    [("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::2%eth1")],
)
def test_addresses_of_one_network_are_counted_together(rate_limit: RateLimit, first: str, second: str) -> None:
    for _ in range(3):
        rate_limit.allow(first)
    assert not rate_limit.allow(second)


def test_another_ipv6_network_is_counted_separately(rate_limit: RateLimit) -> None:
    for _ in range(4):
        rate_limit.allow("2001:db8:0:1::1")
    assert rate_limit.allow("2001:db8:0:2::1")


def test_an_unknown_address_is_always_allowed(rate_limit: RateLimit) -> None:
    assert all(rate_limit.allow(None) for _ in range(10))


@pytest.mark.parametrize("address", ["", "unix:", "\ufffd", "x" * 10_000])
def test_a_malformed_address_is_counted_as_text(rate_limit: RateLimit, address: str) -> None:
    assert [rate_limit.allow(address) for _ in range(4)] == [True, True, True, False]


def test_the_number_of_addresses_is_limited(rate_limit: RateLimit) -> None:
    for number in range(MAX_ADDRESSES + 500):
        rate_limit.allow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(rate_limit._full_at) == MAX_ADDRESSES
