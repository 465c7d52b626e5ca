"""`POST …/second`: complete a sign-in with its second factor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from genkan.actions.complete_sign_in import client_of, start_session
from genkan.actions.second_factor.check import begin_attempt, check_code, counter_of
from genkan.actions.second_factor.require import PROVIDER_TYPES
from genkan.adapters.second_factors import PendingSignIn
from genkan.core import Core
from genkan.errors import AccessDenied, AccountMismatch, AdapterError, AuthError, InvalidCheck, InvalidSecondFactor
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import MFA
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.pending import MAX_ATTEMPTS, PendingData
from genkan.session import reader
from genkan.session.activity import log_activity, log_denials
from genkan.types import Account, ProviderIdentity, User

_log = logging.getLogger("genkan.second_factor")


class WaitingSignIn(NamedTuple):
    """The sign-in that waits in the browser of a request."""

    stored: PendingSignIn
    data: PendingData
    user: User


def find_waiting(request: ActionRequest, core: Core, factor: SecondFactor) -> WaitingSignIn:
    """Return the sign-in that waits in this browser. Raises InvalidCheck if there is none, and AdapterError.

    One that began before the sessions of its user were revoked is gone, as are those sessions.
    """
    id_hash = factor.pending.id_hash(request.cookies)
    stored = factor.store.pending(id_hash) if id_hash is not None else None
    data = factor.pending.data(stored) if stored is not None else None
    user = core.adapter.get_user(stored.user_id) if stored is not None else None
    if stored is None or data is None or user is None:
        raise InvalidCheck("no sign-in waits for a second factor")
    core.sessions.revocations.read_now()
    if core.sessions.revocations.last_rule(user.id) > stored.created:
        raise InvalidCheck("the sessions of the user were revoked since")
    if user.email_verified is None:
        user = replace(user, unverified_email=data.unverified_email)
    return WaitingSignIn(stored, data, user)


def complete_second_factor(request: ActionRequest, core: Core, factor: SecondFactor) -> ActionResponse:
    """Check the code and start the session. The caller has verified the CSRF token.

    Raises InvalidSecondFactor for a wrong code. After the last attempt its reason is `second-factor-ended`, and the sign-in
    starts again with the first factor. Raises InvalidCheck if no sign-in waits, AccessDenied, other AuthErrors of the
    callbacks, and AdapterError.
    """
    waiting = find_waiting(request, core, factor)
    begin_attempt(counter_of(waiting.user.id, request.text("code"), request), factor)
    number = factor.store.count_attempt(waiting.stored.id_hash, MAX_ATTEMPTS)
    if number is None:
        raise InvalidCheck("no attempt is left")
    try:
        check_code(waiting.user, request.text("code"), request, core, factor)
    except InvalidSecondFactor as error:
        if number < MAX_ATTEMPTS:
            raise
        _end(waiting, request, core, factor)
        raise InvalidSecondFactor(reason="second-factor-ended") from error
    if (request.text("trust") or request.body.get("trust") is True) and not waiting.data.is_fresh:
        return _finish_and_trust(waiting, request, core, factor)
    return finish(waiting, ("otp",), request, core, factor)


def finish(
    waiting: WaitingSignIn,
    amr: tuple[str, ...],
    request: ActionRequest,
    core: Core,
    factor: SecondFactor,
    *,
    confirm: Callable[[], None] | None = None,
) -> ActionResponse:
    """Start the session of a sign-in whose second factor was proven by the methods `amr`, and use the sign-in up.

    Raises InvalidCheck if another request has used it, or has ended it by a change of one of the factors, AccessDenied and
    AccountMismatch, other AuthErrors, and AdapterError. `confirm` as for `start_session`.
    """
    user, data = waiting.user, waiting.data

    def use_up() -> None:
        # When the session is stored: a change of a factor deletes what waits, or else finds the session.
        if confirm is not None:
            confirm()
        if not factor.store.use_pending(waiting.stored.id_hash):
            raise InvalidCheck("the sign-in was completed or ended in the meantime")

    with log_denials(user.id, core.sessions, client=client_of(request), provider=data.provider):
        if user.disabled:
            raise AccessDenied("disabled")
        if data.is_fresh and reader.user_id_of(request.cookies, core.sessions) not in (None, user.id):
            raise AccountMismatch("another user's session in this browser")
        identity = _identity(data, user, amr, int(core.clock()))
        response = start_session(
            identity, user, data.is_new_user, data.url, request, core, is_fresh=data.is_fresh, confirm=use_up
        )
    return replace(response, cookies=(*factor.pending.clear(request.cookies), *response.cookies))


def _identity(data: PendingData, user: User, amr: tuple[str, ...], now: int) -> ProviderIdentity:
    account = Account(data.provider, data.subject, data.type, data.tokens, user.id)
    # A provider may have authenticated the user long ago, and the second factor alone is no recent authentication.
    auth_time = data.auth_time if data.type in PROVIDER_TYPES else now
    methods = tuple(dict.fromkeys((*data.amr, *amr, MFA)))
    return ProviderIdentity(user, account, data.profile, auth_time, data.id_token_hint, methods)


def _end(waiting: WaitingSignIn, request: ActionRequest, core: Core, factor: SecondFactor) -> None:
    factor.store.use_pending(waiting.stored.id_hash)
    log_activity(
        waiting.user.id,
        "refused",
        core.sessions,
        client=client_of(request),
        provider=waiting.data.provider,
        detail="second-factor",
    )
    extra = {"event": "sign-in-failed", "provider": waiting.data.provider, "code": InvalidSecondFactor.code}
    _log.warning("sign-in failed", extra={**extra, "reason": "second-factor-ended", "detail": "too many codes"})


def _finish_and_trust(
    waiting: WaitingSignIn, request: ActionRequest, core: Core, factor: SecondFactor
) -> ActionResponse:
    user_id, client = waiting.user.id, client_of(request)
    device, cookie = factor.devices.create(client.device)
    # Before the sign-in is used up. A change that ends both meanwhile would otherwise leave the device.
    factor.store.trust(user_id, device)
    try:
        response = finish(waiting, ("otp",), request, core, factor)
    except (AuthError, AdapterError):
        factor.store.delete_device(user_id, device.id)
        raise
    log_activity(user_id, "device-trusted", core.sessions, client=client)
    return replace(response, cookies=(*response.cookies, cookie))
