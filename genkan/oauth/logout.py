"""The way to a provider's own sign-out (OpenID Connect RP-Initiated Logout 1.0, O19)."""

from __future__ import annotations

import logging

from genkan.core import Core
from genkan.errors import ProviderError, ProviderUnavailable
from genkan.http.urls import add_query
from genkan.oauth.client import provider_client
from genkan.oauth.transport.deadline import deadline
from genkan.providers.base import Provider

TIMEOUT = 3.0
"""What somebody who signs out waits for a provider whose address for it is not known, at most."""

MAX_HINT_CHARACTERS = 6000
"""Of an ID token that is kept for a sign-out. With a longer one the URL might be too long for a server (most stop at
8 KiB)."""

POST_LOGOUT_REDIRECT_PATH = "/signout/return"
"""Below the base path; the owner registers it with the provider."""

_log = logging.getLogger("genkan.sign_out")


def end_session_url(provider: Provider, id_token: str | None, state: str, options: Core) -> str | None:
    """Where to send a browser so that the provider's session ends too; None where it has no such place or is down.

    Without the ID token of the session that ends the provider asks the person.
    """
    endpoint = _endpoint(provider, options)
    if endpoint is None:
        return None
    parameters = {
        "client_id": provider.client_id,
        "post_logout_redirect_uri": options.action_url(POST_LOGOUT_REDIRECT_PATH),
        "state": state,
    }
    if id_token is not None:
        parameters["id_token_hint"] = id_token
    return add_query(endpoint, parameters)


def _endpoint(provider: Provider, options: Core) -> str | None:
    try:
        with deadline(TIMEOUT), provider_client(provider, options) as (metadata, _):
            endpoint = metadata.end_session_endpoint
        if endpoint is not None and "#" not in endpoint:
            return endpoint
        why = "no end_session_endpoint" if endpoint is None else "an end_session_endpoint with a fragment"
    except (ProviderError, ProviderUnavailable) as error:
        why = str(error)
    _log.warning("signed out here only", extra={"event": "sign-out-local", "provider": provider.id, "why": why})
    return None
