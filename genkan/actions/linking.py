"""One more way in for somebody who is in: an act of its own, which changes neither who they are nor their session (O10)."""

from __future__ import annotations

from dataclasses import replace

from genkan import events
from genkan.actions import session
from genkan.actions.attempt import Attempt, admit, identify, note, owner_of
from genkan.errors import AnotherPerson, LinkedElsewhere, NotSignedIn, OAuthAccountNotLinked
from genkan.http import Reply
from genkan.identity import User


def link(attempt: Attempt) -> Reply:
    """Store the account for the user whose flow this is, if they are still the one who is signed in here.

    One that is theirs already is no mistake: its tokens are the new ones. Raises NotSignedIn, AnotherPerson,
    LinkedElsewhere, AccessDenied and other AuthErrors, and StoreError; then nothing has changed.
    """
    newcomer, options = identify(attempt), attempt.options
    user = _user(attempt)
    elsewhere = admit(user, newcomer, options)
    if elsewhere is not None:
        return Reply(location=elsewhere, cookies=attempt.spent)
    account = replace(newcomer.account, user_id=user.id)
    is_new = owner_of(account, options) is None
    try:
        options.adapter.link_account(user.id, account)
    except OAuthAccountNotLinked as error:
        raise LinkedElsewhere from error
    if is_new:
        note(attempt, user.id, "linked")
        events.send(events.account_linked, user=user, account=account, profile=newcomer.profile)
    return Reply(location=attempt.flow.callback_url, cookies=attempt.spent)


def _user(attempt: Attempt) -> User:
    # Asked after the provider has answered, which takes a while: a session may end in that time.
    options, user_id = attempt.options, attempt.flow.user_id
    here = session.whose(attempt.request.cookie_header, options)
    user = None if here is None else options.adapter.get_user(user_id)
    if here not in (None, user_id):
        raise AnotherPerson("another user's session in this browser")
    if user is None:
        raise NotSignedIn(reason="signed-out")
    return user
