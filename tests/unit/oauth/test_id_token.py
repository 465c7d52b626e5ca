"""ID and logout tokens to the second and to the letter, without a provider to ask (O3-O7, O17, F11)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from genkan.errors import ProviderError
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import CLOCK_TOLERANCE, LOGOUT_EVENT, check_id_token
from genkan.oauth.logout_token import MAX_AGE, InvalidLogoutToken, LogoutToken, check_logout_token
from genkan.providers.oidc import oidc
from tests.clock import START
from tests.tokens.signing import b64url, compact

# The library would have it called by its curve; providers go on calling it EdDSA (RFC 8037).
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

ISSUER = "https://id.example.test"
PROVIDER = replace(oidc, issuer=ISSUER, client_id="house", client_secret="s")
METADATA = Metadata(f"{ISSUER}/authorize", f"{ISSUER}/token", issuer=ISSUER)
PRIVATE = ed25519.Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
NOW = int(START)
ABOUT = {"iss": ISSUER, "aud": "house", "sub": "ann", "iat": NOW, "exp": NOW + 3600}
LOGOUT = {**ABOUT, "events": {LOGOUT_EVENT: {}}, "jti": "one"}


def keys(*, force_refresh: bool) -> list[dict[str, Any]]:
    """The provider's one key, Ed25519."""
    return [] if force_refresh else [{"kty": "OKP", "crv": "Ed25519", "x": b64url(PUBLIC)}]


def signed(claims: dict[str, Any]) -> str:
    return compact({"alg": "EdDSA"}, claims, PRIVATE.sign)


def check(**changes: Any) -> dict[str, Any]:
    """An ID token that says this, checked."""
    tokens = {"id_token": signed({**ABOUT, "nonce": "n", **changes}), "access_token": "at-1"}
    return check_id_token(PROVIDER, METADATA, tokens, "n", keys, START)


def check_logout(**changes: Any) -> LogoutToken:
    """A logout token that says this, checked."""
    return check_logout_token(PROVIDER, METADATA, signed({**LOGOUT, **changes}), keys, START)


def half(digest: bytes) -> str:
    return b64url(digest[: len(digest) // 2])


def test_under_ed25519_the_access_token_is_hashed_by_sha_512() -> None:
    """Its own hash; the algorithm's name does not tell (RFC 8037, Core 3.1.3.6)."""
    assert check(at_hash=half(hashlib.sha512(b"at-1").digest()))["sub"] == "ann"


@pytest.mark.parametrize(
    "wrong", [half(hashlib.sha256(b"at-1").digest()), half(hashlib.sha512(b"at-2").digest()), "", None]
)
def test_and_any_other_hash_is_another_token_s(wrong: object) -> None:
    with pytest.raises(ProviderError, match="another access token"):
        check(at_hash=wrong)


@pytest.mark.parametrize("times", [{"nbf": NOW + CLOCK_TOLERANCE}, {"iat": NOW + CLOCK_TOLERANCE}, {"nbf": 0.5}])
def test_a_token_from_a_clock_that_is_a_minute_ahead_is_believed(times: dict[str, Any]) -> None:
    assert check(**times)["sub"] == "ann"
    assert check_logout(**times).subject == "ann"


@pytest.mark.parametrize(
    "times",
    [
        {"nbf": NOW + CLOCK_TOLERANCE + 1},
        {"iat": NOW + CLOCK_TOLERANCE + 1},
        {"nbf": True},
        {"nbf": "soon"},
        {"nbf": None},
        {"iat": True},
        {"exp": True},
    ],
    ids=repr,
)
def test_one_that_is_further_ahead_or_says_no_time_is_not(times: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        check(**times)
    with pytest.raises(InvalidLogoutToken):
        check_logout(**times)


def test_a_token_for_several_says_which_of_them_asked_for_it() -> None:
    """Core 3.1.3.7."""
    several = {"aud": ["house", "another"]}

    assert check(**several, azp="house")["sub"] == "ann"
    assert check(aud=["house"])["sub"] == "ann"
    for wrong in ({}, {"azp": None}, {"azp": "another"}):
        with pytest.raises(ProviderError, match="another client"):
            check(**several, **wrong)
        with pytest.raises(InvalidLogoutToken, match="another client"):
            check_logout(**several, **wrong)


@pytest.mark.parametrize(
    ("exp", "end"), [(NOW + 120, NOW + 120), (NOW + 2 * MAX_AGE, NOW + MAX_AGE)], ids=["its own", "ours"]
)
def test_a_logout_token_is_spent_for_as_long_as_it_would_be_believed(exp: int, end: int) -> None:
    assert check_logout(exp=exp).expires == end + CLOCK_TOLERANCE
