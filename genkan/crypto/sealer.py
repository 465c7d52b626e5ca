"""Sealed tokens, byte-compatible with Auth.js's both ways; one `Sealer` for each purpose, so that none opens another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from genkan import strict_json
from genkan.crypto.jose import (
    CONTENT_ENCRYPTION,
    MAX_TOKEN_CHARACTERS,
    SecretKey,
    hkdf,
    parse_claims,
    read_header,
    validate_compact,
)
from genkan.errors import TokenError
from genkan.types import Token

CLOCK_TOLERANCE = 15
"""Seconds two hosts' clocks may differ before a token counts as expired or not yet valid; Auth.js's value (T10)."""

_LAST_SECOND = 2**53
"""Beyond it, forwards or back, JavaScript and Python no longer mean the same moment."""

Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` tells them."""


class _Box:
    """Seals bytes under the first secret, opens what any of the secrets sealed, for one salt."""

    def __init__(self, secrets: Sequence[str], salt: str) -> None:
        wide = [_key(secret, salt, 64) for secret in secrets]
        narrow = [_key(secret, salt, 32) for secret in secrets]
        self._first = wide[0]
        self._without_kid = {CONTENT_ENCRYPTION: wide[0], "A256GCM": narrow[0]}
        self._by_kid = {
            CONTENT_ENCRYPTION: {key.kid: key for key in wide},
            "A256GCM": {key.kid: key for key in narrow},
        }

    def seal(self, plaintext: bytes) -> str:
        return self._first.seal(plaintext)

    def open(self, token: str) -> bytes:
        if token.startswith(self._first.header):
            # Nearly every token: its header is known, and need not be parsed.
            return self._first.open(validate_compact(token))
        encryption, kid = read_header(token)
        # A token that does not name its key is tried with the first one only, as Auth.js does.
        key = self._without_kid[encryption] if kid is None else self._by_kid[encryption].get(kid)
        if key is None:
            raise TokenError
        return key.open(token)

    def uses_current_key(self, token: str) -> bool:
        return token.startswith(self._first.header)


class Sealer:
    """Seals claims under the first secret, opens what any of the secrets sealed, for one salt.

    The salt is the purpose: for a session token it is the cookie's name, exactly as in Auth.js, so
    a token sealed for one purpose or cookie can never be opened as another (T9). Keys are derived once.
    """

    def __init__(self, secrets: Sequence[str], salt: str, clock: Clock) -> None:
        self._box = _Box(secrets, salt)
        self._clock = clock

    def seal(self, claims: Mapping[str, object], max_age: int) -> str:
        """A token of these claims that lives `max_age` seconds; `iat`, `exp` and `jti` are always new."""
        now = int(self._clock())
        stamped = {**claims, "iat": now, "exp": now + max_age, "jti": str(uuid4())}
        return self._box.seal(strict_json.dumps(stamped).encode())

    def open(self, token: str) -> Token:
        """The claims of a token that is ours and valid now, give or take CLOCK_TOLERANCE.

        Raises TokenError, one and the same for every flaw (T8). `exp` may be absent here, as in Auth.js; whoever
        takes a token for a session asks for it (T10).
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError
        claims = parse_claims(self._box.open(token))
        _check_times(claims, self._clock())
        return claims

    def uses_current_key(self, token: str) -> bool:
        """Sealed under the first secret, so it need not be re-issued for a rotation (P2)."""
        return self._box.uses_current_key(token)


class TextSealer:
    """Seals texts that are kept at rest and have no expiry of their own, such as a provider's tokens (T12)."""

    def __init__(self, secrets: Sequence[str], salt: str) -> None:
        self._box = _Box(secrets, salt)

    def seal(self, text: str) -> str:
        """The text, readable only with one of the secrets."""
        return self._box.seal(text.encode())

    def open(self, sealed: str) -> str:
        """What `seal` was given; TokenError for anything else."""
        return self._box.open(sealed).decode()


def _key(secret: str, salt: str, length: int) -> SecretKey:
    return SecretKey(hkdf(secret, salt=salt, info=f"Auth.js Generated Encryption Key ({salt})", length=length))


def _check_times(claims: Token, now: float) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        if not strict_json.is_number(value) or abs(value) > _LAST_SECOND:
            raise TokenError
    if claims.get("exp", now) <= now - CLOCK_TOLERANCE or claims.get("nbf", now) > now + CLOCK_TOLERANCE:
        raise TokenError
