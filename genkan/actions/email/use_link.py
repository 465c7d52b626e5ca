"""`GET` and `POST /api/auth/callback/email`: sign in with a link or a code."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from genkan.actions.callback_url import apply_redirect_callback, callback_url, error_redirect
from genkan.actions.complete_sign_in import authorize_sign_in, client_of, log_new_user, log_removal, start_session
from genkan.actions.email.identity import email_identity, find_by_email
from genkan.actions.known_browser import known_cookie
from genkan.adapters.addresses import Purpose, Verification
from genkan.core import Core
from genkan.email.address import normalize
from genkan.email.checks import MAX_WRONG_CODES
from genkan.email.limits import DAY
from genkan.email.parts import EmailSignIn
from genkan.errors import (
    AccessDenied,
    AccountMismatch,
    AdapterError,
    AdapterUnavailable,
    AuthError,
    CrossOriginRequest,
    InvalidAddress,
    InvalidVerification,
    UnknownAction,
    WrongCode,
)
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.http.urls import add_query
from genkan.session import reader
from genkan.session.activity import log_denials
from genkan.types import User, str_claim

_log = logging.getLogger("genkan.email")


def use_link(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> ActionResponse:
    """Sign in with the link of a mail, or with the code that this browser asked for.

    A GET in the browser that asked signs in. In another one it shows who is about to be signed in, and a POST signs in, so
    that programs which open links in mails use nothing up. A POST with `code` needs the cookie of the browser that asked.
    Needs the CSRF token for a POST. Raises CrossOriginRequest.
    """
    try:
        if request.method == "POST":
            core.csrf.verify(request)
            if "code" in request.body:
                return _use_code(request, core, email_sign_in)
        return _use_token(request, core, email_sign_in)
    except CrossOriginRequest:
        raise
    except WrongCode as error:
        log_failure(error)
        query = {"provider": "email", "type": "email", "error": error.code, "reason": error.reason}
        return ActionResponse(location=add_query(core.action_url("/verify-request"), query), error=error)
    except (AuthError, AdapterError) as error:
        failure = AdapterUnavailable() if isinstance(error, AdapterError) else error
        log_failure(failure)
        return error_redirect(failure, core)


def find(purpose: Purpose, request: ActionRequest, subject: str, email_sign_in: EmailSignIn) -> Verification:
    """Return the verification of the token in the request. Raises InvalidVerification if there is none."""
    token = request.body.get("token") if request.method == "POST" else request.query.get("token")
    checks = email_sign_in.checks
    if not isinstance(token, str) or not token:
        raise InvalidVerification("no token")
    found = email_sign_in.stores.verifications.find(
        checks.identifier(purpose, subject), checks.token_hash(purpose, token)
    )
    if found is None:
        raise InvalidVerification("unknown or expired")
    return found


def use(verification: Verification, email_sign_in: EmailSignIn) -> Verification:
    """Use the verification up and return it. Raises InvalidVerification if it was used in the meantime."""
    used = email_sign_in.stores.verifications.use(verification.identifier, verification.token_hash)
    if used is None:
        raise InvalidVerification("used in the meantime")
    return used


def _use_token(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> ActionResponse:
    values = request.body if request.method == "POST" else request.query
    if not values.get("token") or not values.get("email"):
        raise UnknownAction("no token or no address")
    verification, email = _find_link(str(values["email"]), request, email_sign_in)
    url = callback_url(request, core)
    if request.method != "POST":
        pending = email_sign_in.checks.pending(request.cookies)
        if not email_sign_in.checks.is_of(verification, pending):
            context = {"email": email, "token": request.query["token"], "callback_url": url}
            return ActionResponse(template=Template("genkan/confirm_sign_in.html", context))
    return complete(use(verification, email_sign_in), email, url, request, core, email_sign_in)


def _find_link(email: str, request: ActionRequest, email_sign_in: EmailSignIn) -> tuple[Verification, str]:
    """Return the verification of the link, and the normalised address. Raises InvalidVerification, AdapterError."""
    try:
        address = normalize(email)
    except InvalidAddress as error:
        raise InvalidVerification("no address") from error
    return find("sign_in", request, address, email_sign_in), address


def _use_code(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> ActionResponse:
    checks, stores = email_sign_in.checks, email_sign_in.stores
    pending, code = checks.pending(request.cookies), request.text("code")
    if pending is None:
        raise InvalidVerification("no cookie of the browser that asked")
    # Counted before the comparison, so that concurrent guesses are no more than these. The period is longer than any code
    # works, also one that was asked for near its end: a browser that has asked for no mail for so long gets a new id.
    number = stores.limits.count(f"code:{pending.browser_hash}:{pending.email}", DAY)
    found = None
    if number <= MAX_WRONG_CODES:
        candidates = stores.verifications.find_of_browser(pending.browser_hash, pending.email)
        found = checks.matching(code, pending, candidates, core.clock())
    if found is None:
        if number < MAX_WRONG_CODES:
            raise WrongCode
        if number == MAX_WRONG_CODES:
            # Not after a later one: of many at the same time, one of the first may be right, and not be used yet.
            stores.verifications.delete_of_browser(pending.browser_hash, pending.email)
        cleared = checks.clear(request.cookies)
        return replace(error_redirect(InvalidVerification("too many codes"), core), cookies=cleared)
    return complete(use(found, email_sign_in), pending.email, pending.callback_url, request, core, email_sign_in)


def complete(
    verification: Verification, email: str, url: str, request: ActionRequest, core: Core, email_sign_in: EmailSignIn
) -> ActionResponse:
    """Sign in the user who has proven the address with this verification, which has been used up.

    The hash of a password in its data becomes that of a user without one. Raises AuthError and AdapterError.
    """
    identity = email_identity(email, core)
    user = find_by_email(email, core)
    known_id = user.id if user is not None and user.email_verified is not None else None
    with log_denials(known_id, core.sessions, client=client_of(request), provider="email"):
        if verification.purpose == "sign_in" and verification.user_id is not None:
            _require_same_user(verification.user_id, known_id, request, core)
        redirect_url = authorize_sign_in(user or identity.user, identity, core)
        if redirect_url is not None:
            return ActionResponse(location=redirect_url)
        password = str_claim(email_sign_in.checks.data(verification), "password")
        proven = email_sign_in.stores.addresses.prove(identity.user, identity.profile, password=password)
        if proven.user.disabled:
            raise AccessDenied("disabled")
        if proven.is_new:
            log_new_user(proven.user)
        if proven.removed:
            log_removal(proven.user, request, core)
        is_fresh = verification.purpose == "sign_in" and verification.user_id is not None
        url = apply_redirect_callback(url, core)
        confirm = partial(_require_same_address, proven.user, core)
        response = start_session(
            identity, proven.user, proven.is_new, url, request, core, is_fresh=is_fresh, confirm=confirm
        )
    known = known_cookie(proven.user.id, core, email_sign_in.known)
    return replace(response, cookies=(*email_sign_in.checks.clear(request.cookies), *response.cookies, known))


def _require_same_user(user_id: str, proven_id: str | None, request: ActionRequest, core: Core) -> None:
    """Raise AccountMismatch unless the address is that of the user who confirms their identity."""
    if proven_id != user_id or reader.user_id_of(request.cookies, core.sessions) not in (None, user_id):
        raise AccountMismatch("another user's address or session")


def _require_same_address(user: User, core: Core) -> None:
    """Raise InvalidVerification if the user has another address by now, because a change was undone."""
    stored = core.adapter.get_user(user.id)
    if stored is None or stored.email != user.email:
        raise InvalidVerification("the address was changed in the meantime")


def log_failure(error: AuthError) -> None:
    """Log that a sign-in by mail failed."""
    extra = {"event": "sign-in-failed", "provider": "email", "code": error.code, "reason": error.reason}
    _log.warning("sign-in failed", extra={**extra, "detail": str(error)})
