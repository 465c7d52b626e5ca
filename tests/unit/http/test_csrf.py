"""The double submit and the look at who is asking (C1, C2), in Auth.js's format."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from genkan.errors import CrossOriginRequest, MissingCSRF
from genkan.http.csrf import CSRF

SECRET = "correct-horse-battery-staple-authjs"
HOME = "https://app.example"
COOKIE = "__Host-authjs.csrf-token"
TOKEN = "00112233445566778899aabbccddeeff" * 2
HASH = "1e845d75679860baca64bcf8c26cd946978dbdd244e9dfc6baccd3371add955a"
OTHER = "ff" * 32


@pytest.fixture(name="csrf")
def _csrf() -> CSRF:
    return CSRF([SECRET], HOME, COOKIE)


def test_the_hash_is_the_one_that_auth_js_computes(csrf: CSRF) -> None:
    pair = csrf.load(f"{TOKEN}|{HASH}")

    assert pair is not None
    assert (pair.token, pair.cookie) == (TOKEN, f"{TOKEN}|{HASH}")


def test_a_new_token_is_32_random_bytes_in_hexadecimal_and_vouched_for(csrf: CSRF) -> None:
    pairs = [csrf.create() for _ in range(200)]

    assert len({pair.token for pair in pairs}) == 200
    assert all(re.fullmatch(r"[0-9a-f]{64}", pair.token) for pair in pairs)
    assert all(csrf.load(pair.cookie) == pair for pair in pairs)


def test_the_token_of_the_browsers_own_pair_passes(csrf: CSRF) -> None:
    csrf.check(f"{TOKEN}|{HASH}", TOKEN)


@pytest.mark.parametrize(
    "cookie",
    [
        None, "", "|", TOKEN, f"{TOKEN}|", f"|{HASH}", f"{TOKEN}|{HASH[:-1]}", f"{TOKEN}|{HASH}0", f"{TOKEN}|{HASH}|{HASH}",
        f"{TOKEN}|{HASH.upper()}", f"{OTHER}|{HASH}", f"{HASH}|{TOKEN}", f'"{TOKEN}|{HASH}"', f"{TOKEN}%7C{HASH}",
        f"{TOKEN}|é", f"é|{HASH}", "\ud800|\ud800", f"{TOKEN}|{HASH[:32]}é{HASH[33:]}",
    ],
)  # fmt: skip
def test_a_cookie_that_we_did_not_write_vouches_for_nothing(csrf: CSRF, cookie: str | None) -> None:
    assert csrf.load(cookie) is None
    with pytest.raises(MissingCSRF):
        csrf.check(cookie, TOKEN)


@pytest.mark.parametrize(
    "submitted", [None, "", OTHER, TOKEN[:-1], TOKEN + "0", TOKEN.upper(), f"{TOKEN}|{HASH}", HASH, 0, True, [TOKEN], {TOKEN: 1}, "é", "\ud800"]
)  # fmt: skip
def test_nothing_but_the_token_itself_is_taken_for_it(csrf: CSRF, submitted: object) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(f"{TOKEN}|{HASH}", submitted)


def test_a_masked_token_is_another_one_for_every_page_and_passes_as_the_same(csrf: CSRF) -> None:
    """Compression tells an eavesdropper what repeats itself; this does not (BREACH)."""
    pair = csrf.create()
    masked = [pair.mask() for _ in range(50)]

    assert len({*masked, pair.token}) == 51
    assert not any(pair.token in one for one in masked)
    for one in masked:
        csrf.check(pair.cookie, one)


@pytest.mark.parametrize(
    "masked", ["00" * 32 + OTHER, "aa " * 42 + "aa", " " * 128, "zz" * 64, "00" * 64, "é" * 128, HASH + HASH]
)
def test_what_only_has_the_length_of_a_masked_token_is_none(csrf: CSRF, masked: str) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(f"{TOKEN}|{HASH}", masked)


def test_the_pair_of_another_browser_does_not_go_with_this_ones_cookie(csrf: CSRF) -> None:
    with pytest.raises(MissingCSRF):
        csrf.check(csrf.create().cookie, csrf.create().token)


def test_a_list_of_secrets_enters_the_hash_joined_by_commas_as_in_javascript() -> None:
    pair = CSRF(["one", "two"], HOME, COOKIE).create()

    assert CSRF(["one,two"], HOME, COOKIE).load(pair.cookie) == pair
    assert CSRF(["two", "one"], HOME, COOKIE).load(pair.cookie) is None


def test_a_pair_of_an_old_secret_is_of_no_use() -> None:
    assert CSRF(["new"], HOME, COOKIE).load(CSRF(["old"], HOME, COOKIE).create().cookie) is None


OURS: list[Mapping[str, str]] = [
    {},
    {"origin": HOME},
    {"origin": "https://APP.example:443"},
    {"sec-fetch-site": "same-origin", "origin": HOME},
    {"sec-fetch-site": "none"},
]
THEIRS: list[Mapping[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "http://app.example"},
    {"origin": "https://app.example:8443"},
    {"origin": "https://app.example.evil.example"},
    {"origin": "https://sub.app.example"},
    {"origin": "https://evil.example@app.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": f"{HOME} https://evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": HOME},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
]


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_and_clients_that_are_no_browsers_may_ask(csrf: CSRF, headers: Mapping[str, str]) -> None:
    csrf.check_origin(headers)


@pytest.mark.parametrize("headers", THEIRS)
def test_another_site_may_not_ask_nor_a_sibling_nor_a_sandbox(csrf: CSRF, headers: Mapping[str, str]) -> None:
    with pytest.raises(CrossOriginRequest):
        csrf.check_origin(headers)


def test_a_fingerprint_is_short_steady_and_different_for_every_house(csrf: CSRF) -> None:
    here, there = csrf.hmac_id("ada"), CSRF(["another secret"], HOME, COOKIE).hmac_id("ada")

    assert re.fullmatch(r"[0-9a-f]{16}", here)
    assert here == csrf.hmac_id("ada")
    assert len({here, there, csrf.hmac_id("grace"), csrf.hmac_id("\ufffd")}) == 4
