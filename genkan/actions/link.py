"""One more way in for somebody who is in: an act of its own, which changes neither who they are nor their session (O10)."""

from __future__ import annotations

from dataclasses import replace

from genkan import signals
from genkan.actions.attempt import CallbackContext, authorize_sign_in, identify, log_activity, user_by_account
from genkan.errors import AccountLinkedToAnotherUser, AccountMismatch, OAuthAccountNotLinked, SessionRequired
from genkan.http.messages import ActionResponse
from genkan.session import reader
from genkan.types import User


def link(attempt: CallbackContext) -> ActionResponse:
    """Store the account for the user whose flow this is, if they are still the one who is signed in here.

    One that is theirs already is no mistake: its tokens are the new ones. Raises NotSignedIn, AnotherPerson,
    LinkedElsewhere, AccessDenied and other AuthErrors, and StoreError; then nothing has changed.
    """
    newcomer, options = identify(attempt), attempt.options
    user = _user(attempt)
    elsewhere = authorize_sign_in(user, newcomer, options)
    if elsewhere is not None:
        return ActionResponse(location=elsewhere, cookies=attempt.set_cookies)
    account = replace(newcomer.account, user_id=user.id)
    is_new = user_by_account(account, options) is None
    try:
        options.adapter.link_account(user.id, account)
    except OAuthAccountNotLinked as error:
        raise AccountLinkedToAnotherUser from error
    if is_new:
        log_activity(attempt, user.id, "linked")
        signals.send(signals.account_linked, user=user, account=account, profile=newcomer.profile)
    return ActionResponse(location=attempt.flow.callback_url, cookies=attempt.set_cookies)


def _user(attempt: CallbackContext) -> User:
    # Asked after the provider has answered, which takes a while: a session may end in that time.
    options, user_id = attempt.options, attempt.flow.user_id
    here = reader.user_id_of(attempt.request.cookie_header, options)
    user = None if here is None else options.adapter.get_user(user_id)
    if here not in (None, user_id):
        raise AccountMismatch("another user's session in this browser")
    if user is None:
        raise SessionRequired(reason="signed-out")
    return user
