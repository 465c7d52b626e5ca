"""A provider says, from its server to ours, that a session of theirs has ended (Back-Channel Logout 1.0, O17)."""

from __future__ import annotations

import logging
from functools import partial

from genkan.actions.ending import end_by_provider
from genkan.budget import budget
from genkan.errors import ProviderError, ProviderUnavailable, StoreError
from genkan.http import Reply
from genkan.logout_token import LogoutToken, WrongLogoutToken, check_logout_token, looks_like_one
from genkan.oauth import asking
from genkan.options import Options
from genkan.providers.base import Provider

SECONDS = 5.0
"""What one call may cost in asking the provider for its metadata and keys."""

NOT_STORED = {"Cache-Control": "no-store"}

_log = logging.getLogger("genkan.backchannel")


def backchannel_logout(provider_id: str, token: str | None, options: Options) -> Reply:
    """End the sessions that a logout token means, on every worker; also where there is none, the answer is 200.

    400 for a token that is none or was used before; 503 when the provider's keys or our store can't be had, after
    which the same token may be sent again. Whoever calls proves nothing but what the token proves.
    """
    try:
        provider = options.providers.get(provider_id)
        if provider is None or provider.type != "oidc" or not token:
            raise WrongLogoutToken("no such provider, or no logout_token")
        said = _verify(provider, token, options)
        ended = _end(provider, said, options)
    except WrongLogoutToken as error:
        _log.warning("logout token refused", extra={"event": "backchannel-refused", "why": str(error)})
        return Reply(400, body={"error": "invalid_request"}, headers=NOT_STORED)
    except (ProviderError, ProviderUnavailable, StoreError) as error:
        _log.error("logout token not acted on", extra={"event": "backchannel-failed", "why": str(error)})
        return Reply(503, body={"error": "temporarily_unavailable"}, headers={**NOT_STORED, "Retry-After": "5"})
    _log.info("%d sessions ended by their provider", ended, extra={"event": "backchannel", "provider": provider.id})
    return Reply(body={}, headers=NOT_STORED)


def _verify(provider: Provider, token: str, options: Options) -> LogoutToken:
    if not looks_like_one(token):
        raise WrongLogoutToken("no logout token")
    with budget(SECONDS), asking(provider, options) as (metadata, keys):
        return check_logout_token(provider, metadata, token, keys, options.clock())


def _end(provider: Provider, said: LogoutToken, options: Options) -> int:
    user = options.adapter.get_user_by_account(provider.id, said.subject) if said.subject is not None else None
    if not options.adapter.spend(said.spent_id, said.spent_until):
        raise WrongLogoutToken("used before")
    if said.subject is not None and user is None:
        return 0
    act = partial(
        end_by_provider,
        provider.id,
        "provider",
        options,
        provider_session=said.session,
        user_id=user.id if user else None,
    )
    try:
        return act()
    except StoreError:
        # The token is used up, so nobody can bring it again: it is for us to remember.
        options.endings.owe(act)
        raise
