"""The OAuth 2.0 client: authorization requests, token requests and profiles. The only module that uses Authlib's client."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from authlib.common.errors import AuthlibBaseError

from genkan.crypto.sealer import Clock
from genkan.errors import OAuthCallbackError, ProviderError, ProviderUnavailable, ReauthorizationRequired, TokenError
from genkan.oauth.checks import Flow
from genkan.oauth.discovery import Discovery, HTTPGet, Metadata
from genkan.oauth.id_token import KeySource, check_id_token
from genkan.oauth.reauthentication import check_auth_time, reauthentication_params
from genkan.oauth.refresh import merge_refreshed_tokens
from genkan.oauth.token_response import check_token_response, expires_at, normalize
from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.deadline import deadline
from genkan.oauth.transport.limits import DEADLINE_SECONDS, Network
from genkan.oauth.userinfo import add_userinfo, oauth_profile
from genkan.providers.base import Provider
from genkan.types import Account, Profile

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oauth2.auth import ClientAuth

ALLOWED_AUTHORIZATION_PARAMS = frozenset({"prompt", "login_hint", "ui_locales"})
"""Parameters that a sign-in request may add to the authorization request. All others are ignored."""

MAX_PARAM_LENGTH = 200
"""Characters of each of them."""

INVALID_GRANT_ERRORS = frozenset({"invalid_grant", "bad_refresh_token"})
"""Error codes for a refresh token that is no longer valid: RFC 6749 5.2, and GitHub's own."""

