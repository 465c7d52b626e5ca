"""The way to a provider's own sign-out (OpenID Connect RP-Initiated Logout 1.0, O19)."""

from __future__ import annotations

import logging

from genkan.budget import budget
from genkan.errors import ProviderError, ProviderUnavailable
from genkan.oauth import asking
from genkan.options import Options
from genkan.providers.base import Provider
from genkan.redirects import with_query

SECONDS = 3.0
"""What somebody who signs out waits for a provider whose address for it is not known, at most."""

MAX_HINT_CHARACTERS = 6000
"""Of an ID token that is kept for a sign-out. With a longer one the URL might be too long for a server (most stop at
8 KiB)."""

RETURN_PATH = "/signout/return"
"""Below the base path; the owner registers it with the provider."""

_log = logging.getLogger("genkan.sign_out")


def sign_out_url(provider: Provider, id_token: str | None, state: str, options: Options) -> str | None:
    """Where to send a browser so that the provider's session ends too; None where it has no such place or is down.

    Without the ID token of the session that ends the provider asks the person.
    """
    endpoint = _endpoint(provider, options)
    if endpoint is None:
        return None
    parameters = {
        "client_id": provider.client_id,
        "post_logout_redirect_uri": options.url(RETURN_PATH),
        "state": state,
    }
    if id_token is not None:
        parameters["id_token_hint"] = id_token
    return with_query(endpoint, parameters)


def _endpoint(provider: Provider, options: Options) -> str | None:
    try:
        with budget(SECONDS), asking(provider, options) as (metadata, _):
            endpoint = metadata.end_session_endpoint
        if endpoint is not None and "#" not in endpoint:
            return endpoint
        why = "no end_session_endpoint" if endpoint is None else "an end_session_endpoint with a fragment"
    except (ProviderError, ProviderUnavailable) as error:
        why = str(error)
    _log.warning("signed out here only", extra={"event": "sign-out-local", "provider": provider.id, "why": why})
    return None
