"""The JSON of a PublicKeyCredential, which a browser sends (WebAuthn Level 3, 5.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import Any, NamedTuple

from genkan import strict_json
from genkan.adapters.passkeys import Passkey
from genkan.errors import WebAuthnVerificationError
from genkan.types import str_claim

MAX_ID_BYTES = 1023
"""Bytes of a credential id (WebAuthn Level 3, 4)."""

TRANSPORTS = ("ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb")

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class Credential(NamedTuple):
    """A credential before its verification."""

    id: str
    """Standard base64 with padding."""
    challenge: str
    """The challenge that the browser says it has answered."""
    json: dict[str, Any]
    response: dict[str, Any]


def read_credential(text: str) -> Credential:
    """Return the credential in this JSON. Raises WebAuthnVerificationError if it is none, or made in a frame of another
    site."""
    try:
        credential = strict_json.loads_object(text)
        response = credential["response"]
        client_data = strict_json.loads_object(decode(response["clientDataJSON"]))
        raw_id = decode(credential["rawId"])
    except (KeyError, TypeError, ValueError) as error:
        raise WebAuthnVerificationError("not a credential") from error
    challenge = str_claim(client_data, "challenge")
    if not 0 < len(raw_id) <= MAX_ID_BYTES or not challenge:
        raise WebAuthnVerificationError("not a credential")
    if client_data.get("crossOrigin", False) is not False or "topOrigin" in client_data:
        raise WebAuthnVerificationError("made in a frame of another site")
    return Credential(base64.b64encode(raw_id).decode(), challenge, credential, response)


def require_handle(credential: Credential, passkey: Passkey) -> None:
    """Raise WebAuthnVerificationError unless the user handle in the response is that of the passkey.

    Clients send it as the base64url of its bytes, or (@simplewebauthn/browser 9) as text. That library also stores the
    base64url that it was sent in place of the bytes. A passkey that another application has registered may have any.
    """
    if passkey.handle is None:
        return
    sent = credential.response.get("userHandle")
    stored = passkey.handle.encode()
    once, twice = encode(stored), encode(encode(stored).encode())
    text = sent.rstrip("=").encode() if isinstance(sent, str) else b""
    if not any(hmac.compare_digest(text, known) for known in (stored, once.encode(), twice.encode())):
        raise WebAuthnVerificationError("user handle of another user")


def transports_of(credential: Credential) -> tuple[str, ...]:
    """Return the transports that the browser names, without unknown ones."""
    named = credential.response.get("transports")
    return tuple(name for name in TRANSPORTS if name in named) if isinstance(named, list) else ()


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: object) -> bytes:
    """Return the bytes of base64url text, with padding or not. Raises ValueError for any other value."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(bare := text.rstrip("=")):
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def to_base64url(credential_id: str) -> str:
    """Return the id of a stored passkey as browsers write it."""
    return credential_id.rstrip("=").replace("+", "-").replace("/", "_")
