"""Validation of ID tokens and logout tokens: hashes, times and audiences."""

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

# The library prefers the name of the curve, but providers still send EdDSA (RFC 8037).
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

ISSUER = "https://id.example.test"
PROVIDER = replace(oidc, issuer=ISSUER, client_id="client-1", client_secret="s")
METADATA = Metadata(f"{ISSUER}/authorize", f"{ISSUER}/token", issuer=ISSUER)
PRIVATE = ed25519.Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
NOW = int(START)
CLAIMS = {"iss": ISSUER, "aud": "client-1", "sub": "ann", "iat": NOW, "exp": NOW + 3600}
LOGOUT_CLAIMS = {**CLAIMS, "events": {LOGOUT_EVENT: {}}, "jti": "one"}


def keys(*, force_refresh: bool) -> list[dict[str, Any]]:
    """Return the provider's only key (Ed25519)."""
    return [] if force_refresh else [{"kty": "OKP", "crv": "Ed25519", "x": b64url(PUBLIC)}]


def signed(claims: dict[str, Any]) -> str:
    return compact({"alg": "EdDSA"}, claims, PRIVATE.sign)


def check(**changes: Any) -> dict[str, Any]:
    """Check an ID token with these claims. Return all its claims."""
    tokens = {"id_token": signed({**CLAIMS, "nonce": "n", **changes}), "access_token": "at-1"}
    return check_id_token(PROVIDER, METADATA, tokens, "n", keys, START)


def check_logout(**changes: Any) -> LogoutToken:
    """Check a logout token with these claims."""
    return check_logout_token(PROVIDER, METADATA, signed({**LOGOUT_CLAIMS, **changes}), keys, START)


def left_half(digest: bytes) -> str:
    return b64url(digest[: len(digest) // 2])


def test_at_hash_of_an_ed25519_token_uses_sha_512() -> None:
    """The name of the algorithm contains no hash (RFC 8037, OpenID Connect Core 3.1.3.6)."""
    assert check(at_hash=left_half(hashlib.sha512(b"at-1").digest()))["sub"] == "ann"


@pytest.mark.parametrize(
    "at_hash", [left_half(hashlib.sha256(b"at-1").digest()), left_half(hashlib.sha512(b"at-2").digest()), "", None]
)
def test_a_wrong_at_hash_is_refused(at_hash: object) -> None:
    with pytest.raises(ProviderError, match="another access token"):
        check(at_hash=at_hash)


@pytest.mark.parametrize("times", [{"nbf": NOW + CLOCK_TOLERANCE}, {"iat": NOW + CLOCK_TOLERANCE}, {"nbf": 0.5}])
def test_a_token_from_a_clock_that_is_a_minute_ahead_is_accepted(times: dict[str, Any]) -> None:
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
def test_a_token_with_a_later_or_invalid_time_is_refused(times: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        check(**times)
    with pytest.raises(InvalidLogoutToken):
        check_logout(**times)


def test_a_token_with_several_audiences_may_lack_azp_but_not_name_another_client() -> None:
    """OpenID Connect Core 3.1.3.7, errata set 2."""
    several: dict[str, Any] = {"aud": ["client-1", "another"]}

    parties: list[dict[str, Any]] = [{}, {"azp": None}, {"azp": "client-1"}]
    for right in parties:
        assert check(**several, **right)["sub"] == "ann"
        assert check_logout(**several, **right).subject == "ann"
    others: list[dict[str, Any]] = [{**several, "azp": "another"}, {"aud": ["another", "third"]}, {"aud": []}]
    for wrong in others:
        with pytest.raises(ProviderError, match="another client"):
            check(**wrong)
        with pytest.raises(InvalidLogoutToken, match="another client"):
            check_logout(**wrong)


def test_a_subject_may_be_a_whole_number() -> None:
    assert check(sub=10**20)["sub"] == 10**20
    assert check_logout(sub=10**20).subject == str(10**20)
    invalid: list[Any] = [True, 7.5, [7], {"id": 7}, None]
    for subject in invalid:
        with pytest.raises(ProviderError, match="subject"):
            check(sub=subject)


@pytest.mark.parametrize(
    ("exp", "end"), [(NOW + 120, NOW + 120), (NOW + 2 * MAX_AGE, NOW + MAX_AGE)], ids=["exp", "max age"]
)
def test_a_used_logout_token_is_stored_until_it_expires(exp: int, end: int) -> None:
    assert check_logout(exp=exp).expires == end + CLOCK_TOLERANCE