PROVIDER_TIMEOUT = DEADLINE_SECONDS
"""Seconds for all the calls to a provider that one request of a browser needs, together."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Talks to providers for one application."""

    redirect_uri_prefix: str
    """The redirect URI without the provider's id, e.g. `https://example.com/api/auth/callback/`."""
    discovery: Discovery
    clock: Clock
    wsgi_apps: Mapping[str, WSGIApplication] = field(default_factory=dict)
    """URL prefixes that a WSGI application in this process serves, without the network."""
    network: Network = field(default_factory=Network)

    def authorization_url(self, provider: Provider, flow: Flow, extra: Mapping[str, str]) -> str:
        """Return the URL of the authorization request, with state, nonce and PKCE S256 (RFC 6749 4.1.1, RFC 7636).

        `extra` are parameters from the sign-in request. Raises ProviderUnavailable if the metadata can't be fetched,
        ProviderError if it is invalid.
        """
        with self._session(provider) as session:
            metadata = self._metadata(provider, session)
            nonce = {"nonce": flow.nonce} if provider.type == "oidc" else {}
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=flow.state,
                code_verifier=flow.code_verifier if provider.pkce else None,
                # The parameters for security come last, so that `extra` can't replace them.
                **{
                    **provider.authorization_params,
                    **_allowed_params(extra),
                    **nonce,
                    **reauthentication_params(provider, flow),
                },
            )
        return str(url)

    def exchange_code(
        self, provider: Provider, flow: Flow, params: Mapping[str, str]
    ) -> tuple[Profile, dict[str, Any]]:
        """Exchange the code of an authorization response. Returns (profile, tokens).

        The state has been verified before. Raises OAuthCallbackError for an error response of the provider,
        ProviderUnavailable if it does not respond, ProviderError if its response is invalid.
        """
        with self._session(provider) as session:
            metadata = self._metadata(provider, session)
            code = _read_code(params, metadata)
            tokens = _fetch_tokens(session, metadata, flow.code_verifier if provider.pkce else None, code)
            tokens["expires_at"] = expires_at(tokens, self.clock())
            if provider.type == "oidc":
                return self._oidc_profile(provider, flow, tokens, metadata, session), tokens
            return oauth_profile(provider, _fetch(session, tokens)), tokens

    def refresh(self, provider: Provider, account: Account) -> dict[str, Any]:
        """Use the account's refresh token (RFC 6749 6). Returns the account's new tokens.

        What the response leaves out stays as it was. Raises ReauthorizationRequired if the grant has ended or the
        response is about another user, ProviderUnavailable if there is no response, ProviderError if it is invalid.
        """
        with self._session(provider) as session:
            metadata = self._metadata(provider, session)
            response = _refresh_tokens(session, metadata, provider, account)
            keys = self._keys(provider, metadata, session)
            return merge_refreshed_tokens(provider, metadata, account, response, keys, self.clock())

    @contextmanager
    def metadata_and_keys(self, provider: Provider) -> Iterator[tuple[Metadata, KeySource]]:
        """Yield the provider's metadata and the source of its keys. Raises like `authorization_url`, in the block too."""
        with self._session(provider) as session:
            metadata = self._metadata(provider, session)
            yield metadata, self._keys(provider, metadata, session)

    @contextmanager
    def _session(self, provider: Provider) -> Iterator[OAuth2Session]:
        # Imported here, because every worker imports this module. The HTTP client takes 7 MiB and a tenth of a second.
        from authlib.integrations.requests_client import OAuth2Session  # noqa: PLC0415

        with (
            deadline(PROVIDER_TIMEOUT),
            OAuth2Session(
                provider.client_id,
                provider.client_secret,
                token_endpoint_auth_method=provider.token_endpoint_auth_method,
                scope=provider.scope,
                redirect_uri=self.redirect_uri_prefix + provider.id,
                code_challenge_method="S256",
            ) as session,
        ):
            session.register_client_auth_method(("client_secret_basic", _form_encoded_basic))
            session.register_compliance_hook("access_token_response", normalize)
            mount_adapters(session, wsgi_apps=self.wsgi_apps, network=self.network)
            try:
                yield session
            except (AuthlibBaseError, TokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
                raise ProviderError(type(error).__name__) from error
            except OSError as error:
                raise ProviderUnavailable(type(error).__name__) from error

    def _metadata(self, provider: Provider, session: OAuth2Session) -> Metadata:
        metadata = self.discovery.metadata(provider, partial(_get, session))
        supported = metadata.token_endpoint_auth_methods_supported
        if supported and provider.token_endpoint_auth_method not in supported and "client_secret_post" in supported:
            session.token_endpoint_auth_method = "client_secret_post"
        return metadata

    def _keys(self, provider: Provider, metadata: Metadata, session: OAuth2Session) -> KeySource:
        return partial(self.discovery.jwks, provider, metadata, partial(_get, session))

    def _oidc_profile(
        self, provider: Provider, flow: Flow, tokens: Mapping[str, Any], metadata: Metadata, session: OAuth2Session
    ) -> Profile:
        keys = self._keys(provider, metadata, session)
        claims = check_id_token(provider, metadata, tokens, flow.nonce, keys, self.clock())
        check_auth_time(claims, flow, self.clock())
        lacks_profile = not claims.get("name") and not claims.get("email")
        if metadata.userinfo_endpoint is None or not (provider.fetch_userinfo or lacks_profile):
            return claims
        return add_userinfo(claims, provider, metadata, _fetch(session, tokens), keys)


def _allowed_params(extra: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in extra.items()
        if name in ALLOWED_AUTHORIZATION_PARAMS and len(value) <= MAX_PARAM_LENGTH
    }


def _read_code(params: Mapping[str, str], metadata: Metadata) -> str:
    # The issuer first (RFC 9207 2.4): nothing else in the response of another provider is read.
    issuer = params.get("iss")
    if issuer is None and metadata.authorization_response_iss_parameter_supported:
        raise ProviderError("no iss in the authorization response")
    if issuer is not None and not metadata.is_issuer(issuer):
        raise ProviderError("authorization response of another issuer")
    if "error" in params:
        # The provider's own words are not shown or logged.
        raise OAuthCallbackError("the provider answered an error", reason=_error_reason(params["error"]))
    if not params.get("code"):
        raise OAuthCallbackError("no code in the authorization response")
    return params["code"]


def _fetch_tokens(session: OAuth2Session, metadata: Metadata, code_verifier: str | None, code: str) -> dict[str, Any]:
    pkce = {} if code_verifier is None else {"code_verifier": code_verifier}
    tokens = session.fetch_token(
        metadata.token_endpoint,
        grant_type="authorization_code",
        code=code,
        redirect_uri=session.redirect_uri,
        **pkce,
    )
    return check_token_response(tokens)


def _refresh_tokens(session: OAuth2Session, metadata: Metadata, provider: Provider, account: Account) -> dict[str, Any]:
    # Without a scope the response has the scope that was granted, whatever is configured now (RFC 6749 6).
    grant = {"grant_type": "refresh_token", "refresh_token": account.tokens["refresh_token"], "scope": None}
    try:
        return check_token_response(session.fetch_token(metadata.token_endpoint, **grant))
    except AuthlibBaseError as error:
        if error.error in INVALID_GRANT_ERRORS:
            raise ReauthorizationRequired(provider.id, "the provider ended the grant") from error
        if _error_reason(str(error.error)) == "unavailable":
            raise ProviderUnavailable("the provider answered that it is busy") from error
        raise


def _fetch(session: OAuth2Session, tokens: Mapping[str, Any]) -> HTTPGet:
    return partial(_get, session, Authorization=f"Bearer {tokens['access_token']}")


def _get(session: OAuth2Session, url: str, **headers: str) -> tuple[int, bytes]:
    # Some providers refuse requests without a User-Agent.
    sent = {"Accept": "application/json", "User-Agent": "Genkan", **headers}
    response = session.request("GET", url, withhold_token=True, headers=sent)
    return response.status_code, response.content


def _form_encoded_basic(
    client: ClientAuth, method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    # RFC 6749 2.3.1: both parts are form-urlencoded before they are joined. Authlib joins them unencoded.
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body


def _error_reason(error: str) -> str:
    if error in ("access_denied", "login_required", "consent_required", "interaction_required"):
        return "declined"
    return "unavailable" if error in ("temporarily_unavailable", "server_error") else "refused"
