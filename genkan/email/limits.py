"""Limits for mails that are asked for. All workers share them."""

from __future__ import annotations

from genkan.adapters.addresses import LimitStore, Purpose
from genkan.http.networks import network_of

QUARTER, DAY = 15 * 60, 24 * 3600

MAX_OF_PAIR, MAX_OF_NETWORK = 3, 20
"""Mails in 15 minutes to one address from one network, and to all addresses from one network."""

MAX_OF_PAIR_IN_A_DAY, MAX_OF_ADDRESS = 10, 30
"""Mails in a day to one address from one network, and from all networks. The former is lower, so that a stranger in one
network can't use up all mails of a day and keep the owner of the address from signing in."""


class MailLimits:
    """Limits for each purpose of a mail."""

    def __init__(self, limits: LimitStore) -> None:
        self._limits = limits

    def allow(self, purpose: Purpose, email: str, remote_addr: str | None, *, known: bool = False) -> bool:
        """Count a mail to the normalised address and return True if it may be sent. Raises AdapterError.

        The network is counted first. Beyond its limit nothing else is written, however many addresses are asked for.
        With `known` the user of the address has signed in with the browser before. All such browsers of the user have
        the counters of one network, which strangers in any number of networks can't reach.
        """
        network = network_of(remote_addr)
        pair = f"known {email}" if known else f"{network} {email}"
        counters = [
            (f"mail {purpose} network {network}", QUARTER, MAX_OF_NETWORK),
            (f"mail {purpose} pair {pair}", QUARTER, MAX_OF_PAIR),
            (f"mail {purpose} pair of a day {pair}", DAY, MAX_OF_PAIR_IN_A_DAY),
        ]
        if not known:
            counters.append((f"mail {purpose} address {email}", DAY, MAX_OF_ADDRESS))
        return all(self._limits.count(key, seconds) <= maximum for key, seconds, maximum in counters)
