"""Sign-out at the provider (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass

from genkan.crypto.sealer import Clock, Sealer
from genkan.errors import ProviderError, ProviderUnavailable, TokenError
from genkan.http.cookies import CHUNK_CHARACTERS, Cookie, RequestCookies, clear
from genkan.http.urls import add_query
from genkan.oauth.client import OAuthClient
from genkan.oauth.transport.deadline import deadline
from genkan.providers.base import Provider

TIMEOUT = 3.0
"""Seconds that a sign-out waits at most for the provider's metadata."""

MAX_HINT_CHARACTERS = 6000
"""Characters of an ID token that is stored as `id_token_hint`. A longer one makes a URL that many servers refuse (8
KiB)."""

LOGOUT_STATE_MAX_AGE = 900
"""Seconds that a user may take at the provider."""

POST_LOGOUT_REDIRECT_PATH = "/signout/return"
"""Path below the base path. It is registered with the provider."""

_RANDOM_BYTES = 32

_log = logging.getLogger("genkan.sign_out")


@dataclass(frozen=True, slots=True)
class ProviderLogout:
    """Sends the browser to the provider's end session endpoint and receives it back."""

    client: OAuthClient
    sealer: Sealer
    cookie_name: str
    front_page: str
    """Absolute URL to which a sign-out without a callback URL leads."""
    post_logout_redirect_uri: str
    clock: Clock

    def start(self, provider: Provider, id_token: str | None, callback_url: str) -> tuple[str, Cookie] | None:
        """Return the URL at the provider and the cookie that remembers `callback_url`.

        None if the provider has no end session endpoint or does not respond. Without the ID token of the session, the
        provider asks the user to confirm.
        """
        endpoint = self._endpoint(provider)
        if endpoint is None:
            return None
        state = secrets.token_urlsafe(_RANDOM_BYTES)
        url = add_query(
            endpoint,
            {
                "client_id": provider.client_id,
                "post_logout_redirect_uri": self.post_logout_redirect_uri,
                "state": state,
                "id_token_hint": id_token,
            },
        )
        return url, self._cookie(state, callback_url)

    def finish(self, state: str | None, cookies: RequestCookies) -> tuple[str, tuple[Cookie, ...]]:
        """Return the callback URL of this state and the deletion of its cookie.

        Any other state leads to the front page. That is harmless: the user is signed out already.
        """
        sealed = cookies.get(self.cookie_name)
        if sealed is None:
            return self.front_page, ()
        return self._callback_url(sealed, state or ""), clear((self.cookie_name,), secure=self._secure)

    @property
    def _secure(self) -> bool:
        return self.front_page.startswith("https:")

    def _endpoint(self, provider: Provider) -> str | None:
        try:
            with deadline(TIMEOUT), self.client.metadata_and_keys(provider) as (metadata, _):
                endpoint = metadata.end_session_endpoint
            if endpoint is not None and "#" not in endpoint:
                return endpoint
            reason = "no end_session_endpoint" if endpoint is None else "an end_session_endpoint with a fragment"
        except (ProviderError, ProviderUnavailable) as error:
            reason = str(error)
        extra = {"event": "sign-out-local", "provider": provider.id, "reason": reason}
        _log.warning("signed out here, but not at the provider", extra=extra)
        return None

    def _cookie(self, state: str, callback_url: str) -> Cookie:
        sealed = self._seal(state, callback_url)
        if len(sealed) > CHUNK_CHARACTERS:
            # Browsers do not keep a cookie of this size.
            sealed = self._seal(state, self.front_page)
        return Cookie(
            self.cookie_name,
            sealed,
            self._secure,
            max_age=LOGOUT_STATE_MAX_AGE,
            expires=self.clock() + LOGOUT_STATE_MAX_AGE,
        )

    def _seal(self, state: str, callback_url: str) -> str:
        return self.sealer.seal({"state": state, "callback_url": callback_url}, LOGOUT_STATE_MAX_AGE)

    def _callback_url(self, sealed: str, state: str) -> str:
        try:
            claims = self.sealer.open(sealed)
        except TokenError:
            return self.front_page
        is_ours = hmac.compare_digest(str(claims.get("state")).encode(), state.encode())
        return str(claims["callback_url"]) if is_ours and "callback_url" in claims else self.front_page
