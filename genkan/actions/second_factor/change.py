"""`…/totp/off` and `…/totp/codes`: turn the second factor off, and make new recovery codes."""

from __future__ import annotations

import logging

from genkan.actions.complete_sign_in import client_of
from genkan.actions.second_factor.notify import notify
from genkan.core import Core
from genkan.errors import InvalidCheck
from genkan.http.messages import ActionRequest
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.recovery import new_codes
from genkan.session.activity import ClientInfo, log_activity
from genkan.types import User

_log = logging.getLogger("genkan.second_factor")


def turn_off(user: User, request: ActionRequest, core: Core, factor: SecondFactor) -> bool:
    """Delete the secret, the recovery codes and the trusted browsers. Returns False if the second factor was off.

    The caller has made sure that the user has just proven it. Raises AdapterError.
    """
    if not factor.store.delete_totp(user.id):
        return False
    log_activity(user.id, "second-factor-off", core.sessions, client=client_of(request))
    _log.info("second factor off", extra={"event": "second-factor-off", "user": user.id})
    notify("second-factor-off", user, core)
    return True


def make_codes(user: User, request: ActionRequest, core: Core, factor: SecondFactor) -> tuple[str, ...]:
    """Store new recovery codes in place of the old ones and return them. The only time that they are known.

    The caller has made sure that the user has just proven the second factor. Raises InvalidCheck if it is off,
    AdapterError.
    """
    codes = new_codes()
    if not factor.store.replace_codes(user.id, [factor.recovery.hash(user.id, code) for code in codes]):
        raise InvalidCheck("the second factor is off")
    log_activity(user.id, "recovery-codes-made", core.sessions, client=client_of(request))
    _log.info("recovery codes made", extra={"event": "recovery-codes-made", "user": user.id})
    notify("recovery-codes-made", user, core)
    return codes


def revoke_device(user_id: str, id: str, client: ClientInfo, core: Core, factor: SecondFactor) -> bool:
    """Ask for the second factor in this browser again. Returns False if the user trusts no such one. Raises
    AdapterError."""
    is_revoked = factor.store.delete_device(user_id, id)
    if is_revoked:
        log_activity(user_id, "device-revoked", core.sessions, client=client)
    return is_revoked


def reset(user: User, core: Core, factor: SecondFactor) -> bool:
    """Remove a second factor that the user has lost, for an operator. Returns False if it was off. Raises AdapterError."""
    if not factor.store.delete_totp(user.id):
        return False
    log_activity(user.id, "second-factor-off", core.sessions, detail="owner")
    _log.warning("second factor reset", extra={"event": "second-factor-reset", "user": user.id})
    notify("second-factor-reset", user, core)
    return True
