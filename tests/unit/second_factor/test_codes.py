"""Codes of authenticator apps (RFC 6238) and recovery codes."""

from __future__ import annotations

import re
from base64 import b32encode
from urllib.parse import parse_qs, urlsplit

import pytest

from genkan.actions.second_factor.check import digits_of
from genkan.second_factor import recovery
from genkan.second_factor.qr_code import svg
from genkan.second_factor.recovery import RecoveryCodes, new_codes
from genkan.second_factor.totp import code_at, find_step, groups, new_secret, uri

SECRET = b32encode(b"12345678901234567890").decode()
"""The secret of the test vectors in RFC 6238, appendix B."""


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(time: int, code: str) -> None:
    """The standard's codes have eight digits, of which these are the last six."""
    assert code_at(SECRET, time // 30) == code
    assert find_step(SECRET, code, time) == time // 30


def test_one_period_before_and_after_is_accepted() -> None:
    step = 1_000_000
    codes = [code_at(SECRET, step + number) for number in range(-2, 3)]

    assert [find_step(SECRET, code, step * 30 + 29) for code in codes] == [None, step - 1, step, step + 1, None]
    assert find_step(SECRET, "", step * 30) is None
    assert find_step(SECRET, code_at(SECRET, 0), 5) == 0


def test_secrets_are_random_and_shown_in_groups() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(re.fullmatch("[A-Z2-7]{32}", secret) for secret in secrets)
    assert groups("ABCDEFGH23") == "ABCD EFGH 23"


def test_the_url_names_site_and_user() -> None:
    link = uri("ABCD", issuer="shop.example:8000", account="hana+x@example.com")

    assert link == "otpauth://totp/shop.example%208000:hana%2Bx@example.com?secret=ABCD&issuer=shop.example%208000"


def test_a_qr_code_needs_no_style_and_no_script() -> None:
    image = svg(uri("ABCD", issuer="shop.example", account="hana@example.com"))

    assert image.startswith("<svg")
    assert "style" not in image
    assert "http" not in image
    assert "ABCD" not in image


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("\uff11\uff12\uff13456", "123456"),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", "123456"),
        ("12345", ""),
        ("1234567", ""),
        ("12345a", ""),
        ("12\u216434", ""),
        ("", ""),
    ],
)
def test_digits_of_a_typed_code(text: str, digits: str) -> None:
    assert digits_of(text) == digits


def test_recovery_codes_are_random_and_read_without_dashes_and_case() -> None:
    codes = new_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[A-HJ-NP-Z2-9]{5}-[A-HJ-NP-Z2-9]{5}", code) for code in codes)
    plain = codes[0].replace("-", "")

    assert {recovery.normalize(text) for text in (codes[0], codes[0].lower(), f" {plain[:3]} {plain[3:]}")} == {plain}
    for text in ("", "12345", codes[0] + "A", "IIIII-IIIII", "\u00df" * 10, "A" * 10_000):
        assert recovery.normalize(text) is None


def test_a_hash_of_a_recovery_code_needs_user_and_secret() -> None:
    code = new_codes()[0]
    hashes = RecoveryCodes(["new", "old"])

    assert hashes.hash("hana", code) == hashes.hashes("hana", code.lower())[0]
    assert hashes.hash("hana", code) != hashes.hash("ada", code)
    assert RecoveryCodes(["old"]).hash("hana", code) in hashes.hashes("hana", code)
    assert RecoveryCodes(["other"]).hash("hana", code) not in hashes.hashes("hana", code)


@pytest.mark.parametrize("name", ["\U0001f3ee" * 200, "x" * 254 + "@example.com", "a/b:c?secret=A&issuer=B#d <e>"])
def test_every_name_fits_into_the_picture(name: str) -> None:
    """Also the longest one that a user can choose, of characters with twelve letters each in the URL."""
    secret = new_secret()
    link = uri(secret, issuer=f"{'shop.' * 49}example:8000", account=name)

    assert parse_qs(urlsplit(link).query)["secret"] == [secret]
    assert urlsplit(link).path.count(":") == 1
    assert svg(link).startswith("<svg")
