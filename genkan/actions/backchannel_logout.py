"""A provider says, from its server to ours, that a session of theirs has ended (Back-Channel Logout 1.0, O17)."""

from __future__ import annotations

import logging
from functools import partial

from genkan.core import Core
from genkan.errors import AdapterError, ProviderError, ProviderUnavailable
from genkan.http.messages import ActionResponse
from genkan.oauth.client import provider_client
from genkan.oauth.logout_token import InvalidLogoutToken, LogoutToken, check_logout_token, may_be_logout_token
from genkan.oauth.transport.deadline import deadline
from genkan.providers.base import Provider
from genkan.session.revoker import revoke_by_provider

TIMEOUT = 5.0
"""What one call may cost in asking the provider for its metadata and keys."""

NO_STORE = {"Cache-Control": "no-store"}

_log = logging.getLogger("genkan.backchannel")


def backchannel_logout(provider_id: str, token: str | None, options: Core) -> ActionResponse:
    """End the sessions that a logout token means, on every worker; also where there is none, the answer is 200.

    400 for a token that is none or was used before; 503 when the provider's keys or our store can't be had, after
    which the same token may be sent again. Whoever calls proves nothing but what the token proves.
    """
    try:
        provider = options.providers.get(provider_id)
        if provider is None or provider.type != "oidc" or not token:
            raise InvalidLogoutToken("no such provider, or no logout_token")
        said = _verify(provider, token, options)
        ended = _end(provider, said, options)
    except InvalidLogoutToken as error:
        _log.warning("logout token refused", extra={"event": "backchannel-refused", "why": str(error)})
        return ActionResponse(400, body={"error": "invalid_request"}, headers=NO_STORE)
    except (ProviderError, ProviderUnavailable, AdapterError) as error:
        _log.error("logout token not acted on", extra={"event": "backchannel-failed", "why": str(error)})
        return ActionResponse(503, body={"error": "temporarily_unavailable"}, headers={**NO_STORE, "Retry-After": "5"})
    _log.info("%d sessions ended by their provider", ended, extra={"event": "backchannel", "provider": provider.id})
    return ActionResponse(body={}, headers=NO_STORE)


def _verify(provider: Provider, token: str, options: Core) -> LogoutToken:
    if not may_be_logout_token(token):
        raise InvalidLogoutToken("no logout token")
    with deadline(TIMEOUT), provider_client(provider, options) as (metadata, keys):
        return check_logout_token(provider, metadata, token, keys, options.clock())


def _end(provider: Provider, said: LogoutToken, options: Core) -> int:
    user = options.adapter.get_user_by_account(provider.id, said.subject) if said.subject is not None else None
    if not options.adapter.use_once(said.one_time_id, said.expires):
        raise InvalidLogoutToken("used before")
    if said.subject is not None and user is None:
        return 0
    act = partial(
        revoke_by_provider,
        provider.id,
        "provider",
        options,
        provider_sid=said.sid,
        user_id=user.id if user else None,
    )
    try:
        return act()
    except AdapterError:
        # The token is used up, so nobody can bring it again: it is for us to remember.
        options.revocations.defer(act)
        raise
