"""`POST /api/auth/callback/credentials`: sign in with address and password."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from genkan.actions.callback_url import callback_url, callback_url_cookie
from genkan.actions.complete_sign_in import authorize_sign_in, client_of, start_session
from genkan.actions.email.identity import email_identity, find_by_email
from genkan.actions.known_browser import is_known_browser, known_cookie
from genkan.claims import normalize_email
from genkan.core import Core
from genkan.email.address import normalize
from genkan.errors import AccountMismatch, AdapterError, CredentialsSignin, InvalidAddress, ServerBusy
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.password.parts import PasswordSignIn
from genkan.password.throttle import Attempt
from genkan.session import reader
from genkan.session.activity import log_denials
from genkan.types import User

_log = logging.getLogger("genkan.password")


def sign_in(request: ActionRequest, core: Core, passwords: PasswordSignIn) -> ActionResponse:
    """Sign in and redirect to the callback URL. Needs the CSRF token.

    With `purpose=fresh` in the form, confirm the identity of the signed-in user. Raises CredentialsSignin, which is the
    same for an unknown address and for a wrong password, other AuthErrors, and AdapterError. Then nothing has changed.
    """
    core.csrf.verify(request)
    url = callback_url(request, core)
    email, password = request.text(passwords.fields.email), request.text(passwords.fields.password)
    user, hash = check_password(email, password, request, core, passwords)
    confirm = partial(_require_same_password, user.id, hash, password, passwords)
    identity = email_identity(user.email or "", core, provider="credentials")
    with log_denials(user.id, core.sessions, client=client_of(request), provider="credentials"):
        is_fresh = request.body.get("purpose") == "fresh"
        if is_fresh:
            require_same_user(user.id, request, core)
        credentials = {name: value for name, value in request.body.items() if name != "csrfToken"}
        redirect_url = authorize_sign_in(user, identity, core, credentials=credentials)
        if redirect_url is not None:
            return ActionResponse(location=redirect_url)
        response = start_session(identity, user, False, url, request, core, is_fresh=is_fresh, confirm=confirm)
    remembered = callback_url_cookie(url, request, core)
    return replace(response, cookies=(*response.cookies, *remembered, known_cookie(user.id, core, passwords.known)))


def check_password(
    email: str, password: str, request: ActionRequest, core: Core, passwords: PasswordSignIn
) -> tuple[User, str]:
    """Return the user with this verified address and password, and the stored hash.

    Raises CredentialsSignin if there is none, with the reason `throttled` after too many attempts, and AdapterError.
    Takes the same time for every address: a password is always hashed.
    """
    address = _address(email)
    found = find_by_email(address, core)
    user = found if found is not None and found.email_verified is not None else None
    known = user is not None and is_known_browser(user.id, request, core, passwords.known)
    attempt = begin_attempt(address, request, passwords, known=known)
    stored = _stored(user, attempt, passwords)
    if not compare(stored, password, attempt, passwords) or user is None or stored is None:
        raise CredentialsSignin
    if passwords.hasher.needs_rehash(stored):
        passwords.store.rehash_password(user.id, stored, passwords.hasher.hash(password))
    return user, stored


def begin_attempt(email: str, request: ActionRequest, passwords: PasswordSignIn, *, known: bool) -> Attempt:
    """Count an attempt for this address. Raises CredentialsSignin with the reason `throttled` after too many."""
    attempt = passwords.throttle.begin(email, request.remote_addr, known=known)
    if attempt.wait:
        raise CredentialsSignin(f"wait {attempt.wait} s", reason="throttled")
    return attempt


def compare(stored: str | None, password: str, attempt: Attempt, passwords: PasswordSignIn) -> bool:
    """Return True if this is the password, and end the attempt. Raises ServerBusy and AdapterError."""
    try:
        is_right = passwords.hasher.verify(stored, password)
    except ServerBusy:
        passwords.throttle.cancel(attempt)
        raise
    (passwords.throttle.succeeded if is_right else passwords.throttle.failed)(attempt)
    return is_right


def _stored(user: User | None, attempt: Attempt, passwords: PasswordSignIn) -> str | None:
    try:
        return passwords.store.password(user.id if user is not None else "")
    except AdapterError:
        passwords.throttle.cancel(attempt)
        raise


def _require_same_password(user_id: str, hash: str, password: str, passwords: PasswordSignIn) -> None:
    """Raise CredentialsSignin if another request has replaced the password since it was compared with this hash."""
    stored = passwords.store.password(user_id)
    # A hash of the same password has replaced one of an older format.
    if stored != hash and not passwords.hasher.verify(stored, password):
        raise CredentialsSignin("the password was replaced in the meantime")


def require_same_user(user_id: str, request: ActionRequest, core: Core) -> None:
    """Raise AccountMismatch if another user than this one is signed in in this browser."""
    if reader.user_id_of(request.cookies, core.sessions) not in (None, user_id):
        raise AccountMismatch("another user's session in this browser")


def _address(email: str) -> str:
    try:
        return normalize(email)
    except InvalidAddress:
        # A provider may have sent it all the same. Attempts with every spelling by which the user is found count together.
        return normalize_email(email) or email.lower()[:254]
