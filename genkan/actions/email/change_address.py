"""`…/address`: change the address, after a mail to the new one."""

from __future__ import annotations

import logging
from dataclasses import replace

from genkan import signals
from genkan.actions.complete_sign_in import client_of
from genkan.actions.email.identity import find_by_email
from genkan.actions.email.use_link import find
from genkan.actions.second_factor.level import check_level
from genkan.actions.users import reload_sessions, revoke_sessions
from genkan.adapters.addresses import ChangedUser, Purpose, Verification
from genkan.adapters.passkeys import PROVIDER as PASSKEY
from genkan.adapters.second_factors import TOTP
from genkan.adapters.sessions import ActivityKind
from genkan.core import Core
from genkan.email.address import normalize
from genkan.email.checks import LIFETIMES
from genkan.email.parts import EmailSignIn
from genkan.errors import AccountMismatch, AdapterError, AuthError, InvalidVerification, SessionRequired
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest
from genkan.session import issuer, reader, revoker
from genkan.session.activity import log_activity
from genkan.types import User

UNDO_MARGIN = 600
"""Seconds. The person who asked for the change had signed in at most five minutes before, and may have added something first.
The rest is for a database whose clock differs."""

_REMOVED: dict[str, tuple[ActivityKind, str]] = {
    PASSKEY: ("passkey-removed", "passkey-removed"),
    TOTP: ("second-factor-off", "second-factor-off"),
}
"""Entry of the activity, and event of the log, for what was removed. For others an account was unlinked."""

_log = logging.getLogger("genkan.email")


