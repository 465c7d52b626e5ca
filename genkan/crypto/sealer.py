"""Encrypted tokens, byte-compatible with Auth.js.

Each purpose has a `Sealer` of its own, which cannot open another's tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from genkan import strict_json
from genkan.crypto.compact import (
    CONTENT_ENCRYPTION,
    MAX_TOKEN_CHARACTERS,
    parse_claims,
    read_header,
    validate_compact,
)
from genkan.errors import TokenError, TokenExpired
from genkan.types import Token

if TYPE_CHECKING:
    from genkan.crypto.jose import SecretKey

CLOCK_TOLERANCE = 15
"""Seconds that the clocks of two hosts may differ before a token counts as expired or not yet valid. Auth.js uses
the same value."""

_LAST_SECOND = 2**53
"""Largest absolute value of a time. Beyond it JavaScript's numbers are not exact, and the same value could mean
different times."""

Clock = Callable[[], float]
"""Function that returns the seconds since 1970, such as `time.time`."""


class _KeySet:
    """Keys for one salt: encrypts with the first secret, decrypts with any of them."""

    def __init__(self, secrets: Sequence[str], salt: str) -> None:
        cbc_keys = [_key(secret, salt, 64) for secret in secrets]
        gcm_keys = [_key(secret, salt, 32) for secret in secrets]
        self._first = cbc_keys[0]
        self._without_kid = {CONTENT_ENCRYPTION: cbc_keys[0], "A256GCM": gcm_keys[0]}
        self._by_kid = {
            CONTENT_ENCRYPTION: {key.kid: key for key in cbc_keys},
            "A256GCM": {key.kid: key for key in gcm_keys},
        }

    def seal(self, plaintext: bytes) -> str:
        return self._first.seal(plaintext)

    def open(self, token: str) -> bytes:
        if token.startswith(self._first.header):
            # Nearly all tokens have this header, so it need not be parsed.
            return self._first.open(validate_compact(token))
        encryption, kid = read_header(token)
        # A token without `kid` is tried with the first key only, as Auth.js does.
        key = self._without_kid[encryption] if kid is None else self._by_kid[encryption].get(kid)
        if key is None:
            raise TokenError
        return key.open(token)

    def uses_current_key(self, token: str) -> bool:
        return token.startswith(self._first.header)


class Sealer:
    """Encryption of claims for one purpose: `seal` uses the first secret, `open` accepts all of them.

    The salt names the purpose. For a session token it is the cookie name, as in Auth.js. A token that was sealed with
    one salt cannot be opened with another. Keys are derived once.
    """

    def __init__(self, secrets: Sequence[str], salt: str, clock: Clock) -> None:
        self._keys = _KeySet(secrets, salt)
        self._clock = clock

    def seal(self, claims: Mapping[str, object], max_age: int) -> str:
        """Return a token with the claims that expires after `max_age` seconds.

        `iat`, `exp` and `jti` are always set anew.
        """
        now = int(self._clock())
        timed = {**claims, "iat": now, "exp": now + max_age, "jti": str(uuid4())}
        return self._keys.seal(strict_json.dumps(timed).encode())

    def open(self, token: str) -> Token:
        """Return the claims of a valid token.

        Raises TokenError for every flaw: a token that was not sealed with these secrets, or, as TokenExpired, one that
        is not valid yet or expired more than CLOCK_TOLERANCE ago. As in Auth.js `exp` may be missing. Code that reads
        session tokens must check that it is there.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError
        claims = parse_claims(self._keys.open(token))
        _check_times(claims, self._clock())
        return claims

    def uses_current_key(self, token: str) -> bool:
        """Return True if the token was sealed with the first secret. Otherwise it should be re-issued."""
        return self._keys.uses_current_key(token)


class TextSealer:
    """Encryption of stored texts without an expiry, such as a provider's tokens."""

    def __init__(self, secrets: Sequence[str], salt: str) -> None:
        self._keys = _KeySet(secrets, salt)

    def seal(self, text: str) -> str:
        """Return the text, encrypted with the first secret."""
        return self._keys.seal(text.encode())

    def open(self, sealed: str) -> str:
        """Return the text that `seal` has encrypted. Raises TokenError for any other value."""
        return self._keys.open(sealed).decode()


def _key(secret: str, salt: str, length: int) -> SecretKey:
    # Imported here, because the JOSE library takes a tenth of a second of every process that imports the package.
    from genkan.crypto.jose import SecretKey, hkdf  # noqa: PLC0415

    return SecretKey(hkdf(secret, salt=salt, info=f"Auth.js Generated Encryption Key ({salt})", length=length))


def _check_times(claims: Token, now: float) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        if not strict_json.is_number(value) or abs(value) > _LAST_SECOND:
            raise TokenExpired
    if claims.get("exp", now) <= now - CLOCK_TOLERANCE or claims.get("nbf", now) > now + CLOCK_TOLERANCE:
        raise TokenExpired
