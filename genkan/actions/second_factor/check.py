"""Check a code of the second factor: of the authenticator app, or a recovery code."""

from __future__ import annotations

import logging
import unicodedata

from genkan.actions.complete_sign_in import client_of
from genkan.actions.second_factor.notify import notify
from genkan.core import Core
from genkan.errors import InvalidSecondFactor, TokenError
from genkan.http.messages import ActionRequest
from genkan.second_factor import recovery
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.totp import DIGITS, find_step
from genkan.session.activity import log_activity
from genkan.types import User

FREE_ATTEMPTS, LOCK_SECONDS, QUIET_SECONDS = 10, 900, 24 * 3600
"""Wrong codes in a row after which a user's second factor is locked, the seconds of a lock, and the seconds without an
attempt after which the number starts anew."""

_log = logging.getLogger("genkan.second_factor")


def begin_attempt(user_id: str, factor: SecondFactor) -> None:
    """Count an attempt for this user. Raises InvalidSecondFactor with the reason `second-factor-locked` after too many."""
    wait = factor.limits.attempt(
        _key(user_id),
        free=FREE_ATTEMPTS,
        first_delay=LOCK_SECONDS,
        max_delay=LOCK_SECONDS,
        period=QUIET_SECONDS,
    )
    if wait:
        raise InvalidSecondFactor(f"wait {wait} s", reason="second-factor-locked")


def check_code(user: User, text: str, request: ActionRequest, core: Core, factor: SecondFactor) -> None:
    """Use the code up. Raises InvalidSecondFactor if it is wrong or was used, and AdapterError.

    The caller has counted the attempt. Of concurrent calls with the same code, on every worker, one returns.
    """
    if _use_digits(user.id, text, core.clock(), factor):
        factor.limits.clear(_key(user.id))
        return
    if not _use_recovery_code(user.id, text, factor):
        raise InvalidSecondFactor
    factor.limits.clear(_key(user.id))
    log_activity(user.id, "recovery-code-used", core.sessions, client=client_of(request))
    _log.warning("recovery code used", extra={"event": "recovery-code-used", "user": user.id})
    notify("recovery-code-used", user, core, left=factor.store.codes_left(user.id))


def digits_of(text: str) -> str:
    """Return the digits of a typed code, whatever script they are of, without blanks. Empty if it is no such code."""
    typed = "".join(unicodedata.normalize("NFKC", text[:64]).split())
    is_code = len(typed) == DIGITS and typed.isdecimal()
    return "".join(str(unicodedata.decimal(character)) for character in typed) if is_code else ""


def open_secret(user_id: str, sealed: str | None, factor: SecondFactor) -> str | None:
    """Return a stored secret of this user. None if there is none, or if it can't be decrypted, which is logged."""
    try:
        return None if sealed is None else factor.sealer.open(user_id, sealed)
    except TokenError:
        _log.error("secret can't be decrypted", extra={"event": "second-factor-unreadable", "user": user_id})
        return None


def _use_digits(user_id: str, text: str, now: float, factor: SecondFactor) -> bool:
    digits = digits_of(text)
    stored = factor.store.totp(user_id) if digits else None
    sealed = stored.secret if stored is not None else None
    secret = open_secret(user_id, sealed, factor)
    step = find_step(secret, digits, now) if secret is not None else None
    return step is not None and sealed is not None and factor.store.use_step(user_id, sealed, step)


def _use_recovery_code(user_id: str, text: str, factor: SecondFactor) -> bool:
    code = recovery.normalize(text)
    if code is None:
        return False
    return any(factor.store.use_code(user_id, hash) for hash in factor.recovery.hashes(user_id, code))


def _key(user_id: str) -> str:
    return f"second-factor:{user_id}"
