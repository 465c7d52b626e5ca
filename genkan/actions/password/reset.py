"""`…/reset`: choose a new password with a link from a mail."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from genkan.actions.complete_sign_in import log_removal
from genkan.actions.email.identity import find_by_email
from genkan.actions.email.use_link import use
from genkan.actions.known_browser import is_known_by_email
from genkan.actions.password.change import after_change
from genkan.adapters import NO_PROFILE
from genkan.adapters.addresses import Verification
from genkan.core import Core
from genkan.email.address import normalize
from genkan.email.parts import EmailSignIn
from genkan.errors import AccessDenied, InvalidVerification
from genkan.http.cookies import Cookie, clear
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.password.parts import PasswordSignIn
from genkan.types import User

COOKIE_SECONDS = 900
"""Seconds that the user has for choosing the password after opening the link."""


def request_reset(request: ActionRequest, core: Core, email_sign_in: EmailSignIn, passwords: PasswordSignIn) -> None:
    """Send a link to the user with this address. To the page it makes no difference if there is one.

    Raises InvalidAddress and AdapterError. The caller has verified the CSRF token.
    """
    email = normalize(request.text("email"))
    known = is_known_by_email(email, request, core, email_sign_in.known)
    if not email_sign_in.limits.allow("reset", email, request.remote_addr, known=known):
        return
    user = find_by_email(email, core)
    is_known = user is not None and not user.disabled
    user_id = user.id if user is not None and is_known else "-"
    new = email_sign_in.checks.create(
        "reset",
        email,
        core.front_page,
        request.cookies,
        user_id=user_id,
        data=_bound(passwords.store.password(user_id)),
    )
    url = core.page_url(f"{core.pages.account}/reset/open?token={new.token}&user={user_id}")
    context = {"url": url, "host": core.host, "email": email}
    # The same work for an unknown address: the mail has no recipient, and nothing can use its link.
    to, verification = (email, new.verification) if is_known else ("", new.unusable)
    email_sign_in.mailer.add("reset", to, context, verification)


def open_link(request: ActionRequest, core: Core) -> ActionResponse:
    """Put the token of the link into a cookie and redirect to the form, so that no page with the token in its URL is
    shown."""
    value = f"{request.query.get('user', '')}|{request.query.get('token', '')}"[:512]
    cookie = Cookie(
        core.cookie_names.reset, value, core.secure, max_age=COOKIE_SECONDS, expires=core.clock() + COOKIE_SECONDS
    )
    return ActionResponse(
        location=core.page_url(f"{core.pages.account}/reset/new"),
        cookies=(cookie,),
        headers={"Referrer-Policy": "no-referrer"},
    )


def find_reset(
    request: ActionRequest, core: Core, email_sign_in: EmailSignIn, passwords: PasswordSignIn
) -> Verification:
    """Return the verification of the token in the cookie. Raises InvalidVerification if it does not work, AdapterError."""
    user_id, _, token = (request.cookies.get(core.cookie_names.reset) or "").partition("|")
    checks = email_sign_in.checks
    found = email_sign_in.stores.verifications.find(
        checks.identifier("reset", user_id), checks.token_hash("reset", token)
    )
    if found is None or checks.data(found) != _bound(passwords.store.password(user_id)):
        raise InvalidVerification("no such reset")
    return found


def reset(request: ActionRequest, core: Core, email_sign_in: EmailSignIn, passwords: PasswordSignIn) -> ActionResponse:
    """Store the new password, end every session of the user, and redirect to the sign-in page. It does not sign in.

    Raises InvalidVerification, InvalidPassword, AccessDenied if the user is disabled, and AdapterError.
    """
    verification = find_reset(request, core, email_sign_in, passwords)
    text = request.text("password")
    passwords.policy.check(text, email=verification.email, host=core.host)
    hash = passwords.hasher.hash(text)
    used = use(verification, email_sign_in)
    now = datetime.fromtimestamp(int(core.clock()), UTC)
    # The mail has proven the address, too.
    proven = email_sign_in.stores.addresses.prove(User("", email=used.email, email_verified=now), NO_PROFILE)
    user = proven.user
    if user.disabled or user.id != used.user_id:
        raise AccessDenied("disabled, or the address is another user's by now")
    if not email_sign_in.stores.addresses.set_password(user.id, hash, email=used.email):
        raise InvalidVerification("the user is gone, or has another address by now")
    if proven.removed:
        log_removal(user, request, core)
    after_change(user, request, core, email_sign_in)
    cleared = clear((core.cookie_names.reset,), secure=core.secure)
    return ActionResponse(location=f"{core.action_url('/signin')}?notice=password-changed", cookies=cleared)


def _bound(hash: str | None) -> dict[str, str]:
    """Return what binds a link to the password that it replaces."""
    return {"replaces": sha256((hash or "").encode()).hexdigest()}
