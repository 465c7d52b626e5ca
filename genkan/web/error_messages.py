"""Error texts for users. Each error code and reason has a text of ours, and nothing that a provider sent is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Message:
    """Text of an error page, and the status of its response."""

    code: str
    title: str
    message: str
    status: int = 400
    reason: str | None = None
    """The reason of the error, for JSON."""


_BY_REASON = {
    "cookies": Message(
        "Configuration",
        "Cookies are needed",
        "Your browser did not return the cookie of this sign-in. Allow cookies for this site, then try again.",
    ),
    "unreadable-cookies": Message(
        "Configuration",
        "Your cookies could not be read",
        "A script has set a cookie for this site with a character that cannot be sent, so none of your cookies arrived. "
        "Nothing has changed.",
    ),
    "expired": Message(
        "Configuration",
        "This sign-in has expired",
        "It was started too long ago or in another browser, or it was completed already. Please start again.",
    ),
    "declined": Message(
        "OAuthCallbackError",
        "The sign-in was cancelled",
        "You did not allow it at the provider. Nothing has changed. You can try again or choose another provider.",
    ),
    "refused": Message(
        "Configuration",
        "The provider's answer could not be trusted",
        "The answer failed a check, so you were not signed in. Please try again. If it happens every time, tell the "
        "owners of this site.",
    ),
    "unavailable": Message(
        "Configuration",
        "The provider does not respond",
        "You cannot sign in with it at the moment. Try again shortly or choose another provider.",
        503,
    ),
    "storage": Message(
        "Configuration",
        "We could not finish signing you in",
        "A service that this site needs did not respond. Nothing has changed. Try again in a moment.",
        503,
    ),
    "too-many": Message(
        "Configuration",
        "Too many sign-ins",
        "Too many sign-ins were started from your network address. Nothing has changed. Wait a minute, then try again.",
        429,
    ),
    "busy": Message(
        "Configuration",
        "Too many sign-ins at once",
        "This site checks as many passwords as it can at the moment. Nothing has changed. Try again in a few seconds.",
        503,
    ),
    "another-person": Message(
        "AccessDenied",
        "That was another account",
        "That account, or the link, belongs to another user than the one who is signed in here. Nothing has changed.",
        403,
    ),
    "unproven": Message(
        "Configuration",
        "The provider did not ask you again",
        "It used an earlier sign-in, which is not enough here. Nothing has changed. Try again or choose another "
        "provider.",
        403,
    ),
    "linked-elsewhere": Message(
        "OAuthAccountNotLinked",
        "That account is already in use here",
        "Another user signs in with it, so it was not linked. Nothing has changed. If that user is you as well, sign in "
        "with that account and unlink it first.",
        403,
    ),
    "signed-out": Message(
        "SessionRequired",
        "You have been signed out in the meantime",
        "Nothing was linked. Sign in, then try again.",
        401,
    ),
    "address": Message(
        "EmailSignin",
        "That is not an e-mail address",
        "Please check it and try again. It looks like name@example.com.",
        422,
    ),
    "code": Message("Verification", "That is not the code", "Please look at the latest mail and try again.", 422),
    "no-password": Message(
        "CredentialsSignin", "Please type your password", "If you have none, let us send you a link.", 422
    ),
    "throttled": Message(
        "CredentialsSignin",
        "Too many attempts",
        "Wait a few minutes, then try again. A link by e-mail works at once.",
        429,
    ),
    "wrong-password": Message(
        "CredentialsSignin", "That is not the password", "Type the password that you chose when you signed up.", 422
    ),
    "unknown-passkey": Message(
        "Configuration",
        "This site does not know that passkey",
        "It may have been removed here. Choose another passkey, or another way to sign in.",
        403,
    ),
    "second-factor": Message(
        "CredentialsSignin",
        "That is not the code",
        "Each code works once. Wait for the next one, and check that the clock of your phone is right.",
        422,
    ),
    "second-factor-locked": Message(
        "CredentialsSignin",
        "Too many wrong codes",
        "Wait a quarter of an hour, or use another factor: your app, a recovery code or a passkey.",
        429,
    ),
    "second-factor-ended": Message(
        "CredentialsSignin", "Too many wrong codes", "You were not signed in. Please start again.", 403
    ),
    "passkey-needed": Message(
        "CredentialsSignin",
        "Please use your passkey",
        "This site asks you for two factors, and your passkey is both. Nothing has changed.",
        403,
    ),
    "provider": Message("Configuration", "Unknown provider", "Choose one of the providers that this site offers."),
    "cross-site": Message(
        "MissingCSRF",
        "The request came from another site",
        "For your safety nothing was done. If you want to do it, open this site and do it here.",
        403,
    ),
}

_BY_CODE = {
    "AccessDenied": Message(
        "AccessDenied", "You may not sign in here", "This account has no access. Another account may have it.", 403
    ),
    "Verification": Message("Verification", "This link no longer works", "It has been used or has expired.", 403),
    "WebAuthnVerificationError": Message(
        "WebAuthnVerificationError",
        "The passkey was not accepted",
        "Nothing has changed. Please try again, or choose another way.",
        403,
    ),
    "CredentialsSignin": Message(
        "CredentialsSignin",
        "Address or password is not right",
        "Check both and try again, or let us send you a link.",
        401,
    ),
    "EmailSignin": Message(
        "EmailSignin", "The mail could not be sent", "Nothing has changed. Try again in a moment.", 503
    ),
    "OAuthAccountNotLinked": Message(
        "OAuthAccountNotLinked",
        "Sign in with your other account",
        "A user with this e-mail address exists already and signs in with another account. Use that account.",
    ),
    "OAuthCallbackError": Message(
        "OAuthCallbackError",
        "The provider did not sign you in",
        "Nothing has changed. You can try again or choose another provider.",
    ),
    "MissingCSRF": Message("MissingCSRF", "This page has expired", "Nothing was changed. Please try again.", 403),
    "ReconnectRequired": Message(
        "ReconnectRequired",
        "Please connect again",
        "The provider has ended our access to your account, as it does after some time or on your request. You are still "
        "signed in here. Sign in with that provider once more to continue.",
        403,
    ),
    "SessionRequired": Message("SessionRequired", "Please sign in", "This page needs a signed-in user.", 401),
}

_UNKNOWN = Message("Configuration", "Something went wrong", "Nothing has changed. Please try again.")


_WITHOUT_MAIL = {
    "Address or password is not right": "Check both and try again.",
    "Please type your password": "It is needed to sign in.",
    "Too many attempts": "Wait a few minutes, then try again.",
}
"""Texts, by title, of messages that offer a link by mail, for an application that sends none."""


def without_mail(message: Message) -> Message:
    """Return the message without the offer of a link by mail."""
    return replace(message, message=_WITHOUT_MAIL.get(message.title, message.message))


def error_message(code: str | None, reason: str | None) -> Message:
    """Return the message for an error code of Auth.js and a reason of ours, or a general message for unknown values."""
    by_reason = _BY_REASON.get(reason or "")
    if by_reason is not None and code in (by_reason.code, "OAuthCallbackError", "MissingCSRF"):
        return replace(by_reason, reason=reason)
    return _BY_CODE.get(code or "", _UNKNOWN)
