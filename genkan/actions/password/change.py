"""`…/password`: change the password, or choose the first one."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from genkan import signals
from genkan.actions.complete_sign_in import client_of, start_session
from genkan.actions.email.identity import email_identity
from genkan.actions.password.sign_in import begin_attempt, compare
from genkan.core import Core
from genkan.email.parts import EmailSignIn
from genkan.errors import AdapterError, CredentialsSignin, InvalidAddress
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import MFA, methods_of
from genkan.password.parts import PasswordSignIn
from genkan.session.activity import log_activity
from genkan.types import Token, User

_log = logging.getLogger("genkan.password")


def change_password(
    user: User,
    token: Token,
    url: str,
    request: ActionRequest,
    core: Core,
    email_sign_in: EmailSignIn,
    passwords: PasswordSignIn,
) -> ActionResponse:
    """Store a new password, end the user's other sessions, start a new one here, and redirect to `url`.

    `token` has the claims of the current session. If that has two factors, so has the new one, with the time when they
    were proven: the password alone proves less. A user who has a password types it. The caller has made sure that one
    without has signed in recently, and verified the CSRF token. Raises CredentialsSignin if the current password is
    wrong or was replaced in the meantime, InvalidPassword, InvalidAddress if the user has no verified address to sign
    in with, and AdapterError.
    """
    if user.email is None or user.email_verified is None:
        raise InvalidAddress("no verified address")
    text = request.text("password")
    passwords.policy.check(text, email=user.email, host=core.host)
    stored = passwords.store.password(user.id)
    if stored is not None:
        attempt = begin_attempt(user.email, request, passwords, known=True)
        if not compare(stored, request.text("current_password"), attempt, passwords):
            raise CredentialsSignin
    hash = passwords.hasher.hash(text)
    if not passwords.store.replace_password(user.id, stored, hash, email=user.email):
        raise CredentialsSignin("the password or the address was replaced in the meantime")
    after_change(user, request, core, email_sign_in)
    identity = email_identity(user.email, core, provider="credentials")
    methods = methods_of(token)
    if MFA in methods:
        identity = replace(identity, amr=methods, auth_time=token.get("auth_time"))
    confirm = partial(_require_hash, user.id, hash, passwords)
    return start_session(identity, user, False, url, request, core, confirm=confirm)


def after_change(user: User, request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> None:
    """Make a change of the password known: to this worker, in the activity, and to the user by mail."""
    core.sessions.revocations.read_now()
    log_activity(user.id, "password-changed", core.sessions, client=client_of(request))
    signals.send(signals.sessions_revoked, user_id=user.id, except_sid=None, reason="password")
    _log.info("password changed", extra={"event": "password-changed", "user": user.id})
    tell("password_changed", user, core, email_sign_in)


def _require_hash(user_id: str, hash: str, passwords: PasswordSignIn) -> None:
    if passwords.store.password(user_id) != hash:
        raise CredentialsSignin("the password was replaced in the meantime")


def tell(template: str, user: User, core: Core, email_sign_in: EmailSignIn, **more: str) -> None:
    """Send the user a mail about a change, if the address is the user's own. Never raises: the change has been made."""
    if user.email is None or user.email_verified is None:
        return
    context = {"host": core.host, "email": user.email, "account_url": core.page_url(core.pages.account), **more}
    try:
        email_sign_in.mailer.add(template, user.email, context)
    except AdapterError:
        _log.warning("mail was not stored", extra={"event": "mail-lost", "user": user.id})
