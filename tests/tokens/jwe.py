"""Sealed boxes made and opened by hand, from RFC 7516 and 7518 alone: what our own sealer would never write."""

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
    """HKDF-SHA256 (RFC 5869) as Auth.js asks for it."""
    info = f"Auth.js Generated Encryption Key ({salt})".encode()
    prk = hmac.digest(salt.encode(), secret.encode(), "sha256")
    block, output = b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([count]), "sha256")
        output += block
    return output[:length]


def thumbprint(key: bytes) -> str:
    """RFC 7638, with the hash as long as the key."""
    jwk = f'{{"k":"{encode(key)}","kty":"oct"}}'.encode()
    return encode((sha512 if len(key) == 64 else sha256)(jwk).digest())


def seal_cbc(header: Mapping[str, Any], plaintext: bytes, key: bytes) -> str:
    """A256CBC-HS512 (RFC 7518 5.2), whatever the header says."""
    head, iv = encode(json.dumps(header, separators=(",", ":")).encode()), os.urandom(16)
    padding = 16 - len(plaintext) % 16
    encryptor = Cipher(AES(key[32:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(plaintext + bytes([padding]) * padding) + encryptor.finalize()
    return ".".join((head, "", encode(iv), encode(ciphertext), encode(_tag(head, iv, ciphertext, key))))


def seal_gcm(header: Mapping[str, Any], plaintext: bytes, key: bytes, *, tag_bytes: int = 16) -> str:
    """A256GCM (RFC 7518 5.3), with its tag cut if that is asked for."""
    head, iv = encode(json.dumps(header, separators=(",", ":")).encode()), os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, plaintext, head.encode())
    return ".".join((head, "", encode(iv), encode(sealed[:-16]), encode(sealed[-16:][:tag_bytes])))


def open_cbc(token: str, key: bytes) -> tuple[str, bytes]:
    """The header's text and the plaintext of an A256CBC-HS512 token; AssertionError where its tag is wrong."""
    head, encrypted_key, *rest = token.split(".")
    iv, ciphertext, tag = map(decode, rest)
    assert encrypted_key == ""
    assert tag == _tag(head, iv, ciphertext, key)
    decryptor = Cipher(AES(key[32:]), modes.CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return decode(head).decode(), padded[: -padded[-1]]


def seal_claims(claims: Mapping[str, Any], secret: str, salt: str) -> str:
    """A token as Auth.js writes it: `JSON.stringify` escapes a lone surrogate, as `json.dumps` does."""
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
