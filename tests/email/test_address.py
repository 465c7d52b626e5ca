"""Addresses: one form for one mailbox, and nothing that is not exactly one address."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkan.email.address import MAX_LENGTH, normalize
from genkan.errors import InvalidAddress

LONG_DOMAIN = ".".join("d" * 60 for _ in range(3))


# requirement K7
@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("hana@example.com", "hana@example.com"),
        ("  Hana@Example.COM\n", "hana@example.com"),
        ("hana\uff20example.com", "hana@example.com"),
        ("hana\ufe6bexample.com", "hana@example.com"),
        ("\uff48\uff41\uff4e\uff41@example.com", "hana@example.com"),
        ("hana+shop@example.com", "hana+shop@example.com"),
        ("h.a.n.a@gmail.com", "h.a.n.a@gmail.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("hana@bücher.example.com", "hana@xn--bcher-kva.example.com"),
        ("hana@BÜCHER.example.com", "hana@xn--bcher-kva.example.com"),
        ("hana@xn--bcher-kva.example.com", "hana@xn--bcher-kva.example.com"),
        ("hana@bu\u0308cher.example.com", "hana@xn--bcher-kva.example.com"),
        ("hana@example。com", "hana@example.com"),
        ("\u212aen@example.com", "ken@example.com"),
        ("hana@shop.test", "hana@shop.test"),
        (f"{'h' * 64}@example.com", f"{'h' * 64}@example.com"),
        (f"{'h' * 64}@{LONG_DOMAIN}.dd.com", f"{'h' * 64}@{LONG_DOMAIN}.dd.com"),
    ],
)
def test_an_address_has_one_form(typed: str, address: str) -> None:
    assert normalize(typed) == address
    assert normalize(address) == address


# requirement K7
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "hana", "hana@", "@example.com", "hana@@example.com", "hana@example.com@evil.example"),
        *(
            "hana\uff20example.com@evil.example",
            "hana@example.com\uff20evil.example",
            '"a@b"@example.com',
            '"hana"@example.com',
        ),
        *("a@example.com,b@example.com", "a@example.com;b@example.com", "a@example.com, b@example.com"),
        *(
            "a,b@example.com",
            "hana@example.com,evil.example",
            "a b@example.com",
            "hana@exam ple.com",
            "a\u3000b@example.com",
        ),
        *(
            "hana@example.com\r\nBcc: eve@evil.example",
            "ha\rna@example.com",
            "ha\nna@example.com",
            "ha\0na@example.com",
        ),
        *(
            "ha\tna@example.com",
            "hana\x7f@example.com",
            "<hana@example.com>",
            "Hana <hana@example.com>",
            "hana@<example.com>",
        ),
        *(
            "hana(comment)@example.com",
            "hana@example.com(comment)",
            "hana@[127.0.0.1]",
            "hana\\@example.com",
            "a:b@example.com",
        ),
        *("hàna@example.com", "玄関@example.com", "ha\u200bna@example.com", "hana@exam\u200bple.com\u202e"),
        *(
            "hana@localhost",
            "hana@example",
            "hana@example.com.",
            "hana@.example.com",
            "hana@exa..mple.com",
            "hana@-a.com",
        ),
        *(".hana@example.com", "hana.@example.com", "ha..na@example.com", "hana@127.0.0.1", "hana@exa_mple.com"),
        *(
            f"{'h' * 65}@example.com",
            f"{'h' * 64}@{LONG_DOMAIN}.ddd.com",
            "h@" + "x" * 2000 + ".com",
            "hana@xn--zz.com",
        ),
    ],
)
def test_nothing_else_is_an_address(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        normalize(text)
    assert caught.value.reason == "address"
    assert str(caught.value) == "it is not an email address"


@given(st.text(max_size=300) | st.from_regex(r"[^@]{0,70}[@\uff20\ufe6b][^@]{0,40}\.com"))
def test_every_text_is_refused_or_becomes_one_safe_address(text: str) -> None:
    try:
        address = normalize(text)
    except InvalidAddress:
        return
    assert address.isascii()
    assert address == address.lower()
    assert address.count("@") == 1
    assert len(address) <= MAX_LENGTH
    assert not set(address) & set(' \t\r\n\0"(),:;<>[]\\')
    assert normalize(address) == address


def test_the_library_is_loaded_with_the_first_address_only() -> None:
    code = "import sys, genkan.email.address; print('email_validator' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout == "False\n"
