"""Rate limit for each client IP address.

Each worker counts on its own. Requests of anonymous clients write neither to the database nor to Redis.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from threading import Lock

from genkan.cache.bounded import BoundedCache
from genkan.crypto.sealer import Clock
from genkan.http.networks import parse_address

MAX_ADDRESSES = 10_000
"""Addresses that a worker keeps. The oldest are dropped first."""

_NETWORK_BITS = 64
"""Prefix length of an IPv6 network that one customer typically gets. Its addresses are counted together."""


class RateLimit:
    """Token bucket for each address: `burst` requests at once, then one more every `seconds`."""

    def __init__(self, burst: int, seconds: float, clock: Clock) -> None:
        self._seconds, self._clock = seconds, clock
        self._slack = (burst - 1) * seconds
        # For each address, the time at which its full burst is available again.
        self._full_at: BoundedCache[float] = BoundedCache(MAX_ADDRESSES)
        self._lock = Lock()

    def allow(self, address: str | None) -> bool:
        """Return True and count the request if it is within the limit. An unknown address (None) is always allowed."""
        if address is None:
            return True
        key, now = _network(address), self._clock()
        with self._lock:
            full_at = max(self._full_at.get(key) or now, now)
            if full_at - now > self._slack:
                return False
            self._full_at.set(key, full_at + self._seconds)
        return True


def _network(address: str) -> bytes:
    parsed = parse_address(address)
    if parsed is None:
        return address.encode()[:64]
    return parsed.packed if isinstance(parsed, IPv4Address) else parsed.packed[: _NETWORK_BITS // 8]
