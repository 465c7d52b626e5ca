"""Limits for wrong passwords, with counters in memory and a clock that stands still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from genkan.http.known_browsers import KnownBrowsers
from genkan.password.throttle import DAY, Attempt, PasswordThrottle
from tests.clock import FrozenClock
from tests.memory_limits import MemoryLimits

HANA, KENJI = "hana@example.com", "kenji@example.com"
CLIENT, NEIGHBOUR, ELSEWHERE = "203.0.113.7", "203.0.113.200", "198.51.100.1"


class Logins:
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


@pytest.fixture(name="logins")
def _logins() -> Logins:
    return Logins()


@pytest.mark.parametrize("client", [CLIENT, "2001:db8::1", None, "not an address"])
@pytest.mark.parametrize("known", [False, True])
def test_five_wrong_passwords_are_free_and_then_the_delay_doubles(
    logins: Logins, client: str | None, known: bool
) -> None:
    """Also of a client without an address."""
    assert [logins.guess(client=client, known=known).wait for _ in range(5)] == [0] * 5
    for delay in (2, 4, 8, 16):
        assert logins.guess(client=client, known=known).wait == delay
        assert not logins.sign_in(client=client, known=known)
        logins.clock.offset += delay
        assert logins.guess(client=client, known=known).wait == 0


def test_a_delay_is_fifteen_minutes_at_most_and_ends_after_a_day(logins: Logins) -> None:
    for _ in range(18):
        logins.guess(known=True)
        logins.clock.offset += 900
    logins.guess(known=True)

    assert logins.guess(known=True).wait == 900
    logins.clock.offset += DAY
    assert [logins.guess(known=True).wait for _ in range(6)] == [0] * 5 + [2]


def test_a_right_password_ends_the_delays_of_this_account_and_network_only(logins: Logins) -> None:
    for _ in range(4):
        logins.guess(HANA, CLIENT)
        logins.guess(HANA, ELSEWHERE)
        logins.guess(KENJI, CLIENT)
    assert logins.sign_in(HANA, CLIENT)

    assert [logins.guess(HANA, CLIENT).wait for _ in range(6)] == [0] * 5 + [2]
    assert [logins.guess(HANA, ELSEWHERE).wait for _ in range(2)] == [0, 2]
    assert [logins.guess(KENJI, CLIENT).wait for _ in range(2)] == [0, 2]


def test_addresses_of_one_network_are_one_client(logins: Logins) -> None:
    guesses = [logins.guess(client=f"203.0.113.{index}").wait for index in range(8)]
    ipv6 = [logins.guess(client=f"2001:db8:1:2:{index}::{index}").wait for index in range(8)]

    assert guesses == ipv6 == [0] * 5 + [2] * 3


def test_one_network_has_thirty_wrong_passwords_for_all_accounts(logins: Logins) -> None:
    guesses = [logins.guess(f"user{index}@example.com") for index in range(40)]

    assert [guess.wait for guess in guesses] == [0] * 30 + [600] * 10
    assert logins.guess(HANA, NEIGHBOUR).wait == 600
    assert not logins.guess(HANA, ELSEWHERE).wait
    assert logins.sign_in(HANA, CLIENT, known=True)
    logins.clock.offset += 600
    assert logins.sign_in(HANA, CLIENT)


def test_right_passwords_do_not_count(logins: Logins) -> None:
    """An office of many users has one network, and a script signs in many times a day."""
    assert all(logins.sign_in(f"user{index}@example.com") for index in range(100))
    assert all(logins.sign_in() for _ in range(100))
    assert logins.limits.number("password") == 0


def test_attempts_that_have_to_wait_do_not_count(logins: Logins) -> None:
    for _ in range(100):
        logins.guess(HANA)

    assert not logins.guess(KENJI).wait
    assert logins.limits.number("password account") == 6


def test_beyond_twenty_wrong_passwords_an_account_needs_a_known_browser(logins: Logins) -> None:
    """A stranger can't lock the owner out."""
    guesses = logins.guess_from_everywhere(25)

    assert [guess.needs_mail for guess in guesses] == [False] * 20 + [True] * 5
    assert not logins.sign_in(HANA, ELSEWHERE)
    assert logins.sign_in(HANA, ELSEWHERE, known=True)
    assert not logins.sign_in(HANA, ELSEWHERE)
    assert logins.sign_in(KENJI, ELSEWHERE)
    logins.clock.offset += DAY
    assert logins.sign_in(HANA, ELSEWHERE)


def test_strangers_in_the_same_network_do_not_delay_a_known_browser(logins: Logins) -> None:
    for client in (CLIENT, None):
        for _ in range(10):
            logins.guess(HANA, client)

        assert logins.sign_in(HANA, client, known=True)


# requirement K4
@pytest.mark.parametrize(("everywhere", "allowed"), [(False, 5), (True, 20)])
def test_parallel_guesses_do_not_exceed_the_limits(logins: Logins, everywhere: bool, allowed: bool) -> None:
    def begin(index: int) -> bool:
        return not logins.throttle.begin(HANA, f"10.0.{index}.1" if everywhere else CLIENT).wait

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(begin, range(100))) == allowed


def test_a_cancelled_attempt_does_not_count(logins: Logins) -> None:
    for _ in range(50):
        attempt = logins.throttle.begin(HANA, CLIENT)
        assert not attempt.wait
        logins.throttle.cancel(attempt)

    assert logins.limits.number("password") == 0


def test_the_cookie_of_a_known_browser_is_of_one_user_and_survives_a_rotation() -> None:
    old, rotated, other = KnownBrowsers(["old"]), KnownBrowsers(["new", "old"]), KnownBrowsers(["other"])
    value = old.create("1")

    assert old.verify(value, "1")
    assert rotated.verify(value, "1")
    assert rotated.create("1") != value
    assert not old.verify(value, "2")
    assert not other.verify(value, "1")
    assert not any(old.verify(wrong, "1") for wrong in (None, "", "é", "\udce9", value + "=", value[:-1]))
