"""JWE by RFC 7516 and RFC 7518, independent of the package, also for tokens that the package never writes."""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping
from hashlib import sha256, sha512
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES


def derive_key(secret: str, salt: str, length: int = 64) -> bytes:
    """Return the key by HKDF-SHA256 (RFC 5869) with the parameters of Auth.js."""
    info = f"Auth.js Generated Encryption Key ({salt})".encode()
    prk = hmac.digest(salt.encode(), secret.encode(), "sha256")
    block, output = b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([count]), "sha256")
        output += block
    return output[:length]


def thumbprint(key: bytes) -> str:
    """Return the JWK thumbprint (RFC 7638), by SHA-512 for a key of 64 bytes and by SHA-256 otherwise."""
    jwk = f'{{"k":"{encode(key)}","kty":"oct"}}'.encode()
    return encode((sha512 if len(key) == 64 else sha256)(jwk).digest())


def seal_cbc(header: Mapping[str, Any], plaintext: bytes, key: bytes) -> str:
    """Encrypt by A256CBC-HS512 (RFC 7518 section 5.2), regardless of the header."""
    head, iv = encode(json.dumps(header, separators=(",", ":")).encode()), os.urandom(16)
    padding = 16 - len(plaintext) % 16
    encryptor = Cipher(AES(key[32:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(plaintext + bytes([padding]) * padding) + encryptor.finalize()
    return ".".join((head, "", encode(iv), encode(ciphertext), encode(_tag(head, iv, ciphertext, key))))


def seal_gcm(header: Mapping[str, Any], plaintext: bytes, key: bytes, *, tag_bytes: int = 16) -> str:
    """Encrypt by A256GCM (RFC 7518 section 5.3), with the tag cut to `tag_bytes`."""
    head, iv = encode(json.dumps(header, separators=(",", ":")).encode()), os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, plaintext, head.encode())
    return ".".join((head, "", encode(iv), encode(sealed[:-16]), encode(sealed[-16:][:tag_bytes])))


def open_cbc(token: str, key: bytes) -> tuple[str, bytes]:
    """Return header and plaintext of an A256CBC-HS512 token. Raises AssertionError for a wrong tag."""
    head, encrypted_key, *rest = token.split(".")
    iv, ciphertext, tag = map(decode, rest)
    assert encrypted_key == ""
    assert tag == _tag(head, iv, ciphertext, key)
    decryptor = Cipher(AES(key[32:]), modes.CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return decode(head).decode(), padded[: -padded[-1]]


def seal_claims(claims: Mapping[str, Any], secret: str, salt: str) -> str:
    """Return a token as Auth.js writes it. `JSON.stringify` escapes a lone surrogate, as `json.dumps` does."""
    key = derive_key(secret, salt)
    header = {"alg": "dir", "enc": "A256CBC-HS512", "kid": thumbprint(key)}
    return seal_cbc(header, json.dumps(claims).encode(), key)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _tag(head: str, iv: bytes, ciphertext: bytes, key: bytes) -> bytes:
    length = (8 * len(head)).to_bytes(8, "big")
    return hmac.digest(key[:32], head.encode() + iv + ciphertext + length, "sha512")[:32]
