"""What can go wrong, as a small tree: `code` is all a visitor is ever told, `kind` picks the page that tells it."""

from __future__ import annotations

from typing import ClassVar, Literal

Kind = Literal["sign_in", "error"]


class GenkanError(Exception):
    """The base of everything this package raises on purpose."""


class ConfigurationError(GenkanError):
    """The owner's mistake: raised at start, names the setting and the remedy, never a setting's value."""


class NoRequestContext(GenkanError, RuntimeError):
    """Who is there was asked outside a request, or in an application that has no Genkan."""


class TokenError(GenkanError):
    """A token that is not one of ours, in one indistinguishable shape whatever is wrong with it."""


class AdapterError(GenkanError):
    """A store (database, cache) did not answer; nothing about the visitor may be concluded from it."""


class AuthError(GenkanError):
    """The visitor's path ended.

    `code` is what `?error=` says on the wire (Auth.js's closed list), `reason` our finer word for the same
    page, from a closed list too, so that the page can say what helps.
    """

    code: ClassVar[str] = "Configuration"
    kind: ClassVar[Kind] = "error"
    reason: str | None = None

    def __init__(self, message: str = "", *, reason: str | None = None) -> None:
        super().__init__(message or type(self).__name__)
        if reason is not None:
            self.reason = reason


class AccessDenied(AuthError):
    """They may not come in: the `sign_in` or the `jwt` callback said no, or they are disabled."""

    code = "AccessDenied"


class MissingCSRF(AuthError):
    """An unsafe request without the double-submit token (docs/requirements.md C1)."""

    code = "MissingCSRF"
    kind = "sign_in"


class CrossOriginRequest(AuthError):
    """An unsafe request that another site made the browser send; refused with 403 whatever token it carries."""

    code = "MissingCSRF"
    reason = "cross-site"


class OAuthCallbackError(AuthError):
    """The provider sent the visitor back with an error, most often because they declined."""

    code = "OAuthCallbackError"
    kind = "sign_in"


class OAuthAccountNotLinked(AuthError):
    """The address belongs to an account that was made through another provider."""

    code = "OAuthAccountNotLinked"
    kind = "sign_in"


class InvalidCheck(AuthError):
    """State, nonce or verifier is missing, stale, spent, or minted for another provider or browser."""

    reason = "expired"


class InvalidSessionUpdate(AuthError):
    """A client asked to change something of its session to what it can not be."""


class UnknownAction(AuthError):
    """A method or path the protocol does not have."""


class InvalidProvider(AuthError):
    """No such provider is on."""

    reason = "provider"


class ProviderError(AuthError):
    """The provider answered something that cannot be believed: bad signature, issuer, claim or shape."""

    reason = "refused"


class ProviderUnavailable(AuthError):
    """The provider did not answer in time or is busy here; trying again later may work."""

    reason = "unavailable"


class TooManyRequests(AuthError):
    """So many sign-ins were begun from one address that others would have to pay for more of them."""

    reason = "too-many"


class AdapterUnavailable(AuthError):
    """Our own store was down at the wrong moment; nothing was half done, trying again works."""

    reason = "storage"


class AccountLinkedToAnotherUser(AuthError):
    """An account that was to be linked is somebody else's way in already."""

    code = "OAuthAccountNotLinked"
    reason = "linked-elsewhere"


class AccountMismatch(AccessDenied):
    """A flow that was for one user has come back as another one, or to another one's session; nothing has changed."""

    reason = "another-person"


class ReauthenticationFailed(AuthError):
    """The provider was to have somebody prove themselves anew and does not say that it did."""

    reason = "unproven"


class LastAccountError(AuthError):
    """Somebody's only way in can't be taken from them."""


class SessionRequired(AuthError):
    """Something was asked for the person who is signed in, and nobody is."""

    code = "SessionRequired"
    kind = "sign_in"


class ReauthorizationRequired(AuthError):
    """The provider gives no more tokens for somebody until they sign in there again; `provider` is its id.

    Their session here goes on.
    """

    code = "ReconnectRequired"
    kind = "sign_in"

    def __init__(self, provider: str, message: str = "") -> None:
        super().__init__(message)
        self.provider = provider
