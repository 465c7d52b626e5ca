"""Coming in: for the first time, again, or to prove once more that it is them."""

from __future__ import annotations

import logging
from dataclasses import replace

from genkan import signals
from genkan.actions.arrival import Arrival, start_session
from genkan.actions.attempt import (
    CallbackContext,
    ProviderIdentity,
    authorize_sign_in,
    identify,
    log_denials,
    user_by_account,
)
from genkan.actions.callback_url import apply_redirect_callback
from genkan.errors import AccountMismatch, OAuthAccountNotLinked
from genkan.http.messages import ActionResponse
from genkan.oauth.reauthentication import auth_time_of
from genkan.session import reader
from genkan.types import User

_log = logging.getLogger("genkan.sign_in")


def complete_sign_in(attempt: CallbackContext) -> ActionResponse:
    """Let them in with a session of their own, and on to where they wanted. Raises AuthError, StoreError."""
    newcomer = identify(attempt)
    stored = user_by_account(newcomer.account, attempt.options)
    with log_denials(attempt, stored.id if stored else None):
        return _enter(attempt, newcomer, stored)


def complete_reauthentication(attempt: CallbackContext) -> ActionResponse:
    """The same for one user only, who is to prove that it is them; for anybody else nothing changes (S12).

    The session they had may have ended meanwhile, but no other user's may stand in its place. Raises AnotherPerson,
    Unproven, and like `enter`.
    """
    user_id = attempt.flow.user_id
    with log_denials(attempt, user_id):
        newcomer = identify(attempt)
        stored = user_by_account(newcomer.account, attempt.options)
        if stored is None or stored.id != user_id:
            raise AccountMismatch("another account than that user's")
        if reader.user_id_of(attempt.request.cookie_header, attempt.options) not in (None, user_id):
            raise AccountMismatch("another user's session in this browser")
        return _enter(attempt, newcomer, stored)


def _enter(attempt: CallbackContext, newcomer: ProviderIdentity, stored: User | None) -> ActionResponse:
    options = attempt.options
    elsewhere = authorize_sign_in(stored or newcomer.user, newcomer, options)
    if elsewhere is not None:
        return ActionResponse(location=elsewhere, cookies=attempt.set_cookies)
    arrival = _store(attempt, newcomer, stored)
    written = start_session(arrival, attempt.request, options)
    extra = {"event": "signed-in", "user": arrival.user.id, "provider": arrival.account.provider}
    _log.info("signed in", extra=extra)
    signals.send(
        signals.signed_in,
        user=arrival.user,
        account=arrival.account,
        profile=arrival.profile,
        is_new_user=arrival.is_new_user,
    )
    return ActionResponse(location=_landing(attempt, arrival), cookies=(*attempt.set_cookies, *written))


def _store(attempt: CallbackContext, newcomer: ProviderIdentity, stored: User | None) -> Arrival:
    options, account, profile = attempt.options, newcomer.account, newcomer.profile
    if stored is not None:
        user, is_new = options.adapter.refresh_user(replace(newcomer.user, id=stored.id), account), False
    else:
        user, is_new = _create(attempt, newcomer)
    account = replace(account, user_id=user.id)
    if is_new:
        _log.info("user created", extra={"event": "user-created", "user": user.id})
        signals.send(signals.user_created, user=user)
        signals.send(signals.account_linked, user=user, account=account, profile=profile)
    proven = auth_time_of(attempt.provider, attempt.flow, profile, int(options.clock()))
    return Arrival(user, account, profile, is_new, proven)


def _create(attempt: CallbackContext, newcomer: ProviderIdentity) -> tuple[User, bool]:
    adapter = attempt.options.adapter
    try:
        return adapter.create_user(newcomer.user, newcomer.account)
    except OAuthAccountNotLinked:
        owner = adapter.get_user_by_email(newcomer.user.email or "")
        with log_denials(attempt, owner.id if owner else None):
            raise


def _landing(attempt: CallbackContext, arrival: Arrival) -> str:
    options = attempt.options
    if arrival.is_new_user and options.pages.new_user:
        return apply_redirect_callback(options.pages.new_user, options)
    return attempt.flow.callback_url
