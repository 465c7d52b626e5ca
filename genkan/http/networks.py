"""Networks of clients. The addresses of one network are counted together, since one client can use many of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"
"""Network of every client without a valid address. They are counted together."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses that a translator has written as IPv6 (RFC 6052)."""


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in its one form, an IPv4 address inside an IPv6 one as IPv4. None if the text is no address."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed in _TRANSLATED:
        return IPv4Address(parsed.packed[12:])
    return parsed.ipv4_mapped or parsed


def network_of(address: str | None) -> str:
    """Return the network of a client as text: the first 24 bits of an IPv4 address, the first 64 of an IPv6 address.

    None and every text that is no address have the network UNKNOWN.
    """
    parsed = parse_address(address or "")
    if parsed is None:
        return UNKNOWN
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))
