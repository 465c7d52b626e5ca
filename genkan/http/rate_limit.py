"""How often one address may ask for something that costs us and others more than it costs them (D6).

Kept by each worker for itself: what anonymous visitors do is written neither to the database nor to Redis.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Lock

from genkan.cache.bounded import BoundedCache
from genkan.crypto.sealer import Clock

MAX_ADDRESSES = 10_000
"""How many a worker remembers; the one that came first is forgotten first."""

_NETWORK_BITS = 64
"""Of an IPv6 address: what one customer has to choose from."""


class RateLimit:
    """Lets `burst` through at once and one more every `seconds` after that, for each address."""

    def __init__(self, burst: int, seconds: float, clock: Clock) -> None:
        self._seconds, self._clock = seconds, clock
        self._slack = (burst - 1) * seconds
        # For each address, the moment from which on it has its whole burst again.
        self._rested_at: BoundedCache[float] = BoundedCache(MAX_ADDRESSES)
        self._lock = Lock()

    def allow(self, address: str | None) -> bool:
        """Whether this one may pass, and counts it if so; an unknown address always may."""
        if address is None:
            return True
        key, now = _network(address), self._clock()
        with self._lock:
            rested_at = max(self._rested_at.get(key) or now, now)
            if rested_at - now > self._slack:
                return False
            self._rested_at.set(key, rested_at + self._seconds)
        return True


def _network(address: str) -> bytes:
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address.encode()[:64]
    if isinstance(parsed, IPv4Address):
        return parsed.packed
    return parsed.ipv4_mapped.packed if parsed.ipv4_mapped else parsed.packed[: _NETWORK_BITS // 8]
