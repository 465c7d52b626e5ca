"""`…/passkeys`, and a command: rename and remove passkeys."""

from __future__ import annotations

import logging

from genkan.actions.complete_sign_in import client_of
from genkan.actions.password.change import tell
from genkan.actions.users import enabled_ways
from genkan.adapters.passkeys import PROVIDER
from genkan.claims import normalize_text
from genkan.core import Core
from genkan.http.messages import ActionRequest
from genkan.passkey.parts import PasskeySignIn
from genkan.session.activity import log_activity
from genkan.types import User

MAX_NAME = 60
"""Characters of the name of a passkey."""

_log = logging.getLogger("genkan.passkey")


def rename(user: User, request: ActionRequest, passkeys: PasskeySignIn) -> bool:
    """Store the name in the form. Returns False if the user has no such passkey. Raises ValueError for an empty name."""
    name = normalize_text(request.text("name"), MAX_NAME)
    if name is None:
        raise ValueError("the name is empty")
    return passkeys.store.rename(user.id, request.text("id"), name)


def remove(user: User, request: ActionRequest, core: Core) -> bool:
    """Remove a passkey and tell the user by mail. Returns False if the user has no such passkey.

    The caller has made sure that the user has signed in recently. Raises LastAccountError if the user could not sign in
    without it, and AdapterError.
    """
    removed = _remove(user, request.text("id"), core)
    if removed:
        log_activity(user.id, "passkey-removed", core.sessions, client=client_of(request))
        _report_removal(user, core)
    return removed


def remove_for_operator(user: User, credential_id: str, core: Core, *, allow_last: bool) -> bool:
    """Remove a passkey like `remove`, for an operator. With `allow_last` also the user's last way to sign in."""
    removed = _remove(user, credential_id, core, allow_last=allow_last)
    if removed:
        log_activity(user.id, "passkey-removed", core.sessions, detail="owner")
        _report_removal(user, core)
    return removed


def _report_removal(user: User, core: Core) -> None:
    _log.info("passkey removed", extra={"event": "passkey-removed", "user": user.id})
    if core.email is not None:
        tell("passkey_removed", user, core, core.email)


def _remove(user: User, credential_id: str, core: Core, *, allow_last: bool = False) -> bool:
    return core.adapter.unlink_account(
        user.id,
        PROVIDER,
        credential_id,
        enabled_providers=None if allow_last else enabled_ways(core),
        email_sign_in=core.email is not None,
    )
