"""`POST /api/auth/backchannel-logout/<provider>`: a provider ends sessions (Back-Channel Logout 1.0)."""

from __future__ import annotations

import logging

from genkan.core import Core
from genkan.errors import AdapterError, ProviderError, ProviderUnavailable
from genkan.http.messages import ActionResponse
from genkan.oauth.logout_token import InvalidLogoutToken, LogoutToken, check_logout_token, may_be_logout_token
from genkan.oauth.transport.deadline import deadline
from genkan.providers.base import Provider
from genkan.session.revoker import revoke_by_provider

TIMEOUT = 5.0
"""Seconds for fetching the provider's metadata and keys."""

NO_STORE = {"Cache-Control": "no-store"}

_log = logging.getLogger("genkan.backchannel")


def backchannel_logout(provider_id: str, token: str | None, core: Core) -> ActionResponse:
    """Revoke the sessions that this logout token names. The status is 200 even if there are none.

    400 for an invalid or used token. 503 if the provider's keys or the store do not respond. The provider can send the
    same token again then.
    """
    try:
        provider = core.providers.get(provider_id)
        if provider is None or provider.type != "oidc" or not token:
            raise InvalidLogoutToken("no such provider, or no logout_token")
        count = _revoke(provider, _verify(provider, token, core), core)
    except InvalidLogoutToken as error:
        _log.warning("logout token refused", extra={"event": "backchannel-refused", "detail": str(error)})
        return ActionResponse(400, body={"error": "invalid_request"}, headers=NO_STORE)
    except (ProviderError, ProviderUnavailable, AdapterError) as error:
        _log.error("logout token could not be processed", extra={"event": "backchannel-failed", "detail": str(error)})
        return ActionResponse(503, body={"error": "temporarily_unavailable"}, headers={**NO_STORE, "Retry-After": "5"})
    _log.info("%d sessions revoked by their provider", count, extra={"event": "backchannel", "provider": provider.id})
    return ActionResponse(body={}, headers=NO_STORE)


def _verify(provider: Provider, token: str, core: Core) -> LogoutToken:
    if not may_be_logout_token(token):
        raise InvalidLogoutToken("no logout token")
    with deadline(TIMEOUT), core.oauth.metadata_and_keys(provider) as (metadata, keys):
        return check_logout_token(provider, metadata, token, keys, core.clock())


def _revoke(provider: Provider, token: LogoutToken, core: Core) -> int:
    if core.adapter.is_used(token.one_time_id):
        raise InvalidLogoutToken("used before")
    count = _revoke_sessions(provider, token, core)
    # Last: if the store fails before this, the provider sends the token again.
    if not core.adapter.use_once(token.one_time_id, token.expires):
        raise InvalidLogoutToken("used before")
    return count


def _revoke_sessions(provider: Provider, token: LogoutToken, core: Core) -> int:
    user = core.adapter.get_user_by_account(provider.id, token.subject) if token.subject is not None else None
    if token.subject is not None and user is None:
        return 0
    user_id = user.id if user else None
    return revoke_by_provider(provider.id, core.sessions, provider_sid=token.sid, user_id=user_id)
