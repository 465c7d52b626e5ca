"""Check a code of the second factor: of the authenticator app, or a recovery code."""

from __future__ import annotations

import logging
import unicodedata

from genkan.actions.complete_sign_in import client_of
from genkan.actions.second_factor.notify import notify
from genkan.core import Core
from genkan.errors import InvalidSecondFactor, TokenError
from genkan.http.messages import ActionRequest
from genkan.http.networks import network_of
from genkan.second_factor import recovery
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.totp import DIGITS, find_step
from genkan.session.activity import log_activity
from genkan.types import User

FREE_ATTEMPTS, LOCK_SECONDS, QUIET_SECONDS = 10, 900, 24 * 3600
"""Wrong codes in a row after which codes of a kind are locked for a user, the seconds of a lock, and the seconds without an
attempt after which the number starts anew."""

_log = logging.getLogger("genkan.second_factor")


def counter_of(user_id: str, text: str, request: ActionRequest) -> str:
    """Return the counter of attempts with such a code: one for the app, and for recovery codes one for each network.

    A person who knows the password can lock the app. Recovery codes let its user in then. They have 50 bits, so that they
    can't be guessed from many networks either.
    """
    if recovery.normalize(text) is None:
        return app_counter(user_id)
    return f"second-factor-recovery:{user_id}:{network_of(request.remote_addr)}"


def app_counter(user_id: str) -> str:
    """Return the counter of attempts with codes of the user's app."""
    return f"second-factor:{user_id}"


def begin_attempt(counter: str, factor: SecondFactor) -> None:
    """Count an attempt. Raises InvalidSecondFactor with the reason `second-factor-locked` after too many."""
    wait = factor.limits.attempt(
        counter,
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
        factor.limits.clear(app_counter(user.id))
        return
    if not _use_recovery_code(user.id, text, factor):
        raise InvalidSecondFactor
    factor.limits.clear(counter_of(user.id, text, request))
    factor.limits.clear(app_counter(user.id))
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