def request_change(user: User, request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> str:
    """Send a link to the new address and return that address. The old address gets a mail with which to undo the change.

    A taken address gets a mail that says so. The caller has made sure that the user has signed in recently, and verified
    the CSRF token. Raises InvalidAddress and AdapterError.
    """
    email = normalize(request.text("email"))
    if email == user.email and user.email_verified is not None:
        return email
    if not email_sign_in.limits.allow("address", email, request.remote_addr):
        return email
    new = email_sign_in.checks.create("address", email, core.front_page, request.cookies, user_id=user.id)
    holder = find_by_email(email, core)
    context = {"host": core.host, "email": email, "url": _url("confirm", new.token, user.id, core)}
    if holder is not None and holder.id != user.id and (holder.disabled or holder.email_verified is not None):
        # A disabled user gets none. One without a recipient is stored, so that this takes as long.
        email_sign_in.mailer.add("address_taken", "" if holder.disabled else email, context, new.unusable)
    else:
        email_sign_in.mailer.add("address", email, context, new.verification)
    if user.email is not None and user.email_verified is not None:
        undo = email_sign_in.checks.create("undo", user.email, core.front_page, request.cookies, user_id=user.id)
        # Later than those of the addresses before, also if the user has had this one for less than a second.
        first = int(user.email_verified.timestamp()) + 1 + LIFETIMES["undo"]
        verification = replace(undo.verification, expires=max(undo.verification.expires, first))
        context = {"host": core.host, "email": user.email, "url": _url("undo", undo.token, user.id, core)}
        email_sign_in.mailer.add("address_changing", user.email, context, verification)
    return email


def find_change(purpose: Purpose, request: ActionRequest, email_sign_in: EmailSignIn) -> Verification:
    """Return the verification of the link in the request. Raises InvalidVerification, AdapterError."""
    values = request.body if request.method == "POST" else request.query
    return find(purpose, request, str(values.get("user", "")), email_sign_in)


def find_own_change(user_id: str | None, request: ActionRequest, email_sign_in: EmailSignIn) -> Verification:
    """Return the verification of the link in the request, which the signed-in user with this id has asked for.

    The link alone is not enough: who reads the mail may be another person, whose address would become that of the user who
    asked. Raises AccountMismatch for the link of another user, and like `find_change`.
    """
    verification = find_change("address", request, email_sign_in)
    if verification.user_id is None or verification.user_id != user_id:
        raise AccountMismatch("another user has asked for the address")
    return verification


def confirm_change(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> tuple[Cookie, ...]:
    """Store the new address of the signed-in user, who has asked for the link, and end the user's sessions.

    Returns the cookies of a new session, which takes the place of this one: a copy of its cookie ends as well. The link
    has just proven who the user is, as at a sign-in by mail, but is no recent authentication. There are none, and the
    user signs in with the new address, if the session has no record, as that of another application, or if it can't be
    replaced. Raises InvalidVerification, SessionRequired without a session or without the second factor of the user,
    AccountMismatch for the link of another user, OAuthAccountNotLinked if another user has proven the address since, and
    AdapterError if nothing has changed.
    """
    # Read after the body has arrived: the session may have ended since the request began.
    core.sessions.revocations.read_now()
    result = reader.read_or_raise(request.cookies, core.sessions)
    if result.user_id is None:
        raise SessionRequired(reason="signed-out")
    check_level(result, core)
    user, _ = _store(find_own_change(result.user_id, request, email_sign_in), request, core, email_sign_in)
    signals.send(signals.sessions_revoked, user_id=user.id, except_sid=None, reason="address")
    try:
        _, cookies, revoked = issuer.replace_session(result.token, result.cookie_names, core.sessions)
        core.sessions.revocations.read_now()
    except (AuthError, AdapterError):
        return ()
    revoker.announce(revoked, core.sessions)
    stored = core.adapter.get_user(user.id)
    if stored is None or stored.email != user.email:
        # The change was undone before the new session was stored.
        revoke_sessions(user.id, core, "address")
        return ()
    return cookies


def undo_change(request: ActionRequest, core: Core, email_sign_in: EmailSignIn) -> User:
    """Store the old address again, remove the password, end all sessions, and void all links. Returns the user.

    Another person may have changed the address and the password. So accounts, passkeys, second factors and recovery
    codes are removed that were added after the change was asked for, or at most UNDO_MARGIN earlier. Links that undo an
    earlier change still work: this one may be of an address of that person. The owner of the address can choose a new
    password by mail. Raises InvalidVerification, OAuthAccountNotLinked if another user has proven the address since, and
    AdapterError.
    """
    found = find_change("undo", request, email_sign_in)
    asked_at = found.expires - LIFETIMES["undo"]
    user, removed = _store(found, request, core, email_sign_in, remove_since=asked_at - UNDO_MARGIN)
    # The sessions have ended with the change. This ends one that a removed way to sign in has started since, and tells
    # the user.
    revoke_sessions(user.id, core, "address")
    for provider in removed:
        _report_removed(user, provider, request, core)
    return user


def _report_removed(user: User, provider: str, request: ActionRequest, core: Core) -> None:
    kind, event = _REMOVED.get(provider, ("unlinked", "account-unlinked"))
    log_activity(user.id, kind, core.sessions, client=client_of(request), provider=provider)
    _log.info("removed with the change of the address", extra={"event": event, "user": user.id, "provider": provider})


def _store(
    found: Verification, request: ActionRequest, core: Core, email_sign_in: EmailSignIn, *, remove_since: int = 0
) -> ChangedUser:
    """Store the address of this verification, which is used up unless another user has the address, and end all sessions.

    The owner of the address may have signed in with it since, and can delete that user and use the link again.
    """
    changed = email_sign_in.stores.addresses.change_email(found, remove_since=remove_since)
    if changed is None:
        raise InvalidVerification("used in the meantime, or the user is gone")
    user = changed.user
    reload_sessions(user.id, core)
    log_activity(user.id, "address-changed", core.sessions, client=client_of(request))
    signals.send(signals.address_changed, user=user)
    _log.info("address changed", extra={"event": "address-changed", "user": user.id})
    return changed


def _url(name: str, token: str, user_id: str, core: Core) -> str:
    return core.page_url(f"{core.pages.account}/address/{name}?token={token}&user={user_id}")
