"""What a visitor reads when something went wrong: our own words for each code and reason, and nothing of anybody else's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """An error as a page shows it; `status` is the page's own."""

    code: str
    title: str
    message: str
    status: int = 400


_BY_REASON = {
    "cookies": Message(
        "Configuration",
        "Cookies are needed",
        "Your browser did not send back the cookie that this sign-in began with. Allow cookies for this site, "
        "then try again.",
    ),
    "expired": Message(
        "Configuration",
        "This sign-in has expired",
        "It was begun too long ago, in another browser, or has been used already. Start again; it takes a moment.",
    ),
    "declined": Message(
        "OAuthCallbackError",
        "The sign-in was cancelled",
        "You did not allow it at the provider, so nothing has changed. You can try again or choose another way.",
    ),
    "refused": Message(
        "Configuration",
        "The provider's answer could not be trusted",
        "What came back failed a check, so nobody was signed in. Try again; if it happens every time, tell the "
        "people who run this site.",
    ),
    "unavailable": Message(
        "Configuration",
        "The provider is not answering",
        "Signing in there is not possible at the moment. Try again shortly or choose another way.",
        503,
    ),
    "storage": Message(
        "Configuration",
        "We could not finish signing you in",
        "Something on our side did not answer. Nothing has changed; try again in a moment.",
        503,
    ),
    "too-many": Message(
        "Configuration",
        "Too many sign-ins at once",
        "More were begun from your address than anybody needs. Nothing has changed; wait a minute, then try again.",
        429,
    ),
    "another-person": Message(
        "AccessDenied",
        "That was somebody else",
        "The account that came back is not that of the person who is signed in here. Nothing has changed.",
        403,
    ),
    "unproven": Message(
        "Configuration",
        "The provider did not ask you again",
        "It took an earlier sign-in for this one, which is not enough here. Nothing has changed; try again or choose "
        "another way.",
        403,
    ),
    "linked-elsewhere": Message(
        "OAuthAccountNotLinked",
        "That account is in use here already",
        "Somebody else signs in with it, so it was not linked to you. Nothing has changed. If that is you as well, sign "
        "in with it and unlink it there first.",
        403,
    ),
    "signed-out": Message(
        "SessionRequired",
        "You have been signed out in the meantime",
        "Nothing was linked. Sign in, then try again.",
        401,
    ),
    "provider": Message("Configuration", "No such way to sign in", "Choose one of those that this site offers."),
    "cross-site": Message(
        "MissingCSRF",
        "That came from another site",
        "For your safety we did nothing. If you meant to do it, open this site and do it here.",
        403,
    ),
}

_BY_CODE = {
    "AccessDenied": Message(
        "AccessDenied", "You may not sign in here", "This account has no access. Another one may.", 403
    ),
    "Verification": Message("Verification", "This link no longer works", "It was used already or has expired.", 403),
    "OAuthAccountNotLinked": Message(
        "OAuthAccountNotLinked",
        "Sign in the way you did before",
        "An account with this e-mail address exists already and was made another way. Use that one.",
    ),
    "OAuthCallbackError": Message(
        "OAuthCallbackError",
        "The provider did not sign you in",
        "Nothing has changed. You can try again or choose another way.",
    ),
    "MissingCSRF": Message(
        "MissingCSRF", "This page was open for too long", "Nothing has happened. Please try once more.", 403
    ),
    "ReconnectRequired": Message(
        "ReconnectRequired",
        "Please connect again",
        "The provider has ended our access for you, as it does after a while or when you ask it to. You are still signed "
        "in here; sign in with that provider once more to go on.",
        403,
    ),
    "SessionRequired": Message("SessionRequired", "Please sign in", "That page is for people who are signed in.", 401),
}

_UNKNOWN = Message("Configuration", "Something went wrong", "Nothing has changed. Please try again.")


def error_message(code: str | None, reason: str | None) -> Message:
    """The message for an error code of the protocol and our finer reason; for anything else a general one."""
    by_reason = _BY_REASON.get(reason or "")
    if by_reason is not None and code in (by_reason.code, "OAuthCallbackError", "MissingCSRF"):
        return by_reason
    return _BY_CODE.get(code or "", _UNKNOWN)
