"""Strict checks of a client's requests, by the RFCs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Sequence
from urllib.parse import unquote_plus, urlsplit

from tests.servers.http_server import Call
from tests.tokens.signing import b64url


class UnacceptableRequest(ValueError):
    """Request of a client that a strict provider refuses. The message says why."""


def check_authorization(pairs: Sequence[tuple[str, str]], client_id: str, redirect_uris: Collection[str]) -> None:
    """Raise UnacceptableRequest unless every parameter of the authorization request is valid."""
    params = dict(pairs)
    if len(params) != len(pairs):
        raise UnacceptableRequest("a parameter is sent twice (RFC 6749 section 3.1)")
    expected = {"response_type": "code", "client_id": client_id, "code_challenge_method": "S256"}
    for name, value in expected.items():
        if params.get(name) != value:
            raise UnacceptableRequest(f"{name} is {params.get(name)!r}")
    for name, min_length in {"state": 22, "nonce": 22, "code_challenge": 43}.items():
        # 128 random bits are 22 characters of base64url. A challenge by S256 has 43.
        if len(params.get(name, "")) < min_length:
            raise UnacceptableRequest(f"{name} is short or missing")
    if "openid" not in params.get("scope", "").split():
        raise UnacceptableRequest("scope has no openid")
    _check_redirect_uri(params.get("redirect_uri", ""), redirect_uris)


def _check_redirect_uri(uri: str, registered: Collection[str]) -> None:
    valid = uri in registered if registered else urlsplit(uri).hostname in {"127.0.0.1", "localhost", "::1"}
    if not valid:
        raise UnacceptableRequest(f"redirect_uri is {uri!r}")


def authenticates(call: Call, method: str, client_id: str, client_secret: str) -> bool:
    """Return True if the client authenticates by the registered method and no other (RFC 6749 section 2.3)."""
    given = (call.body.get("client_id"), call.body.get("client_secret"))
    if method == "client_secret_post":
        return call.authorization is None and given == (client_id, client_secret)
    return given[1] is None and given[0] in (None, client_id) and _basic(call) == (client_id, client_secret)


def _basic(call: Call) -> tuple[str, ...]:
    try:
        pair = base64.b64decode(
            (call.headers.get("Authorization") or "").removeprefix("Basic "), validate=True
        ).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ()
    parts = tuple(pair.split(":"))
    # Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1). Unencoded ones are refused.
    if any(not re.fullmatch(r"[A-Za-z0-9._*+%~-]*", part) for part in parts):
        return ()
    return tuple(unquote_plus(part) for part in parts)


def verifies(verifier: str, challenge: str) -> bool:
    """Return True if the code_verifier matches the challenge by S256 (RFC 7636 sections 4.1 and 4.6)."""
    well_formed = re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
    return bool(well_formed) and b64url(hashlib.sha256(verifier.encode()).digest()) == challenge
