"""Limits for wrong passwords. All workers share them.

An attempt is counted before its password is compared, so that parallel guesses can't exceed a limit. What turns out to
be right, or is not compared, is taken back. So the counters contain wrong passwords only, also of addresses without an
account.
"""

from __future__ import annotations

from typing import NamedTuple

from genkan.adapters.addresses import LimitStore
from genkan.http.networks import network_of

MINUTE, DAY = 60, 24 * 3600

FREE, FIRST_DELAY, MAX_DELAY = 5, 2, 15 * MINUTE
"""Wrong passwords for one account from one network without a delay. Then each doubles the delay: 2, 4, 8 … seconds."""

MAX_OF_ACCOUNT = 20
"""Wrong passwords for one account in a day. Beyond them, only browsers in which the user has signed in before can use a
password. A mail works everywhere, so that a stranger can't lock the user out."""

MAX_OF_NETWORK, NETWORK_PERIOD = 30, 10 * MINUTE
"""Wrong passwords for all accounts from one network, and the seconds in which they are counted."""


class Attempt(NamedTuple):
    """An attempt to sign in by password. With `wait` or `needs_mail` its password must not be compared."""

    counters: tuple[str, ...] = ()
    """Keys of the counters that have counted it. The first is that of this account and client."""
    wait: int = 0
    """Seconds until another attempt is allowed. 0 if this one is."""
    needs_mail: bool = False
    """True if a password is not enough for this account from this browser today, and a link or code by mail is."""


class PasswordThrottle:
    """Limits for wrong passwords: per account and network, per account, and per network."""

    def __init__(self, limits: LimitStore) -> None:
        self._limits = limits

    def begin(self, account: str, remote_addr: str | None, *, known: bool = False) -> Attempt:
        """Count an attempt, before its password is compared. Raises AdapterError.

        `account` is the normalised address, also of an unknown user. With `known` the user has signed in with this browser
        before. Then only the limit for the account and network holds, with a counter that strangers can't reach. Call
        `failed`, `succeeded` or `cancel` afterwards, unless `wait` is not 0.
        """
        network = network_of(remote_addr)
        if known:
            return self._attempt(f"password known {network} {account}")
        of_network, of_account = f"password network {network}", f"password account {account}"
        if self._limits.count(of_network, NETWORK_PERIOD) > MAX_OF_NETWORK:
            self._limits.uncount(of_network)
            return Attempt(wait=NETWORK_PERIOD)
        attempt = self._attempt(f"password pair {network} {account}", of_network)
        if not attempt.wait and self._limits.count(of_account, DAY) > MAX_OF_ACCOUNT:
            self._take_back((*attempt.counters, of_account))
            return Attempt(wait=DAY, needs_mail=True)
        return attempt if attempt.wait else attempt._replace(counters=(*attempt.counters, of_account))

    def failed(self, attempt: Attempt) -> None:
        """End an attempt whose password was wrong. It has been counted already."""

    def succeeded(self, attempt: Attempt) -> None:
        """End an attempt whose password was right. Delays end for this account and client only. Raises AdapterError."""
        self._limits.clear(attempt.counters[0])
        self._take_back(attempt.counters[1:])

    def cancel(self, attempt: Attempt) -> None:
        """End an attempt whose password was not compared, because the server was busy. Raises AdapterError."""
        self._take_back(attempt.counters)

    def _attempt(self, pair: str, *counted: str) -> Attempt:
        """Count an attempt for an account and a client. If it has to wait, take it back from the other counters."""
        wait = self._limits.attempt(pair, free=FREE, first_delay=FIRST_DELAY, max_delay=MAX_DELAY, period=DAY)
        if wait:
            self._take_back(counted)
            return Attempt(wait=wait)
        return Attempt((pair, *counted))

    def _take_back(self, counters: tuple[str, ...]) -> None:
        if counters:
            self._limits.uncount(*counters)
