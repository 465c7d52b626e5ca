"""Userinfo responses of the faulty provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.servers.http_server import CannedResponse
from tests.tokens.id_tokens import ELSEWHERE, valid
from tests.tokens.signing import SigningKey, key


def userinfo_response(
    claims: Mapping[str, Any], issuer: str, client_id: str, signer: SigningKey, fault: str | None
) -> CannedResponse:
    """Return the response with these claims, or with this fault."""
    if fault in _ERRORS:
        return CannedResponse.json(*_ERRORS[fault])
    if fault == "byte-order-mark":
        return CannedResponse(b"\xef\xbb\xbf" + json.dumps(claims).encode())
    if fault == "encrypted":
        return CannedResponse(b"eyJhbGciOiJSU0EtT0FFUCJ9.a2V5.aXY.dGV4dA.dGFn", headers=_JWT)
    changed = {**claims, **_CHANGES.get(fault, {})}
    body = {name: value for name, value in changed.items() if value is not None}
    if fault is None or not fault.startswith("signed"):
        return CannedResponse.json(body)
    parties = {} if fault == "signed-without-audience" else {"iss": issuer, "aud": client_id}
    by = key("attacker", signer.algorithm) if fault == "signed-by-another-key" else signer
    return CannedResponse(valid({**parties, **body}, by).signed().encode(), headers=_JWT)


_JWT = {"Content-Type": "application/jwt"}
_ERRORS: dict[str | None, tuple[object, int]] = {
    "401": ({"error": "invalid_token"}, 401),
    "429": ({"error": "slow_down"}, 429),
}
_CHANGES: dict[str | None, dict[str, object]] = {
    "wrong-sub": {"sub": "another-user", "email": "another-user@example.org"},
    "missing-sub": {"sub": None},
    "signed-for-another-client": {"aud": ["another-client"]},
    "signed-by-another-issuer": {"iss": ELSEWHERE},
    "signed-wrong-sub": {"sub": "another-user"},
}
