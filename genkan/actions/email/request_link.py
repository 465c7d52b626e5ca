"""`POST /api/auth/signin/email`: send a link and a code to an address."""

from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import urlencode

from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.actions.email.identity import email_identity, find_by_email
from genkan.actions.known_browser import is_known_by_email
from genkan.callbacks import SignInParams
from genkan.core import Core
from genkan.email.address import normalize
from genkan.email.checks import NewVerification
from genkan.email.parts import EmailSignIn
from genkan.errors import AdapterError, AdapterUnavailable, AuthError, CrossOriginRequest
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.session import reader

_log = logging.getLogger("genkan.email")


def request_link(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> ActionResponse:
    """Send a link and a code, and redirect to the page that asks for the code. Needs the CSRF token.

    The response is the same for every valid address, also beyond a limit and if the `sign_in` callback refuses. With
    `purpose=fresh` in the form, only the signed-in user's own address gets a link. Raises CrossOriginRequest.
    """
    url = callback_url(request, core)
    try:
        core.csrf.verify(request)
        email = normalize(typed_address(request, core))
        user_id = None
        if request.body.get("purpose") == "fresh":
            user_id = reader.user_id_of(request.cookies, core.sessions)
        new = email_sign_in.checks.create("sign_in", email, url, request.cookies, user_id=user_id)
        known = is_known_by_email(email, request, core, email_sign_in.known)
        if email_sign_in.limits.allow("sign_in", email, request.remote_addr, known=known):
            _send(new, email, url, core, email_sign_in, is_refused=not _may_sign_in(email, user_id, core))
    except CrossOriginRequest:
        raise
    except (AuthError, AdapterError) as error:
        failure = AdapterUnavailable() if isinstance(error, AdapterError) else error
        _log.warning("link not sent", extra={"event": "sign-in-failed", "provider": "email", "code": failure.code})
        return replace(error_redirect(failure, core), cookies=callback_url_cookie(url, request, core))
    return verify_request_redirect(new, url, request, core)


def verify_request_redirect(new: NewVerification, url: str, request: ActionRequest, core: Core) -> ActionResponse:
    """Redirect to the page that asks the user to read the mail, with the cookie of this browser."""
    query = urlencode({"provider": "email", "type": "email"})
    location = f"{core.action_url('/verify-request')}?{query}"
    return ActionResponse(location=location, cookies=(*callback_url_cookie(url, request, core), new.cookie))


def link_url(new: NewVerification, url: str, core: Core) -> str:
    """Return the link of a mail: Auth.js's path and query, in its order."""
    query = {"callbackUrl": url, "token": new.token, "email": new.verification.email}
    return f"{core.action_url('/callback/email')}?{urlencode(query)}"


def typed_address(request: ActionRequest, core: Core) -> str:
    """Return what was typed: the form with a password may have another name for the field."""
    fields = core.credentials_fields
    return request.text("email") or (request.text(fields.email) if fields else "")


def _may_sign_in(email: str, user_id: str | None, core: Core) -> bool:
    """Return True if the user with this address, or a new one, may get a mail. Raises AdapterError."""
    user = find_by_email(email, core)
    if user_id is not None and (user is None or user.id != user_id):
        return False
    if user is not None and user.disabled:
        return False
    identity = email_identity(email, core)
    try:
        params = SignInParams(user or identity.user, identity.account, identity.profile, verification_request=True)
        # A URL is for the browser that signs in, and this response is the same for all.
        return bool(core.callbacks.sign_in(params))
    except Exception as error:  # noqa: BLE001 (a callback of the application may raise anything)
        _log.warning("sign_in callback failed", extra={"error": type(error).__name__})
        return False


def _send(
    new: NewVerification, email: str, url: str, core: Core, email_sign_in: EmailSignIn, *, is_refused: bool
) -> None:
    context = {"url": link_url(new, url, core), "code": new.code, "host": core.host, "email": email}
    # A refusal takes as long as a mail does: one without a recipient is stored.
    to, verification = ("", new.unusable) if is_refused else (email, new.verification)
    email_sign_in.mailer.add("sign_in", to, context, verification)
