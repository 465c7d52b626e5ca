"""Exceptions.

A client sees the `code` of an AuthError and the page that its `kind` and `reason` select, never the message.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Kind = Literal["sign_in", "error"]


class GenkanError(Exception):
    """Base class of the exceptions that Genkan raises."""


class ConfigurationError(GenkanError):
    """Invalid setting. The message names the setting and the remedy, and never contains the value."""


class NoRequestContext(GenkanError, RuntimeError):
    """Session requested outside a request, or in an application without Genkan."""


class TokenError(GenkanError):
    """Invalid token. The exception is the same for every flaw, so that it reveals nothing about the token."""


class TokenExpired(TokenError):
    """Token that could be opened, but that has expired, is not valid yet, or has an invalid time."""


class InvalidSettings(ConfigurationError):
    """Invalid setting that was found at the first use, because it was not checked at the start."""


class UndeliverableMail(GenkanError):
    """Mail that can't be delivered, now or later, such as one to an address that does not exist.

    A function that delivers mails raises it, so that the mail is not tried again.
    """


class AdapterError(GenkanError):
    """Failure of the database or another store. It says nothing about the user or the session."""


class AuthError(GenkanError):
    """Failed authentication request.

    `code` is the value of `?error=`, from Auth.js's list of error codes. `reason` is Genkan's own and more specific,
    also from a fixed list. The error page uses it to say what the user can do.
    """

    code: ClassVar[str] = "Configuration"
    kind: ClassVar[Kind] = "error"
    reason: str | None = None

    def __init__(self, message: str = "", *, reason: str | None = None) -> None:
        super().__init__(message or type(self).__name__)
        if reason is not None:
            self.reason = reason


class AccessDenied(AuthError):
    """Sign-in denied: the `sign_in` or `jwt` callback refused it, or the user is disabled."""

    code = "AccessDenied"


class MissingCSRF(AuthError):
    """Unsafe request without a valid CSRF token."""

    code = "MissingCSRF"
    kind: ClassVar[Kind] = "sign_in"


class UnreadableCookies(MissingCSRF):
    """Unsafe request whose Cookie header arrived empty, so that its CSRF token cannot be checked."""

    kind = "error"
    reason = "unreadable-cookies"


class CrossOriginRequest(AuthError):
    """Unsafe request sent from another origin. The response is 403, also with a valid CSRF token."""

    code = "MissingCSRF"
    reason = "cross-site"


class InvalidAddress(AuthError):
    """Text that is not one email address. The message is the same for every flaw and does not contain the text."""

    code = "EmailSignin"
    kind: ClassVar[Kind] = "sign_in"
    reason = "address"


class InvalidVerification(AuthError):
    """Link or code of a mail that does not exist, has expired or was used already."""

    code = "Verification"


class WrongCode(InvalidVerification):
    """Code that is not the one in the mail. The user may enter it again."""

    reason = "code"


class CredentialsSignin(AuthError):
    """Wrong address or password. `reason` is `throttled` after too many attempts.

    An `authorize` callback may raise it, or a subclass whose `code` Auth.js's clients get as the `code` of their result.
    """

    code = "CredentialsSignin"
    kind: ClassVar[Kind] = "sign_in"

    def __init__(self, message: str = "", *, reason: str | None = None, client_code: str = "credentials") -> None:
        super().__init__(message, reason=reason)
        self.client_code = client_code


class WebAuthnVerificationError(AuthError):
    """Response of a passkey that failed a check: challenge, origin, signature or user. Nothing has changed."""

    code = "WebAuthnVerificationError"


class UnknownPasskey(AuthError):
    """Passkey that is not stored here, for example because its user has removed it. As in Auth.js without a code of its
    own."""

    reason = "unknown-passkey"


class InvalidSecondFactor(AuthError):
    """Wrong code of the second factor. The user may enter another one.

    `reason` is `second-factor-locked` after too many in a row, and `second-factor-ended` if the sign-in starts again.
    """

    code = "CredentialsSignin"
    kind: ClassVar[Kind] = "sign_in"
    reason = "second-factor"


class PasskeyRequired(AuthError):
    """Sign-in with one factor of a user who needs two and has a passkey, which is two."""

    code = "CredentialsSignin"
    kind: ClassVar[Kind] = "sign_in"
    reason = "passkey-needed"


class OAuthCallbackError(AuthError):
    """Error response from the provider (RFC 6749 section 4.1.2.1), usually because the user declined."""

    code = "OAuthCallbackError"
    kind = "sign_in"


class OAuthAccountNotLinked(AuthError):
    """Email address that belongs to a user with an account at another provider."""

    code = "OAuthAccountNotLinked"
    kind = "sign_in"


class InvalidCheck(AuthError):
    """State, nonce or code verifier that is missing, expired, already used, or issued for another provider or
    browser."""

    reason = "expired"


class InvalidSessionUpdate(AuthError):
    """Session update with a field that a client may not change, or an invalid value."""


class UnknownAction(AuthError):
    """Method or path that the protocol does not define."""


class InvalidProvider(AuthError):
    """Provider that does not exist or is not enabled."""

    reason = "provider"


class ProviderError(AuthError):
    """Invalid response of the provider: a wrong signature, issuer, claim or format."""

    reason = "refused"


class ProviderUnavailable(AuthError):
    """Provider that did not respond in time, or for which this worker has too many open requests.

    A retry may succeed.
    """

    reason = "unavailable"


class TooManyRequests(AuthError):
    """Too many sign-ins started from one IP address."""

    reason = "too-many"


class AdapterUnavailable(AuthError):
    """Store that failed during the request. No change is half done, so a retry is safe."""

    reason = "storage"


class ServerBusy(AuthError):
    """Request that waited too long because too many passwords are checked at once. Nothing has changed.

    The response is 503 with `Retry-After`.
    """

    reason = "busy"


class InvalidPassword(AuthError):
    """New password that the rules refuse. `reason` is the rule, and the message is a sentence for the user."""

    reason = "password"


class AccountLinkedToAnotherUser(AuthError):
    """Account to be linked that already belongs to another user."""

    code = "OAuthAccountNotLinked"
    reason = "linked-elsewhere"


class AccountMismatch(AccessDenied):
    """Flow that was started for one user but finished by another user or in another user's session.

    Nothing was changed.
    """

    reason = "another-person"


class ReauthenticationFailed(AuthError):
    """Reauthentication that the provider did not confirm: its response does not say that the user authenticated
    again."""

    reason = "unproven"


class LastAccountError(AuthError):
    """Attempt to unlink the last account with which the user can sign in."""


class SessionRequired(AuthError):
    """Request that needs a session, but has none."""

    code = "SessionRequired"
    kind = "sign_in"


class ReauthorizationRequired(AuthError):
    """Refusal of the provider to issue more tokens until the user signs in there again.

    `provider` is the provider's id. The user's session stays valid.
    """

    code = "ReconnectRequired"
    kind = "sign_in"

    def __init__(self, provider: str, message: str = "") -> None:
        super().__init__(message)
        self.provider = provider
