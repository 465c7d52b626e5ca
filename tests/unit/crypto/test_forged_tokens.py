"""Forged and malformed tokens are refused early, at low cost and with the same error."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkan.crypto import compact
from genkan.crypto.compact import MAX_TOKEN_CHARACTERS
from genkan.crypto.sealer import Sealer
from genkan.errors import TokenError
from tests.clock import FrozenClock
from tests.tokens import jwe

SECRET = "tests-only-secret-that-protects-nothing-at-all"
SALT = "authjs.session-token"
KEY = jwe.derive_key(SECRET, SALT)
NARROW_KEY = jwe.derive_key(SECRET, SALT, 32)
KID = jwe.thumbprint(KEY)
PLAIN = b'{"sub":"1","exp":4102444800}'
GOOD = {"alg": "dir", "enc": "A256CBC-HS512", "kid": KID}
SEALER = Sealer([SECRET], SALT, FrozenClock())

INVALID_HEADERS: list[Mapping[str, Any]] = [
    {"alg": "none"},
    {"alg": None},
    {"alg": ["dir"]},
    {"alg": "DIR"},
    {"alg": "A256KW"},
    {"alg": "A256GCMKW", "iv": "AAAAAAAAAAAAAAAA", "tag": "AAAAAAAAAAAAAAAAAAAAAA"},
    {"alg": "RSA-OAEP"},
    {"alg": "RSA1_5"},
    {"alg": "ECDH-ES", "epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
    {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "c2FsdA"},
    {"enc": "A128CBC-HS256"},
    {"enc": "A128GCM"},
    {"enc": None},
    {"enc": ["A256GCM"]},
    {"crit": ["exp"]},
    {"crit": []},
    {"crit": ["b64"], "b64": False},
    {"zip": "DEF"},
    {"zip": None},
    {"kid": 7},
    {"kid": [KID]},
    {"kid": "another-key"},
    {"kid": ""},
]


@pytest.fixture
def _no_key_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a key was used")

    monkeypatch.setattr("joserfc.jwe.decrypt_compact", fail)


def test_a_valid_token_of_another_implementation_is_opened() -> None:
    assert SEALER.open(jwe.seal_cbc(GOOD, PLAIN, KEY)) == json.loads(PLAIN)
    gcm = {**GOOD, "enc": "A256GCM", "kid": jwe.thumbprint(NARROW_KEY)}
    assert SEALER.open(jwe.seal_gcm(gcm, PLAIN, NARROW_KEY)) == json.loads(PLAIN)


@pytest.mark.usefixtures("_no_key_work")
@pytest.mark.parametrize("change", INVALID_HEADERS, ids=str)
def test_an_invalid_header_is_refused_before_a_key_is_used(change: Mapping[str, Any]) -> None:
    token = jwe.seal_cbc({**GOOD, **change}, PLAIN, KEY)
    started = time.thread_time()
    with pytest.raises(TokenError):
        SEALER.open(token)
    assert time.thread_time() - started < 0.05


@pytest.mark.usefixtures("_no_key_work")
def test_a_compressed_token_is_refused_without_decompression(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zlib.compress(bytes(45_000_000), 9)[2:-4]
    token = jwe.seal_cbc({**GOOD, "zip": "DEF"}, bomb, KEY)
    assert len(token) < MAX_TOKEN_CHARACTERS
    monkeypatch.setattr(zlib, "decompressobj", None)
    started = time.thread_time()
    with pytest.raises(TokenError):
        SEALER.open(token)
    assert time.thread_time() - started < 0.05


def test_a_too_long_token_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    long_token = jwe.seal_cbc(GOOD, b'{"fill":"%s"}' % (b"x" * 48_700), KEY)
    assert MAX_TOKEN_CHARACTERS - 400 < len(long_token) <= MAX_TOKEN_CHARACTERS
    assert SEALER.open(long_token)
    monkeypatch.setattr(compact, "decode_segment", None)
    for text in ("A" * (MAX_TOKEN_CHARACTERS + 1), "." * 10**7, long_token + "A" * 1000):
        with pytest.raises(TokenError):
            SEALER.open(text)


def test_every_flipped_bit_raises_the_same_error() -> None:
    parts = jwe.seal_cbc(GOOD, PLAIN, KEY).split(".")
    outcomes = set()
    for index in (0, 2, 3, 4):
        segment = jwe.decode(parts[index])
        for bit in range(8 * len(segment)):
            changed = bytearray(segment)
            changed[bit // 8] ^= 1 << bit % 8
            token = ".".join([*parts[:index], jwe.encode(bytes(changed)), *parts[index + 1 :]])
            with pytest.raises(TokenError) as raised:
                SEALER.open(token)
            outcomes.add((type(raised.value), raised.value.args))
    assert outcomes == {(TokenError, ())}


def test_only_one_encoding_of_a_token_is_accepted() -> None:
    token = jwe.seal_cbc(GOOD, PLAIN, KEY)
    head, _, iv, ciphertext, tag = token.split(".")
    variants = [
        token + "=",
        token + "\n",
        " " + token,
        token.replace("-", "+").replace("_", "/") if set("-_") & set(token) else token + " ",
        f"{head}==.{'.'.join(token.split('.')[1:])}",
        f"{head}.AA.{iv}.{ciphertext}.{tag}",
        *(f"{head}..{iv[:-1]}{last}.{ciphertext}.{tag}" for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if last != iv[-1]),
        *(f"{head}..{iv}.{ciphertext}.{tag[:-1]}{last}" for last in "abcdefghijklmnopqrstuvwxyz" if last != tag[-1]),
    ]
    for variant in variants:
        with pytest.raises(TokenError):
            SEALER.open(variant)


@pytest.mark.parametrize("tag_bytes", [1, 4, 8, 12, 15])
def test_a_short_authentication_tag_is_refused(tag_bytes: int) -> None:
    header = {"alg": "dir", "enc": "A256GCM", "kid": jwe.thumbprint(NARROW_KEY)}
    with pytest.raises(TokenError):
        SEALER.open(jwe.seal_gcm(header, PLAIN, NARROW_KEY, tag_bytes=tag_bytes))


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"\xff\xfe",
        b"{" * 30000,
        b"[" * 30000,
        b'{"n":' + b"1" * 5000 + b"}",
    ],
)
def test_a_token_whose_plaintext_is_not_an_object_is_refused(plaintext: bytes) -> None:
    with pytest.raises(TokenError):
        SEALER.open(jwe.seal_cbc(GOOD, plaintext, KEY))


@pytest.mark.parametrize("head", [b"", b"null", b"[]", b"[" * 20_000, b"\xff", b'{"alg":"dir"}', b'{"enc":"A256GCM"}'])
def test_a_malformed_header_is_refused(head: bytes) -> None:
    with pytest.raises(TokenError):
        SEALER.open(f"{jwe.encode(head)}..AAAA.AAAA.AAAA")


@given(st.text() | st.lists(st.text("AQgw-_=.", min_size=1), min_size=4, max_size=4).map("..".join))
def test_any_other_text_raises_token_error(text: str) -> None:
    with pytest.raises(TokenError):
        SEALER.open(text)


def test_refusing_an_invalid_token_takes_less_than_a_millisecond() -> None:
    good = jwe.seal_cbc(GOOD, PLAIN, KEY)
    invalid_tokens = [f"{good[:-20]}{number:020d}" for number in range(2_000)]
    started = time.thread_time()
    for token in invalid_tokens:
        with pytest.raises(TokenError):
            SEALER.open(token)
    assert time.thread_time() - started < 2.0
