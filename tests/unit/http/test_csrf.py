"""CSRF tokens in Auth.js's format, and the check of the request's origin."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from genkan.errors import CrossOriginRequest, MissingCSRF
from genkan.http.csrf import CSRF

SECRET = "correct-horse-battery-staple-authjs"
ORIGIN = "https://app.example"
COOKIE = "__Host-authjs.csrf-token"
TOKEN = "00112233445566778899aabbccddeeff" * 2
HASH = "1e845d75679860baca64bcf8c26cd946978dbdd244e9dfc6baccd3371add955a"
OTHER = "ff" * 32


@pytest.fixture(name="csrf")
def _csrf() -> CSRF:
    return CSRF([SECRET], ORIGIN, COOKIE)


def test_the_hash_equals_that_of_auth_js(csrf: CSRF) -> None:
    pair = csrf.load(f"{TOKEN}|{HASH}")

    assert pair is not None
    assert (pair.token, pair.cookie) == (TOKEN, f"{TOKEN}|{HASH}")


def test_a_new_token_is_32_random_bytes_in_hexadecimal(csrf: CSRF) -> None:
    pairs = [csrf.create() for _ in range(200)]

    assert len({pair.token for pair in pairs}) == 200
    assert all(re.fullmatch(r"[0-9a-f]{64}", pair.token) for pair in pairs)
    assert all(csrf.load(pair.cookie) == pair for pair in pairs)


def test_the_token_of_the_cookie_is_accepted(csrf: CSRF) -> None:
    csrf.check(f"{TOKEN}|{HASH}", TOKEN)


@pytest.mark.parametrize(
    "cookie",
    [
        None, "", "|", TOKEN, f"{TOKEN}|", f"|{HASH}", f"{TOKEN}|{HASH[:-1]}", f"{TOKEN}|{HASH}0", f"{TOKEN}|{HASH}|{HASH}",
        f"{TOKEN}|{HASH.upper()}", f"{OTHER}|{HASH}", f"{HASH}|{TOKEN}", f'"{TOKEN}|{HASH}"', f"{TOKEN}%7C{HASH}",
        f"{TOKEN}|é", f"é|{HASH}", "\ud800|\ud800", f"{TOKEN}|{HASH[:32]}é{HASH[33:]}",
    ],
)  # fmt: skip
def test_a_forged_cookie_is_refused(csrf: CSRF, cookie: str | None) -> None:
    assert csrf.load(cookie) is None
    with pytest.raises(MissingCSRF):
        csrf.check(cookie, TOKEN)


@pytest.mark.parametrize(
    "submitted", [None, "", OTHER, TOKEN[:-1], TOKEN + "0", TOKEN.upper(), f"{TOKEN}|{HASH}", HASH, 0, True, [TOKEN], {TOKEN: 1}, "é", "\ud800"]
)  # fmt: skip
def test_any_other_submitted_value_is_refused(csrf: CSRF, submitted: object) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(f"{TOKEN}|{HASH}", submitted)


def test_each_masked_token_differs_and_is_accepted(csrf: CSRF) -> None:
    """A token that repeats itself in compressed responses could be found out (BREACH)."""
    pair = csrf.create()
    masked = [pair.mask() for _ in range(50)]

    assert len({*masked, pair.token}) == 51
    assert not any(pair.token in token for token in masked)
    for token in masked:
        csrf.check(pair.cookie, token)


@pytest.mark.parametrize(
    "masked", ["00" * 32 + OTHER, "aa " * 42 + "aa", " " * 128, "zz" * 64, "00" * 64, "é" * 128, HASH + HASH]
)
def test_a_value_with_the_length_of_a_masked_token_is_refused(csrf: CSRF, masked: str) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(f"{TOKEN}|{HASH}", masked)


def test_the_token_of_another_browser_is_refused(csrf: CSRF) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(csrf.create().cookie, csrf.create().token)


def test_several_secrets_are_joined_by_commas_as_in_auth_js() -> None:
    pair = CSRF(["one", "two"], ORIGIN, COOKIE).create()

    assert CSRF(["one,two"], ORIGIN, COOKIE).load(pair.cookie) == pair
    assert CSRF(["two", "one"], ORIGIN, COOKIE).load(pair.cookie) is None


def test_a_token_of_an_old_secret_is_refused() -> None:
    assert CSRF(["new"], ORIGIN, COOKIE).load(CSRF(["old"], ORIGIN, COOKIE).create().cookie) is None


SAME_ORIGIN: list[Mapping[str, str]] = [
    {},
    {"origin": ORIGIN},
    {"origin": "https://APP.example:443"},
    {"sec-fetch-site": "same-origin", "origin": ORIGIN},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "null"},
    {"sec-fetch-site": "none", "origin": "null"},
]
CROSS_ORIGIN: list[Mapping[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "http://app.example"},
    {"origin": "https://app.example:8443"},
    {"origin": "https://app.example.evil.example"},
    {"origin": "https://sub.app.example"},
    {"origin": "https://evil.example@app.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": f"{ORIGIN} https://evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "null"},
    {"sec-fetch-site": "same-site", "origin": "null"},
    {"sec-fetch-site": "", "origin": "null"},
    {"sec-fetch-site": "Same-Origin", "origin": "null"},
    {"sec-fetch-site": "same-origin", "origin": "NULL"},
    {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
]


@pytest.mark.parametrize("headers", SAME_ORIGIN)
def test_same_origin_requests_and_other_clients_are_accepted(csrf: CSRF, headers: Mapping[str, str]) -> None:
    csrf.check_origin(headers)


# requirement C2
@pytest.mark.parametrize("headers", CROSS_ORIGIN)
def test_requests_of_another_site_a_subdomain_or_a_sandbox_are_refused(csrf: CSRF, headers: Mapping[str, str]) -> None:
    with pytest.raises(CrossOriginRequest):
        csrf.check_origin(headers)


def test_an_hmac_id_is_short_and_depends_on_the_secret(csrf: CSRF) -> None:
    own, with_other_secret = csrf.hmac_id("ada"), CSRF(["another secret"], ORIGIN, COOKIE).hmac_id("ada")

    assert re.fullmatch(r"[0-9a-f]{16}", own)
    assert own == csrf.hmac_id("ada")
    assert len({own, with_other_secret, csrf.hmac_id("grace"), csrf.hmac_id("\ufffd")}) == 4
