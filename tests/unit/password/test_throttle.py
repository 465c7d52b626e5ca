"""Limits for wrong passwords, with counters in memory and a clock that stands still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from genkan.password.known import KnownBrowsers
from genkan.password.throttle import DAY, Attempt, PasswordThrottle
from tests.clock import FrozenClock
from tests.memory_limits import MemoryLimits

HANA, KENJI = "hana@example.com", "kenji@example.com"
CLIENT, NEIGHBOUR, STRANGER = "203.0.113.7", "203.0.113.200", "198.51.100.1"


class Door:
    """A throttle, and what a sign-in does with it."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.limits = MemoryLimits(self.clock)
        self.throttle = PasswordThrottle(self.limits)

    def guess(self, account: str = HANA, client: str | None = CLIENT, *, known: bool = False) -> Attempt:
        """Try a wrong password."""
        attempt = self.throttle.begin(account, client, known=known)
        if not attempt.wait:
            self.throttle.failed(attempt)
        return attempt

    def sign_in(self, account: str = HANA, client: str | None = CLIENT, *, known: bool = False) -> bool:
        """Try the right password."""
        attempt = self.throttle.begin(account, client, known=known)
        if not attempt.wait:
            self.throttle.succeeded(attempt)
        return not attempt.wait

    def guess_from_everywhere(self, number: int, account: str = HANA) -> list[Attempt]:
        return [self.guess(account, f"10.{index // 250}.{index % 250}.1") for index in range(number)]


@pytest.fixture(name="door")
def _door() -> Door:
    return Door()


@pytest.mark.parametrize("client", [CLIENT, "2001:db8::1", None, "not an address"])
@pytest.mark.parametrize("known", [False, True])
def test_five_wrong_passwords_are_free_and_then_the_delay_doubles(door: Door, client: str | None, known: bool) -> None:
    """Also of a client without an address (K4)."""
    assert [door.guess(client=client, known=known).wait for _ in range(5)] == [0] * 5
    for delay in (2, 4, 8, 16):
        assert door.guess(client=client, known=known).wait == delay
        assert not door.sign_in(client=client, known=known)
        door.clock.offset += delay
        assert door.guess(client=client, known=known).wait == 0


def test_a_delay_is_fifteen_minutes_at_most_and_ends_after_a_day(door: Door) -> None:
    for _ in range(18):
        door.guess(known=True)
        door.clock.offset += 900
    door.guess(known=True)

    assert door.guess(known=True).wait == 900
    door.clock.offset += DAY
    assert [door.guess(known=True).wait for _ in range(6)] == [0] * 5 + [2]


def test_a_right_password_ends_the_delays_of_this_account_and_network_only(door: Door) -> None:
    for _ in range(4):
        door.guess(HANA, CLIENT)
        door.guess(HANA, STRANGER)
        door.guess(KENJI, CLIENT)
    assert door.sign_in(HANA, CLIENT)

    assert [door.guess(HANA, CLIENT).wait for _ in range(6)] == [0] * 5 + [2]
    assert [door.guess(HANA, STRANGER).wait for _ in range(2)] == [0, 2]
    assert [door.guess(KENJI, CLIENT).wait for _ in range(2)] == [0, 2]


def test_addresses_of_one_network_are_one_client(door: Door) -> None:
    guesses = [door.guess(client=f"203.0.113.{index}").wait for index in range(8)]
    ipv6 = [door.guess(client=f"2001:db8:1:2:{index}::{index}").wait for index in range(8)]

    assert guesses == ipv6 == [0] * 5 + [2] * 3


def test_one_network_has_thirty_wrong_passwords_for_all_accounts(door: Door) -> None:
    guesses = [door.guess(f"user{index}@example.com") for index in range(40)]

    assert [guess.wait for guess in guesses] == [0] * 30 + [600] * 10
    assert door.guess(HANA, NEIGHBOUR).wait == 600
    assert not door.guess(HANA, STRANGER).wait
    assert door.sign_in(HANA, CLIENT, known=True)
    door.clock.offset += 600
    assert door.sign_in(HANA, CLIENT)


def test_right_passwords_do_not_count(door: Door) -> None:
    """An office of many users has one network, and a script signs in many times a day."""
    assert all(door.sign_in(f"user{index}@example.com") for index in range(100))
    assert all(door.sign_in() for _ in range(100))
    assert door.limits.number("password") == 0


def test_attempts_that_have_to_wait_do_not_count(door: Door) -> None:
    for _ in range(100):
        door.guess(HANA)

    assert not door.guess(KENJI).wait
    assert door.limits.number("password account") == 6


def test_beyond_twenty_wrong_passwords_an_account_needs_a_known_browser(door: Door) -> None:
    """A stranger can't lock the owner out."""
    guesses = door.guess_from_everywhere(25)

    assert [guess.needs_mail for guess in guesses] == [False] * 20 + [True] * 5
    assert not door.sign_in(HANA, STRANGER)
    assert door.sign_in(HANA, STRANGER, known=True)
    assert not door.sign_in(HANA, STRANGER)
    assert door.sign_in(KENJI, STRANGER)
    door.clock.offset += DAY
    assert door.sign_in(HANA, STRANGER)


def test_strangers_in_the_same_network_do_not_delay_a_known_browser(door: Door) -> None:
    for client in (CLIENT, None):
        for _ in range(10):
            door.guess(HANA, client)

        assert door.sign_in(HANA, client, known=True)


# requirement K4
@pytest.mark.parametrize(("everywhere", "allowed"), [(False, 5), (True, 20)])
def test_parallel_guesses_do_not_exceed_the_limits(door: Door, everywhere: bool, allowed: bool) -> None:
    def begin(index: int) -> bool:
        return not door.throttle.begin(HANA, f"10.0.{index}.1" if everywhere else CLIENT).wait

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(begin, range(100))) == allowed


def test_a_cancelled_attempt_does_not_count(door: Door) -> None:
    for _ in range(50):
        attempt = door.throttle.begin(HANA, CLIENT)
        assert not attempt.wait
        door.throttle.cancel(attempt)

    assert door.limits.number("password") == 0


def test_the_cookie_of_a_known_browser_is_of_one_user_and_survives_a_rotation() -> None:
    old, rotated, other = KnownBrowsers(["old"]), KnownBrowsers(["new", "old"]), KnownBrowsers(["other"])
    value = old.create("1")

    assert old.verify(value, "1")
    assert rotated.verify(value, "1")
    assert rotated.create("1") != value
    assert not old.verify(value, "2")
    assert not other.verify(value, "1")
    assert not any(old.verify(wrong, "1") for wrong in (None, "", "é", "\udce9", value + "=", value[:-1]))
