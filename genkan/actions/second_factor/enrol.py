"""`…/totp` and `…/second/enrol`: add an authenticator app, in a session or before one."""

from __future__ import annotations

import hashlib
import logging
from typing import NamedTuple

from genkan.actions.complete_sign_in import client_of
from genkan.actions.second_factor.check import app_counter, begin_attempt, digits_of, open_secret
from genkan.actions.second_factor.complete import WaitingSignIn, find_waiting
from genkan.actions.second_factor.level import has_passkey
from genkan.actions.second_factor.notify import notify
from genkan.core import Core
from genkan.errors import AdapterError, InvalidCheck, InvalidSecondFactor, PasskeyRequired
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest
from genkan.oauth.reauthentication import MFA, methods_of
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.recovery import new_codes
from genkan.second_factor.totp import find_step, groups, new_secret, uri
from genkan.session import issuer, revoker
from genkan.session.activity import log_activity
from genkan.session.reader import SessionResult
from genkan.types import User

PENDING_SECONDS = 1800
"""Seconds that a user has for confirming the secret with a code."""

_log = logging.getLogger("genkan.second_factor")


class Enrolment(NamedTuple):
    """A secret that a code has to confirm, in the forms that the page shows."""

    uri: str
    """The `otpauth://` URL."""
    qr_code: str
    """SVG of it."""
    secret: str
    """In groups of four characters."""


def owner_of_session(sid: str) -> str:
    """Return the owner of a secret that is made in this session."""
    return hashlib.sha256(f"session:{sid}".encode()).hexdigest()


def find_enrolling(request: ActionRequest, core: Core, factor: SecondFactor) -> WaitingSignIn:
    """Return the sign-in that waits in this browser until its user has a second factor.

    Raises PasskeyRequired if the user has added a passkey since: otherwise the first factor alone would add another second
    one. Raises InvalidCheck if no sign-in waits, and AdapterError.
    """
    waiting = find_waiting(request, core, factor)
    if not factor.is_on(waiting.user.id) and has_passkey(waiting.user.id, core):
        raise PasskeyRequired
    return waiting


def begin(user: User, owner: str, core: Core, factor: SecondFactor) -> Enrolment:
    """Return the secret that this owner (a session or a waiting sign-in) is to confirm, the same for PENDING_SECONDS.

    The secret of another owner is never shown, since that may be another person's: a new one takes its place. Raises
    AdapterError.
    """
    secret = _pending_secret(user.id, owner, factor)
    if secret is None:
        secret = new_secret()
        if not factor.store.begin_totp(user.id, factor.sealer.seal(user.id, secret), owner, PENDING_SECONDS):
            raise AdapterError("the user is gone")
    link = uri(secret, issuer=core.host, account=user.email or user.name or user.id)
    return Enrolment(link, factor.qr_code(link), groups(secret))


def confirm(
    user: User, owner: str, request: ActionRequest, core: Core, factor: SecondFactor, *, replaces: bool
) -> tuple[str, ...]:
    """Turn the second factor on, if the code is right, and return the recovery codes. The only time that they are known.

    Only with `replaces` it may be on already. Trusted browsers and other waiting sign-ins end. Raises InvalidSecondFactor
    for a wrong code, InvalidCheck if the secret has expired or is another owner's, and AdapterError.
    """
    # Apart from sign-ins, which another person may have locked.
    begin_attempt(f"second-factor-enrol:{owner}", factor)
    stored = factor.store.totp(user.id)
    secret = _pending_secret(user.id, owner, factor)
    sealed = stored.pending_secret if stored is not None else None
    if secret is None or sealed is None:
        raise InvalidCheck("no secret to confirm")
    step = find_step(secret, digits_of(request.text("code")), core.clock())
    if step is None:
        raise InvalidSecondFactor
    codes = new_codes()
    hashes = [factor.recovery.hash(user.id, code) for code in codes]
    if not factor.store.confirm_totp(user.id, sealed, owner, step, hashes, replaces=replaces):
        raise InvalidCheck("the secret was replaced or confirmed in the meantime")
    factor.limits.clear(app_counter(user.id))
    log_activity(user.id, "second-factor-on", core.sessions, client=client_of(request))
    _log.info("second factor on", extra={"event": "second-factor-on", "user": user.id})
    notify("second-factor-on", user, core)
    return codes


def raise_level(result: SessionResult, core: Core) -> tuple[Cookie, ...]:
    """Start a session with the second factor in place of that of a request, end all others of the user, return its cookies.

    A copy of the cookie ends as well, so that a thief of it has no part in the second factor. When the user authenticated
    stays as it is. Raises AuthError, AdapterError, and what the session callback raises.
    """
    token = result.token
    amr = [*(name for name in methods_of(token) if name not in ("otp", MFA)), "otp", MFA]
    claims, cookies, revoked = issuer.replace_session({**token, "amr": amr}, result.cookie_names, core.sessions)
    core.sessions.revocations.read_now()
    revoker.announce(revoked, core.sessions)
    if result.user_id is not None:
        revoker.revoke_user(result.user_id, "ended", core.sessions, except_token=claims)
    return cookies


def end_sessions(user: User, core: Core) -> None:
    """End all sessions of a user whose waiting sign-in has enrolled, as `raise_level` does. Raises AdapterError."""
    revoker.revoke_user(user.id, "ended", core.sessions)


def _pending_secret(user_id: str, owner: str, factor: SecondFactor) -> str | None:
    stored = factor.store.totp(user_id)
    if stored is None or stored.pending_owner != owner:
        return None
    return open_secret(user_id, stored.pending_secret, factor)
