"""Encrypted tokens: format, compatibility with Auth.js, rotation of secrets, separation of purposes, and times."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from genkan.crypto.jose import SecretKey, hkdf
from genkan.crypto.sealer import CLOCK_TOLERANCE, Sealer, TextSealer
from genkan.errors import TokenError
from genkan.http.cookies import CookieNames, RequestCookies
from genkan.types import Token
from tests.clock import START, FrozenClock
from tests.tokens import jwe

SECRET = "tests-only-secret-that-protects-nothing-at-all"
SALT = "authjs.session-token"
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors/authjs-jwe.json").read_text(encoding="utf-8")
)["vectors"]

# Key and thumbprint that Auth.js derives from one secret, for each cookie name.
DERIVED = {
    "authjs.session-token": (
        (
            "795cbd9cead485d4d47b0954f1d843c85cfd579cc0e1992fd8d8dea0e1abeac8"
            "7cde54ea3c36b346be2acc8428381b6d37ff72c71594fec34f74b72605fbbac7"
        ),
        "pVY6G_N1kuh_BN9gvqhgKpxLmgTgH97KwE5qBVv49lbE-mqNQKmSq7y78yztnWhzbAq4f0ONuapVVF-sIlpgew",
    ),
    "__Secure-authjs.session-token": (
        (
            "1e00a2d72203af39cc9cfb0a2fb091cdf105ec8ba179b2156f2b21de2f05c4f2"
            "edfe93af31312aca88bbfa11cf764374bdd1cffe48f1549815e0e9612e7d7bec"
        ),
        "8UNZmEoQndqeW5NKd5eFT_3TBiDn-4QgioRoszQfi6G35Qkp-ohbOx5U-usf9HS6jU0SHxezXi9SkPbqZxIINA",
    ),
}

PURPOSES = (
    "authjs.session-token",
    "__Secure-authjs.session-token",
    "__Host-authjs.session-token",
    "authjs.flow",
    "authjs.sign-out",
    "authjs.csrf-token",
    "genkan.account-tokens",
    "genkan.dev_provider.code",
    "genkan.dev_provider.access",
)


def _read(vector: dict[str, Any]) -> Token:
    secret = vector["secret"]
    sealer = Sealer([secret] if isinstance(secret, str) else secret, vector["salt"], lambda: _clock_of(vector))
    header = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in vector["cookies"])
    cookie = next(iter(RequestCookies(header).sessions(vector["salt"])), None)
    if cookie is None or cookie.token is None:
        raise TokenError
    return sealer.open(cookie.token)


def _clock_of(vector: dict[str, Any]) -> float:
    return float(vector.get("clock", vector["now"]))


def test_all_vectors_are_read() -> None:
    assert [vector["expect"] for vector in VECTORS].count("accept") == 32
    assert [vector["expect"] for vector in VECTORS].count("reject") == 32


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['id']} {vector['title']}")
def test_tokens_are_accepted_and_refused_as_by_authjs(vector: dict[str, Any]) -> None:
    if vector["expect"] == "accept":
        assert _read(vector) == vector["claims"]
    else:
        with pytest.raises(TokenError):
            _read(vector)


@pytest.mark.parametrize("salt", DERIVED)
def test_keys_and_key_ids_equal_those_of_authjs(salt: str) -> None:
    key, kid = DERIVED[salt]
    info = f"Auth.js Generated Encryption Key ({salt})"
    derived = hkdf("correct-horse-battery-staple-authjs", salt=salt, info=info, length=64)
    assert (derived.hex(), SecretKey(derived).kid) == (key, kid)


def test_another_implementation_of_the_rfcs_opens_a_token(clock: FrozenClock) -> None:
    token = Sealer([SECRET], SALT, clock).seal({"sub": "1", "name": "Åsa 日本 🏯"}, 60)
    header, plaintext = jwe.open_cbc(token, jwe.derive_key(SECRET, SALT))
    kid = jwe.thumbprint(jwe.derive_key(SECRET, SALT))
    assert header == f'{{"alg":"dir","enc":"A256CBC-HS512","kid":"{kid}"}}'
    assert '"name":"Åsa 日本 🏯"'.encode() in plaintext


def test_each_token_has_new_times_and_a_new_id(clock: FrozenClock) -> None:
    sealer = Sealer([SECRET], SALT, clock)
    claims = {"iat": 1, "exp": 2, "jti": "chosen", "sub": "1"}
    first, second = (sealer.open(sealer.seal(claims, 60)) for _ in range(2))
    assert (first["iat"], first["exp"], first["sub"]) == (int(START), int(START) + 60, "1")
    assert UUID(first["jti"]).version == 4
    assert first["jti"] != second["jti"]
    assert set(first) == {"sub", "iat", "exp", "jti"}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "日本",
        "a\u2028b\x00\x7f",
        "🏯",
        0,
        -1.5,
        2**60,
        None,
        True,
        [],
        {"a": [{"b": None}]},
    ],
)
def test_unknown_claims_are_kept(value: object, clock: FrozenClock) -> None:
    sealer = Sealer([SECRET], SALT, clock)
    once = sealer.open(sealer.seal({"custom": value}, 60))
    twice = sealer.open(sealer.seal(once, 60))
    assert json.dumps(twice["custom"]) == json.dumps(once["custom"]) == json.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_claims_that_json_does_not_support_are_refused(value: object, clock: FrozenClock) -> None:
    with pytest.raises((TypeError, ValueError)):
        Sealer([SECRET], SALT, clock).seal({"custom": value}, 60)


def test_the_first_secret_encrypts_and_every_secret_decrypts(clock: FrozenClock) -> None:
    secrets = ("new" * 11, "old" * 11, "older" * 7)
    sealer = Sealer(secrets, SALT, clock)
    for index, secret in enumerate(secrets):
        token = Sealer([secret], SALT, clock).seal({"sub": secret}, 60)
        assert sealer.open(token)["sub"] == secret
        assert sealer.uses_current_key(token) is (index == 0)
    token = sealer.seal({"sub": "1"}, 60)
    assert Sealer(secrets[:1], SALT, clock).open(token)["sub"] == "1"
    with pytest.raises(TokenError):
        Sealer(secrets[1:], SALT, clock).open(token)


def test_secrets_can_be_rotated_worker_by_worker(clock: FrozenClock) -> None:
    old, mixed, new = (
        Sealer(secrets, SALT, clock) for secrets in (["old" * 11], ["old" * 11, "new" * 11], ["new" * 11, "old" * 11])
    )
    for writer, reader in (*permutations((old, mixed), 2), *permutations((mixed, new), 2)):
        assert reader.open(writer.seal({"sub": "1"}, 60))["sub"] == "1"


def test_a_token_without_kid_is_tried_with_the_first_secret_only(clock: FrozenClock) -> None:
    header = {"alg": "dir", "enc": "A256CBC-HS512"}
    first, second = (
        jwe.seal_cbc(header, b'{"sub":"1"}', jwe.derive_key(secret, SALT)) for secret in ("new" * 11, "old" * 11)
    )
    sealer = Sealer(["new" * 11, "old" * 11], SALT, clock)
    assert sealer.open(first) == {"sub": "1"}
    assert not sealer.uses_current_key(first)
    with pytest.raises(TokenError):
        sealer.open(second)


@pytest.mark.parametrize(("sealed_for", "opened_as"), [*permutations(PURPOSES, 2)])
def test_a_token_for_one_purpose_is_refused_for_another(sealed_for: str, opened_as: str, clock: FrozenClock) -> None:
    token = Sealer([SECRET], sealed_for, clock).seal({"sub": "1"}, 60)
    with pytest.raises(TokenError):
        Sealer([SECRET], opened_as, clock).open(token)
    with pytest.raises(TokenError):
        TextSealer([SECRET], opened_as).open(token)


def test_cookie_names_are_distinct_so_that_their_keys_are() -> None:
    for secure in (True, False):
        names = CookieNames.of(secure=secure)
        token = {names.session, names.csrf, names.callback_url, names.flow_prefix, names.sign_out, "authjs.flow"}
        assert len(token) == 6


@pytest.mark.parametrize("text", ["", "ya29.a0", "日本 🏯\x00", "x" * 40_000, "x" * 700_000])
def test_a_stored_text_is_encrypted_and_can_be_decrypted(text: str) -> None:
    sealer = TextSealer([SECRET, "old" * 11], "genkan.account-tokens")
    sealed = sealer.seal(text)
    assert sealer.open(sealed) == text
    assert not text or text not in sealed
    with pytest.raises(TokenError):
        TextSealer(["old" * 11], "genkan.account-tokens").open(sealed)


@pytest.mark.parametrize(
    ("claims", "now", "is_valid"),
    [
        ({"exp": START}, START + CLOCK_TOLERANCE - 0.1, True),
        ({"exp": START}, START + CLOCK_TOLERANCE, False),
        ({"exp": START + 0.5}, START + CLOCK_TOLERANCE + 0.4, True),
        ({"nbf": START}, START - CLOCK_TOLERANCE, True),
        ({"nbf": START}, START - CLOCK_TOLERANCE - 0.1, False),
        ({"iat": START}, START - 3600, True),
        ({"exp": str(START)}, START - 60, False),
        ({"exp": None}, START - 60, False),
        ({"exp": True}, START - 60, False),
        ({"exp": [START]}, START - 60, False),
        ({"nbf": "0"}, START, False),
        ({"iat": "0"}, START, False),
        ({"iat": True}, START, False),
        ({"nbf": False}, START, False),
        ({"exp": 1e400}, START, False),
        ({"exp": 10**400}, START, False),
        ({"iat": -1e400}, START, False),
        ({}, START, True),
    ],
)
def test_times_are_checked_with_a_tolerance_of_fifteen_seconds(claims: Token, now: float, is_valid: bool) -> None:
    header = {"alg": "dir", "enc": "A256CBC-HS512"}
    # Python writes Infinity, which is not JSON. Other tools write a number that is too large.
    text = json.dumps(claims).replace("Infinity", "1e400").encode()
    token = jwe.seal_cbc(header, text, jwe.derive_key(SECRET, SALT))
    sealer = Sealer([SECRET], SALT, FrozenClock(now))
    if is_valid:
        assert sealer.open(token) == claims
    else:
        with pytest.raises(TokenError):
            sealer.open(token)
