"""Tokens of links, codes, and the cookie by which a link or code recognises the browser that asked.

A token of one purpose is none of another: the purpose is part of what is hashed, except for `sign_in`, whose hash is
that of Auth.js, so that either application can redeem the links of the other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, get_args

from genkan import strict_json
from genkan.adapters.addresses import Purpose, Verification
from genkan.crypto.sealer import Clock, Sealer, TextSealer
from genkan.errors import TokenError
from genkan.http.cookies import Cookie, RequestCookies, clear

MINUTE = 60

LIFETIMES: Mapping[Purpose, int] = {
    "sign_in": 10 * MINUTE,
    "sign_up": 24 * 60 * MINUTE,
    "reset": 30 * MINUTE,
    "address": 24 * 60 * MINUTE,
    "undo": 7 * 24 * 60 * MINUTE,
}
"""Seconds for which a link works."""

CODE_LIFETIME = 10 * MINUTE
"""Seconds for which a code works. It has a million values only."""

MAX_WRONG_CODES = 5
"""Wrong codes that one browser may enter for one address, over all codes that it asked for."""

CODE_DIGITS = 6
TOKEN_BYTES = 32

CODE_PURPOSES = frozenset[Purpose]({"sign_in", "sign_up"})
"""The purposes whose mails have a code."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The content of the cookie of a browser that asked for a mail."""

    browser: str
    """Random id of the browser. Only its hash is stored."""
    email: str
    purpose: Purpose
    callback_url: str

    @property
    def browser_hash(self) -> str:
        """The id as it is stored."""
        return hashlib.sha256(self.browser.encode()).hexdigest()


class NewVerification(NamedTuple):
    """A verification that was made, its secrets for the mail, and the cookie of the browser that asked."""

    verification: Verification
    token: str
    code: str | None
    """None if the purpose has no code."""
    cookie: Cookie

    @property
    def unusable(self) -> Verification:
        """The verification without anything by which it could be found or used.

        It is stored where no link may be sent, so that the request does the same work as for any other address.
        """
        return replace(
            self.verification,
            identifier=f"unusable:{random.token_hex(8)}",
            token_hash=random.token_hex(TOKEN_BYTES),
            email="",
            user_id=None,
            browser=None,
            code_hash=None,
            data=None,
        )


@dataclass(frozen=True, slots=True)
class EmailChecks:
    """Makes and checks tokens, codes and the cookie."""

    cookie_sealer: Sealer
    data_sealer: TextSealer
    cookie_name: str
    secure: bool
    clock: Clock
    secret: str
    """All secrets, joined by commas as Auth.js does."""

    @classmethod
    def of(cls, secrets: Sequence[str], *, cookie_name: str, secure: bool, clock: Clock) -> EmailChecks:
        """Return the checks of an application with these secrets."""
        return cls(
            Sealer(secrets, "genkan.email", clock),
            TextSealer(secrets, "genkan.verification"),
            cookie_name,
            secure,
            clock,
            ",".join(secrets),
        )

    def create(
        self,
        purpose: Purpose,
        email: str,
        callback_url: str,
        cookies: RequestCookies,
        *,
        user_id: str | None = None,
        data: Mapping[str, str] | None = None,
    ) -> NewVerification:
        """Return a new verification of this address. A browser keeps its id, so that an older code works to its end."""
        previous = self.pending(cookies)
        browser = previous.browser if previous and previous.email == email else random.token_urlsafe(TOKEN_BYTES)
        pending = Pending(browser, email, purpose, callback_url)
        token = random.token_hex(TOKEN_BYTES)
        code = f"{random.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}" if purpose in CODE_PURPOSES else None
        verification = Verification(
            identifier=self.identifier(purpose, user_id if purpose in ("reset", "address", "undo") else email),
            token_hash=self.token_hash(purpose, token),
            expires=int(self.clock()) + LIFETIMES[purpose],
            purpose=purpose,
            email=email,
            user_id=user_id,
            # The others end with no wrong code: a person in the user's session could enter some, to keep the owner of the address
            # from undoing a change.
            browser=pending.browser_hash if purpose in CODE_PURPOSES else None,
            code_hash=None if code is None else self.code_hash(pending, purpose, code),
            data=self.data_sealer.seal(strict_json.dumps(dict(data))) if data else None,
        )
        return NewVerification(verification, token, code, self._cookie(pending))

    def pending(self, cookies: RequestCookies) -> Pending | None:
        """Return what this browser has asked for last. None if it has not, or too long ago."""
        try:
            claims = self.cookie_sealer.open(cookies.get(self.cookie_name) or "")
        except TokenError:
            return None
        values: dict[str, Any] = {name: claims.get(name) for name in ("browser", "email", "purpose", "callback_url")}
        # The cookie may be from an older or newer release.
        if not all(isinstance(value, str) for value in values.values()) or values["purpose"] not in get_args(Purpose):
            return None
        return Pending(**values)

    def is_of(self, verification: Verification, pending: Pending | None) -> bool:
        """Return True if the browser with this cookie asked for the verification."""
        return (
            pending is not None
            and verification.browser is not None
            and hmac.compare_digest(verification.browser, pending.browser_hash)
        )

    def clear(self, cookies: RequestCookies) -> tuple[Cookie, ...]:
        """Return the deletion of the cookie. Empty if the browser has none."""
        return () if cookies.get(self.cookie_name) is None else clear((self.cookie_name,), secure=self.secure)

    @staticmethod
    def identifier(purpose: Purpose, subject: str | None) -> str:
        """Return the identifier of a verification: the address for `sign_in`, else purpose and address or id of the
        user."""
        return f"{subject}" if purpose == "sign_in" else f"{purpose}:{subject}"

    def token_hash(self, purpose: Purpose, token: str) -> str:
        """Return the hash of a token as it is stored."""
        text = token if purpose == "sign_in" else f"{purpose}:{token}"
        return hashlib.sha256((text + self.secret).encode()).hexdigest()

    def code_hash(self, pending: Pending, purpose: Purpose, code: str) -> str:
        """Return the hash of a code, which needs the secret: there are a million codes only."""
        message = f"{pending.browser}\0{pending.email}\0{purpose}\0{code}"
        return hmac.digest(self.secret.encode(), message.encode(), "sha256").hex()

    def matching(
        self, code: str, pending: Pending, verifications: Sequence[Verification], now: float
    ) -> Verification | None:
        """Return the verification with this code, if it has one that still works. Blanks and dashes in it are ignored."""
        digits = "".join(character for character in unicodedata.normalize("NFKC", code) if character.isdecimal())
        found = None
        for verification in verifications:
            created = verification.expires - LIFETIMES[verification.purpose]
            expected = verification.code_hash or ""
            is_equal = hmac.compare_digest(expected, self.code_hash(pending, verification.purpose, digits[:64]))
            if is_equal and now < created + CODE_LIFETIME:
                found = verification
        return found

    def data(self, verification: Verification) -> dict[str, Any]:
        """Return the data of a verification. Empty if it has none, or if it can't be decrypted."""
        try:
            return strict_json.loads_object((self.data_sealer.open(verification.data or "")).encode())
        except (TokenError, ValueError):
            return {}

    def _cookie(self, pending: Pending) -> Cookie:
        lifetime = LIFETIMES[pending.purpose]
        return Cookie(
            self.cookie_name,
            self.cookie_sealer.seal(asdict(pending), lifetime),
            self.secure,
            max_age=lifetime,
            expires=self.clock() + lifetime,
        )
