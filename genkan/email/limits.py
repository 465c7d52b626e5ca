"""Limits for mails that are asked for. All workers share them."""

from __future__ import annotations

from genkan.adapters.addresses import LimitStore, Purpose
from genkan.http.networks import network_of

QUARTER, DAY = 15 * 60, 24 * 3600

MAX_OF_PAIR, MAX_OF_NETWORK = 3, 20
"""Mails in 15 minutes to one address from one network, and to all addresses from one network."""

MAX_OF_ADDRESS, MAX_OF_PAIR_IN_A_DAY = 30, 10
"""Mails in a day to one address from all networks, and from one: a stranger's network leaves enough for its owner."""


class MailLimits:
    """Limits for each purpose of a mail."""

    def __init__(self, limits: LimitStore) -> None:
        self._limits = limits

    def allow(self, purpose: Purpose, email: str, remote_addr: str | None) -> bool:
        """Count a mail to the normalised address and return True if it may be sent. Raises AdapterError.

        The network is counted first. Beyond its limit nothing else is written, however many addresses are asked for.
        """
        network = network_of(remote_addr)
        counters = (
            (f"mail {purpose} network {network}", QUARTER, MAX_OF_NETWORK),
            (f"mail {purpose} pair {network} {email}", QUARTER, MAX_OF_PAIR),
            (f"mail {purpose} pair of a day {network} {email}", DAY, MAX_OF_PAIR_IN_A_DAY),
            (f"mail {purpose} address {email}", DAY, MAX_OF_ADDRESS),
        )
        return all(self._limits.count(key, seconds) <= maximum for key, seconds, maximum in counters)
