"""Does that host never leave this machine?"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, ip_address


def is_loopback(host: str | None) -> bool:
    """127.0.0.0/8, ::1 and the very name `localhost`; names that merely end so are somebody's to resolve."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address == IPv6Address("::1") or address in IPv4Network("127.0.0.0/8")
