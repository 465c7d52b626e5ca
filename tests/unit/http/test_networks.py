"""Networks of clients: one for all spellings of an address, and one for everything that is no address."""

from __future__ import annotations

import pytest

from genkan.http.networks import UNKNOWN, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"), ("203.0.113.255", "203.0.113.0/24"), ("203.0.114.7", "203.0.114.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"), ("::FFFF:CB00:7107", "203.0.113.0/24"),
        ("0:0:0:0:0:ffff:203.0.113.7", "203.0.113.0/24"), ("64:ff9b::203.0.113.7", "203.0.113.0/24"),
        ("2001:db8::1", "2001:db8::/64"), ("2001:DB8:0:0:FFFF::1", "2001:db8::/64"), ("2001:db8::1%eth0", "2001:db8::/64"),
        ("2001:0db8:0000:0000:0000:0000:0000:0002", "2001:db8::/64"), ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
    ],
)  # fmt: skip
def test_an_address_has_the_network_of_its_one_form(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "spoofed",
    [
        None, "", "unknown", "unix:", "203.0.113.7, 198.51.100.1", "203.0.113.7:4711", "[2001:db8::1]", "203.0.113.007",
        " 203.0.113.7", "203.0.113.7\n", "0x7f.1", "2130706433", "%eth0", "é" * 10_000, "203.0.113.\uff17",
    ],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_what_is_no_address_is_one_client(spoofed: str | None) -> None:
    """No text gets a counter of its own."""
    assert network_of(spoofed) == UNKNOWN
