"""`POST …/sign-up` and the link of its mail: create a user with a password."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from genkan.actions.callback_url import callback_url
from genkan.actions.email.identity import find_by_email
from genkan.actions.email.request_link import verify_request_redirect
from genkan.actions.email.use_link import complete, find, use
from genkan.adapters.addresses import Verification
from genkan.core import Core
from genkan.email.address import normalize
from genkan.email.checks import MAX_WRONG_CODES, NewVerification
from genkan.email.parts import EmailSignIn
from genkan.errors import CredentialsSignin, InvalidVerification
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.password.parts import PasswordSignIn
from genkan.types import User, str_claim


def sign_up(
    request: ActionRequest, core: Core, email_sign_in: EmailSignIn, passwords: PasswordSignIn
) -> ActionResponse:
    """Send a mail that confirms the address, and redirect to the page that asks for its code.

    A known address gets a mail that says so. The response is the same. Raises InvalidAddress, InvalidPassword and
    AdapterError. The caller has verified the CSRF token.
    """
    email = normalize(request.text("email"))
    text = request.text("password")
    passwords.policy.check(text, email=email, host=core.host)
    url = callback_url(request, core)
    # Before the password is hashed, which takes a core: beyond the limit a client must not keep others from signing in.
    is_allowed = email_sign_in.limits.allow("sign_up", email, request.remote_addr)
    data = {"password": passwords.hasher.hash(text)} if is_allowed else None
    new = email_sign_in.checks.create("sign_up", email, url, request.cookies, data=data)
    if is_allowed:
        user = find_by_email(email, core)
        if user is not None and (user.disabled or user.email_verified is not None):
            _tell_of_account(user, new, core, email_sign_in)
        else:
            query = urlencode({"token": new.token, "email": email})
            link = core.page_url(f"{core.pages.account}/sign-up/confirm?{query}")
            context = {"url": link, "code": new.code, "host": core.host, "email": email}
            email_sign_in.mailer.add("sign_up", email, context, new.verification)
    return verify_request_redirect(new, url, request, core)


def _tell_of_account(user: User, new: NewVerification, core: Core, email_sign_in: EmailSignIn) -> None:
    email = new.verification.email
    context = {
        "host": core.host,
        "email": email,
        "sign_in_url": core.action_url("/signin"),
        "reset_url": core.page_url(f"{core.pages.account}/reset"),
    }
    # A disabled user gets none. One without a recipient is stored, so that this takes as long.
    email_sign_in.mailer.add("account_exists", "" if user.disabled else email, context, new.unusable)


def confirm_sign_up(
    request: ActionRequest, core: Core, email_sign_in: EmailSignIn, passwords: PasswordSignIn
) -> ActionResponse:
    """Create the user whose mail this link is from, and sign in.

    A GET does so in the browser that signed up. In another one a page asks for the password that was typed at the
    sign-up, or leaves it out: otherwise a click would activate the password of the person who signed up with another's
    address. Raises InvalidVerification, CredentialsSignin for a wrong password, and AdapterError.
    """
    values = request.body if request.method == "POST" else request.query
    email = normalize(str(values.get("email", "")))
    verification = find("sign_up", request, email, email_sign_in)
    pending = email_sign_in.checks.pending(request.cookies)
    url = pending.callback_url if pending else core.front_page
    if not email_sign_in.checks.is_of(verification, pending):
        if request.method != "POST":
            context = {"email": email, "token": values["token"], "error": None}
            return ActionResponse(template=Template("genkan/confirm_sign_up.html", context))
        verification = _with_typed_password(verification, request, email_sign_in, passwords)
    used = use(verification, email_sign_in)
    return complete(replace(used, data=verification.data), email, url, request, core, email_sign_in)


def _with_typed_password(
    verification: Verification, request: ActionRequest, email_sign_in: EmailSignIn, passwords: PasswordSignIn
) -> Verification:
    """Return the verification with its password if that was typed, and without it if none was typed."""
    password = request.text("password")
    if not password or "without" in request.body:
        return replace(verification, data=None)
    number = email_sign_in.stores.limits.count(f"confirm:{verification.token_hash}", 24 * 3600)
    if number > MAX_WRONG_CODES:
        raise InvalidVerification("too many passwords")
    stored = str_claim(email_sign_in.checks.data(verification), "password")
    if not passwords.hasher.verify(stored, password):
        raise CredentialsSignin
    return verification
