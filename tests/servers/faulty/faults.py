"""Names of the faults that a provider can have, as lists for `pytest.mark.parametrize`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Transport = Literal[
    "500", "503", "html", "bad-json", "list", "deep-json", "not-utf8", "empty", "reset", "cut-off",
    "hang", "drip", "drip-headers", "huge", "bomb", "redirect", "redirect-307",
]  # fmt: skip
"""Faults of any endpoint. The target of a redirect sends a valid response, so a client that follows it succeeds."""

Discovery = Literal[
    "wrong-issuer", "slashed-issuer", "no-issuer", "missing-endpoints", "http-endpoints", "number-endpoints",
    "no-iss-promise", "alg-none",
]  # fmt: skip
Keys = Literal["no-keys", "not-a-set", "unparseable-key"]
Callback = Literal[
    "wrong-iss", "missing-iss", "wrong-state", "missing-state", "missing-code", "two-codes",
    "access-denied", "server-error", "script-error",
]  # fmt: skip
Token = Literal[
    "invalid-grant", "invalid-client", "error-200", "no-id-token", "number-id-token", "no-access-token",
    "no-token-type", "odd-case-token-type", "other-token-type", "html-error",
    "string-expires-in", "fraction-expires-in", "text-expires-in", "list-expires-in",
    "null-members", "empty-error",
]  # fmt: skip
IdToken = Literal[
    "alg-none", "hs256-public-key", "wrong-key", "tampered", "jwk-header", "jku-header", "unknown-crit",
    "kid-absent", "unknown-kid", "not-a-jwt", "list-payload", "wrong-typ",
    "wrong-iss", "missing-iss", "wrong-aud", "missing-aud", "multiple-aud", "foreign-aud-own-azp", "wrong-azp",
    "multiple-aud-no-azp", "boolean-iat", "boolean-nbf", "string-nbf", "endless-exp",
    "missing-sub", "empty-sub", "long-sub", "nul-sub", "fraction-sub", "boolean-sub", "list-sub",
    "missing-exp", "string-exp", "expired", "missing-iat", "string-iat", "iat-far-future", "nbf-future",
    "wrong-nonce", "missing-nonce", "nonce-unsupported", "wrong-at-hash",
    "no-auth-time", "stale-auth-time", "string-auth-time", "auth-time-ahead",
]  # fmt: skip
UserInfo = Literal[
    "401", "429", "wrong-sub", "missing-sub", "encrypted", "byte-order-mark", "signed", "signed-without-audience",
    "signed-by-another-key", "signed-for-another-client", "signed-by-another-issuer", "signed-wrong-sub",
]  # fmt: skip

AUTH_TIMES: tuple[IdToken, ...] = ("no-auth-time", "stale-auth-time", "string-auth-time", "auth-time-ahead")
"""Faults of a reauthentication. At other sign-ins the client does not request `auth_time`."""

HARMLESS_ID_TOKENS = ("kid-absent", "multiple-aud", "multiple-aud-no-azp", "wrong-typ", *AUTH_TIMES)
"""Odd but right as long as one key fits and `azp` is ours or absent (conformance suite; Core 3.1.3.7)."""

HARMLESS_TOKENS = (
    "no-token-type", "odd-case-token-type", "string-expires-in", "fraction-expires-in", "text-expires-in",
    "list-expires-in", "null-members", "empty-error",
)  # fmt: skip
"""What is optional in a token response is missing or malformed."""

HARMLESS_USER_INFO = ("byte-order-mark", "signed", "signed-without-audience")

TRANSPORT: tuple[str, ...] = get_args(Transport)
DISCOVERY: tuple[str, ...] = get_args(Discovery)
KEYS: tuple[str, ...] = get_args(Keys)
CALLBACK: tuple[str, ...] = get_args(Callback)
TOKEN: tuple[str, ...] = get_args(Token)
ID_TOKEN: tuple[str, ...] = get_args(IdToken)
USER_INFO: tuple[str, ...] = get_args(UserInfo)

SCRIPT = "<script>alert('in error_description')</script>"

DEFAULT_CLAIMS: Mapping[str, object] = {
    "sub": "visitor-1",
    "name": "Vera Visitor",
    "email": "visitor@example.org",
    "email_verified": True,
    "picture": "https://pictures.example/visitor.png",
}

MALFORMED_CLAIMS: Mapping[str, Mapping[str, object]] = {
    "no-email": {"email": None},
    "email-list": {"email": ["visitor@example.org"]},
    "email-number": {"email": 7},
    "email-object": {"email": {"address": "visitor@example.org"}},
    "email-two-ats": {"email": "victim@example.org@attacker.example"},
    "email-two-ats-after-nfkc": {"email": "victim@example.org\uff20attacker.example"},
    "email-small-at": {"email": "victim@example.org\ufe6battacker.example"},
    "email-surrogate": {"email": "visitor\ud800@example.org"},
    "email-nul": {"email": "visitor\x00@example.org"},
    "email-newline": {"email": "visitor@example.org\r\nBcc: victim@example.org"},
    "email-long": {"email": "v" * 400 + "@example.org"},
    "email-verified-text": {"email_verified": "true"},
    "email-verified-number": {"email_verified": 1},
    "name-list": {"name": ["Visitor"]},
    "name-number": {"name": 7},
    "name-object": {"name": {"given": "Visitor"}},
    "name-surrogate": {"name": "Visi\udfff\ud800tor"},
    "name-nul": {"name": "Visi\x00tor"},
    "name-markup": {"name": "<img src=x onerror=alert(1)>"},
    "name-megabyte": {"name": "n" * 1_000_000},
    "picture-javascript": {"picture": "javascript:alert(1)"},
    "picture-data": {"picture": "data:image/svg+xml,<svg onload='alert(1)'/>"},
    "picture-list": {"picture": ["https://pictures.example/a.png"]},
    "picture-broken": {"picture": "https://[broken"},
    "extra-deep": {"extra": [[[[[[[[[[[[]]]]]]]]]]]]},
}  # fmt: skip
"""Malformed claims by name. They replace the valid ones."""


@dataclass(slots=True)
class Faults:
    """Current fault of each endpoint, None for a valid response."""

    discovery: Transport | Discovery | None = None
    jwks: Transport | Keys | None = None
    callback: Callback | None = None
    token: Transport | Token | None = None
    id_token: IdToken | None = None
    userinfo: Transport | UserInfo | None = None
    claims: str | None = None
    """Name in MALFORMED_CLAIMS."""
