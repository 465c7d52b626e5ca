"""Sealed tokens: what we write, what we read, and how secrets and purposes keep them apart."""

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

# Key and thumbprint that Auth.js derives from one secret, for either cookie name.
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
    sealer = Sealer([secret] if isinstance(secret, str) else secret, vector["salt"], lambda: _when(vector))
    header = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in vector["cookies"])
    found = RequestCookies(header).session(vector["salt"])
    if found is None or found.token is None:
        raise TokenError
    return sealer.open(found.token)


def _when(vector: dict[str, Any]) -> float:
    return float(vector.get("clock", vector["now"]))


def test_the_vectors_are_all_there() -> None:
    assert [vector["expect"] for vector in VECTORS].count("accept") == 32
    assert [vector["expect"] for vector in VECTORS].count("reject") == 32


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['id']} {vector['title']}")
def test_a_token_is_taken_or_refused_as_authjs_does(vector: dict[str, Any]) -> None:
    if vector["expect"] == "accept":
        assert _read(vector) == vector["claims"]
    else:
        with pytest.raises(TokenError):
            _read(vector)


@pytest.mark.parametrize("salt", DERIVED)
def test_keys_are_derived_and_named_as_authjs_does(salt: str) -> None:
    key, kid = DERIVED[salt]
    info = f"Auth.js Generated Encryption Key ({salt})"
    derived = hkdf("correct-horse-battery-staple-authjs", salt=salt, info=info, length=64)
    assert (derived.hex(), SecretKey(derived).kid) == (key, kid)


def test_what_is_sealed_opens_by_the_rfcs_alone(clock: FrozenClock) -> None:
    token = Sealer([SECRET], SALT, clock).seal({"sub": "1", "name": "Åsa 日本 🏯"}, 60)
    header, plaintext = jwe.open_cbc(token, jwe.derive_key(SECRET, SALT))
    kid = jwe.thumbprint(jwe.derive_key(SECRET, SALT))
    assert header == f'{{"alg":"dir","enc":"A256CBC-HS512","kid":"{kid}"}}'
    assert '"name":"Åsa 日本 🏯"'.encode() in plaintext


def test_each_sealing_stamps_its_own_times_and_id(clock: FrozenClock) -> None:
    sealer = Sealer([SECRET], SALT, clock)
    given = {"iat": 1, "exp": 2, "jti": "mine", "sub": "1"}
    first, second = (sealer.open(sealer.seal(given, 60)) for _ in range(2))
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
def test_claims_that_nobody_here_knows_come_back_as_they_were(value: object, clock: FrozenClock) -> None:
    sealer = Sealer([SECRET], SALT, clock)
    once = sealer.open(sealer.seal({"theirs": value}, 60))
    again = sealer.open(sealer.seal(once, 60))
    assert json.dumps(again["theirs"]) == json.dumps(once["theirs"]) == json.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_claims_that_are_no_json_are_not_sealed(value: object, clock: FrozenClock) -> None:
    with pytest.raises((TypeError, ValueError)):
        Sealer([SECRET], SALT, clock).seal({"theirs": value}, 60)


def test_the_first_secret_seals_and_every_secret_opens(clock: FrozenClock) -> None:
    secrets = ("new" * 11, "old" * 11, "older" * 7)
    house = Sealer(secrets, SALT, clock)
    for place, secret in enumerate(secrets):
        token = Sealer([secret], SALT, clock).seal({"sub": secret}, 60)
        assert house.open(token)["sub"] == secret
        assert house.uses_current_key(token) is (place == 0)
    ours = house.seal({"sub": "1"}, 60)
    assert Sealer(secrets[:1], SALT, clock).open(ours)["sub"] == "1"
    with pytest.raises(TokenError):
        Sealer(secrets[1:], SALT, clock).open(ours)


def test_workers_restarted_one_by_one_take_each_others_tokens(clock: FrozenClock) -> None:
    before, between, after = (
        Sealer(secrets, SALT, clock) for secrets in (["old" * 11], ["old" * 11, "new" * 11], ["new" * 11, "old" * 11])
    )
    for minter, reader in (*permutations((before, between), 2), *permutations((between, after), 2)):
        assert reader.open(minter.seal({"sub": "1"}, 60))["sub"] == "1"


def test_a_token_that_does_not_name_its_key_is_tried_with_the_first_secret_only(clock: FrozenClock) -> None:
    header = {"alg": "dir", "enc": "A256CBC-HS512"}
    first, second = (
        jwe.seal_cbc(header, b'{"sub":"1"}', jwe.derive_key(secret, SALT)) for secret in ("new" * 11, "old" * 11)
    )
    house = Sealer(["new" * 11, "old" * 11], SALT, clock)
    assert house.open(first) == {"sub": "1"}
    assert not house.uses_current_key(first)
    with pytest.raises(TokenError):
        house.open(second)


@pytest.mark.parametrize(("sealed_for", "opened_as"), [*permutations(PURPOSES, 2)])
def test_a_token_of_one_purpose_is_never_one_of_another(sealed_for: str, opened_as: str, clock: FrozenClock) -> None:
    token = Sealer([SECRET], sealed_for, clock).seal({"sub": "1"}, 60)
    with pytest.raises(TokenError):
        Sealer([SECRET], opened_as, clock).open(token)
    with pytest.raises(TokenError):
        TextSealer([SECRET], opened_as).open(token)


def test_the_cookies_of_a_house_have_names_of_their_own_and_so_keys_of_their_own() -> None:
    for secure in (True, False):
        names = CookieNames.of(secure=secure)
        ours = {names.session, names.csrf, names.callback_url, names.flow_prefix, names.sign_out, "authjs.flow"}
        assert len(ours) == 6


@pytest.mark.parametrize("text", ["", "ya29.a0", "日本 🏯\x00", "x" * 40_000, "x" * 700_000])
def test_a_text_kept_at_rest_comes_back_and_is_not_readable_there(text: str) -> None:
    sealer = TextSealer([SECRET, "old" * 11], "genkan.account-tokens")
    sealed = sealer.seal(text)
    assert sealer.open(sealed) == text
    assert not text or text not in sealed
    with pytest.raises(TokenError):
        TextSealer(["old" * 11], "genkan.account-tokens").open(sealed)


@pytest.mark.parametrize(
    ("claims", "at", "opens"),
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
def test_times_are_honoured_to_within_fifteen_seconds(claims: Token, at: float, opens: bool) -> None:
    header = {"alg": "dir", "enc": "A256CBC-HS512"}
    # Python writes Infinity where other tools write a number too large for anybody.
    text = json.dumps(claims).replace("Infinity", "1e400").encode()
    token = jwe.seal_cbc(header, text, jwe.derive_key(SECRET, SALT))
    sealer = Sealer([SECRET], SALT, FrozenClock(at))
    if opens:
        assert sealer.open(token) == claims
    else:
        with pytest.raises(TokenError):
            sealer.open(token)
