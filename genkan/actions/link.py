"""Link an account of a provider to the signed-in user. The session does not change."""

from __future__ import annotations

from genkan import signals
from genkan.actions.complete_sign_in import authorize_sign_in, user_by_account
from genkan.actions.second_factor.level import check_level
from genkan.core import Core
from genkan.errors import AccountLinkedToAnotherUser, AccountMismatch, OAuthAccountNotLinked, SessionRequired
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.checks import Flow
from genkan.session import reader
from genkan.session.activity import ClientInfo, log_activity
from genkan.types import ProviderIdentity, User


def link(identity: ProviderIdentity, flow: Flow, request: ActionRequest, core: Core) -> ActionResponse:
    """Link the account to the user of the flow, if that user is still signed in. A second time only stores new tokens.

    Raises SessionRequired, AccountMismatch, AccountLinkedToAnotherUser, AccessDenied and AdapterError. Then nothing has
    changed.
    """
    user = _signed_in_user(flow, request, core)
    redirect_url = authorize_sign_in(user, identity, core)
    if redirect_url is not None:
        return ActionResponse(location=redirect_url)
    is_new = user_by_account(identity, core) is None
    try:
        core.adapter.link_account(user.id, identity.account)
    except OAuthAccountNotLinked as error:
        raise AccountLinkedToAnotherUser from error
    if is_new:
        client = ClientInfo.of(request.user_agent, request.remote_addr)
        log_activity(user.id, "linked", core.sessions, client=client, provider=identity.account.provider)
        signals.send(signals.account_linked, user=user, account=identity.account, profile=identity.profile)
    return ActionResponse(location=flow.callback_url)


def _signed_in_user(flow: Flow, request: ActionRequest, core: Core) -> User:
    # Read after the provider has responded: the session may have ended since the flow began.
    result = reader.read_or_raise(request.cookies, core.sessions)
    if result.user_id not in (None, flow.user_id):
        raise AccountMismatch("another user's session in this browser")
    user = None if result.user_id is None else core.adapter.get_user(flow.user_id)
    if user is None:
        raise SessionRequired(reason="signed-out")
    check_level(result, core)
    return user
