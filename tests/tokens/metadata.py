"""Discovery document and key set of a provider, valid or with a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.tokens.id_tokens import ELSEWHERE
from tests.tokens.signing import SigningKey

Document = dict[str, Any]


def metadata(issuer: str, algorithm: str, client_auth: str, fault: str | None) -> Document:
    """Return the discovery document (OpenID Connect Discovery section 3) with this fault."""
    document: Document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/end-session",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
        "token_endpoint_auth_methods_supported": [client_auth],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "profile"],
        "authorization_response_iss_parameter_supported": True,
    }
    return {name: value for name, value in {**document, **_changes(issuer, fault)}.items() if value is not None}


def _changes(issuer: str, fault: str | None) -> Document:
    endpoints = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    faults: dict[str | None, Document] = {
        "wrong-issuer": {"issuer": ELSEWHERE},
        "slashed-issuer": {"issuer": f"{issuer}/"},
        "no-issuer": {"issuer": None},
        "missing-endpoints": dict.fromkeys(endpoints),
        "http-endpoints": {name: f"http://elsewhere.example/{name}" for name in endpoints},
        "number-endpoints": dict.fromkeys(endpoints, 7),
        "no-iss-promise": {"authorization_response_iss_parameter_supported": None},
        "alg-none": {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    }
    return faults.get(fault, {})


def key_set(published: Sequence[SigningKey], fault: str | None) -> Document:
    """Return the JWKS with this fault."""
    if fault == "not-a-set":
        return {"keys": "not a list"}
    if fault == "no-keys":
        return {"keys": []}
    keys = [key.public_jwk() for key in published]
    return {"keys": [*_UNPARSEABLE, *keys] if fault == "unparseable-key" else keys}


_UNPARSEABLE = (
    {"kty": "KYBER", "kid": "tomorrow", "use": "sig"},
    {"kty": "RSA", "kid": "broken", "use": "sig", "n": "*", "e": "AQAB"},
    {"kty": "EC", "kid": "half", "crv": "P-256", "x": "AA"},
    {"kid": "nameless"},
    {"kty": "RSA", "kid": 7, "e": None},
)
"""Keys that a client must ignore beside a valid one (OpenID conformance suite, IgnoresUnparseableKeyInJwks)."""
