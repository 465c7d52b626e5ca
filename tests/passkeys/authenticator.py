"""Software authenticator: makes passkeys with ES256 and signs with them, with any part changed by a test."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40

Json = dict[str, Any]


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_b64url(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey of one device. `flags` are those of a synced passkey whose user was verified."""

    origin: str
    rp_id: str = "localhost"
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    flags: int = UP | UV | BE | BS
    counter: int = 0
    handle: bytes = b""
    algorithm: int = -7
    aaguid: bytes = bytes(16)

    def create(self, options: Json, **changes: Any) -> Json:
        """Return the credential for the options of a registration. `changes` replace parts of it."""
        self.handle = from_b64url(options["user"]["id"])
        public = self.key.public_key().public_numbers()
        key = {1: 2, 3: self.algorithm, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        key |= changes.get("public_key", {})
        attested = self.aaguid + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(key)
        data = self._data(AT, changes) + attested
        attestation = cbor2.dumps({"fmt": changes.get("fmt", "none"), "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options, changes)
        return self._credential(
            {
                "attestationObject": b64url(attestation),
                "clientDataJSON": b64url(client_data),
                "transports": ["internal"],
            },
            changes,
        )

    def get(self, options: Json, **changes: Any) -> Json:
        """Return the credential for the options of a sign-in. `changes` replace parts of it."""
        data = self._data(0, changes)
        client_data = self._client_data("webauthn.get", options, changes)
        key = changes.get("key", self.key)
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response: Json = {
            "authenticatorData": b64url(data),
            "clientDataJSON": b64url(client_data),
            "signature": b64url(signature),
            "userHandle": b64url(self.handle),
        }
        return self._credential(response, changes)

    def _data(self, more_flags: int, changes: Json) -> bytes:
        rp_id = str(changes.get("rp_id", self.rp_id))
        flags = int(changes.get("flags", self.flags)) | more_flags
        counter = int(changes.get("counter", self.counter))
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")

    def _client_data(self, type_: str, options: Json, changes: Json) -> bytes:
        data = {
            "type": changes.get("type", type_),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", self.origin),
            "crossOrigin": False,
            **changes.get("client_data", {}),
        }
        return json.dumps(data).encode()

    def _credential(self, response: Json, changes: Json) -> Json:
        response = {**response, **changes.get("response", {})}
        response = {name: value for name, value in response.items() if value is not None}
        id = changes.get("id", self.id)
        return {
            "id": b64url(id),
            "rawId": b64url(id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
            **changes.get("json", {}),
        }
