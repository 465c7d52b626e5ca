"""The relying party: the way to a provider, and from what it sends back to who somebody is. Authlib does the talking.

Everything the provider says is checked here before anybody believes it; O1 to O16 in docs/requirements.md say what.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.auth import ClientAuth

from genkan import strict_json
from genkan.core import BASE_PATH, Core
from genkan.errors import OAuthCallbackError, ProviderError, ProviderUnavailable, ReauthorizationRequired, TokenError
from genkan.oauth.checks import Flow
from genkan.oauth.discovery import Metadata, fetch_jwks, fetch_metadata
from genkan.oauth.id_token import KeySource, check_id_token
from genkan.oauth.reauthentication import check_auth_time, reauthentication_params
from genkan.oauth.refresh import expires_at, merge_refreshed_tokens
from genkan.oauth.transport.adapters import DEADLINE_SECONDS, mount_adapters
from genkan.oauth.transport.deadline import deadline
from genkan.providers.base import Provider
from genkan.types import Account, Profile

ALLOWED_AUTHORIZATION_PARAMS = frozenset({"prompt", "login_hint", "ui_locales"})
"""What a sign-in request may add to the authorization request; everything else is ours to say (O15)."""

MAX_PARAM_LENGTH = 200
"""Characters of each."""

INVALID_GRANT_ERRORS = frozenset({"invalid_grant", "bad_refresh_token"})
"""How a provider says that a refresh token is of no use any more: RFC 6749 5.2, and GitHub's own."""

ID_TOKEN_ONLY_CLAIMS = frozenset({"auth_time", "sid"})
"""Claims that are about the sign-in and not the person: those of userinfo are passed over."""

PROVIDER_TIMEOUT = DEADLINE_SECONDS
"""What one visit may spend on its provider, over all the calls that it needs together (F2, F6)."""


def authorization_url(provider: Provider, flow: Flow, extra: Mapping[str, str], options: Core) -> str:
    """Where to send the visitor: the provider's authorization endpoint with state, nonce and PKCE S256 (O1).

    Raises ProviderUnavailable or ProviderError when its metadata can't be had or believed.
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        passed_on = {k: v for k, v in extra.items() if k in ALLOWED_AUTHORIZATION_PARAMS and len(v) <= MAX_PARAM_LENGTH}
        nonce = {"nonce": flow.nonce} if provider.type == "oidc" else {}
        url, _ = session.create_authorization_url(
            metadata.authorization_endpoint,
            state=flow.state,
            code_verifier=flow.code_verifier if provider.pkce else None,
            # Last what is asked for safety's sake: no request of the visitor's talks it away.
            **{**provider.authorization_params, **passed_on, **nonce, **reauthentication_params(provider, flow)},
        )
    return str(url)


def exchange_code(
    provider: Provider, flow: Flow, params: Mapping[str, str], options: Core
) -> tuple[Profile, dict[str, Any]]:
    """The profile and the tokens that an authorization response stands for, whose state is already known to be ours.

    Spends its code, never twice, and VISIT_SECONDS at most. Raises OAuthCallbackError for the provider's own errors,
    ProviderUnavailable when it does not answer, ProviderError when what it answers can't be believed.
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        code = _read_code(params, metadata)
        tokens = _fetch_tokens(session, metadata, flow.code_verifier if provider.pkce else None, code)
        tokens["expires_at"] = expires_at(tokens, options.clock())
        if provider.type == "oidc":
            return _oidc_profile(provider, flow, tokens, metadata, session, options), tokens
        return _oauth_profile(provider, tokens, session), tokens


def refresh(provider: Provider, account: Account, options: Core) -> dict[str, Any]:
    """The account's tokens after its refresh token was used, what the answer leaves unsaid being as it was.

    Raises ReconnectRequired when the provider gives no more or now tells of somebody else (O18), ProviderUnavailable
    when it does not answer, ProviderError when its answer is none.
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        renewed = _fetch_renewed(session, metadata, provider, account)
        keys = _keys(provider, metadata, session, options)
        return merge_refreshed_tokens(provider, metadata, account, renewed, keys, options.clock())


@contextmanager
def provider_client(provider: Provider, options: Core) -> Iterator[tuple[Metadata, KeySource]]:
    """What the provider says of itself, and the way to its keys. Raises like `authorization_url`, also in the block."""
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        yield metadata, _keys(provider, metadata, session, options)


def _read_code(params: Mapping[str, str], metadata: Metadata) -> str:
    # The issuer first (RFC 9207 2.4): another provider's answer is not even read. Errors' words stay here (O12).
    issuer = params.get("iss")
    if issuer is None and metadata.authorization_response_iss_parameter_supported:
        raise ProviderError("no iss in the authorization response")
    if issuer is not None and not metadata.is_issuer(issuer):
        raise ProviderError("authorization response of another issuer")
    if "error" in params:
        raise OAuthCallbackError("the provider answered an error", reason=_reason(params["error"]))
    if not params.get("code"):
        raise OAuthCallbackError("no code in the authorization response")
    return params["code"]


@contextmanager
def _session(provider: Provider, options: Core) -> Iterator[OAuth2Session]:
    with (
        deadline(PROVIDER_TIMEOUT),
        OAuth2Session(
            provider.client_id,
            provider.client_secret,
            token_endpoint_auth_method=provider.token_endpoint_auth_method,
            scope=provider.scope,
            redirect_uri=f"{options.origin}{BASE_PATH}/callback/{provider.id}",
            code_challenge_method="S256",
        ) as session,
    ):
        session.register_client_auth_method(("client_secret_basic", _form_encoded_basic))
        mount_adapters(session, back_channels=options.wsgi_apps)
        try:
            yield session
        except (AuthlibBaseError, TokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ProviderError(type(error).__name__) from error
        except OSError as error:
            raise ProviderUnavailable(type(error).__name__) from error


def _metadata(provider: Provider, session: OAuth2Session, options: Core) -> Metadata:
    metadata = fetch_metadata(provider, partial(_get, session), options)
    supported = metadata.token_endpoint_auth_methods_supported
    if supported and provider.token_endpoint_auth_method not in supported and "client_secret_post" in supported:
        session.token_endpoint_auth_method = "client_secret_post"
    return metadata


def _fetch_tokens(session: OAuth2Session, metadata: Metadata, verifier: str | None, code: str) -> dict[str, Any]:
    proof = {} if verifier is None else {"code_verifier": verifier}
    tokens = session.fetch_token(
        metadata.token_endpoint,
        grant_type="authorization_code",
        code=code,
        redirect_uri=session.redirect_uri,
        **proof,
    )
    return _bearer(tokens)


def _bearer(tokens: Mapping[str, Any]) -> dict[str, Any]:
    access_token, kind = tokens.get("access_token"), tokens.get("token_type")
    if not isinstance(access_token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise ProviderError("no bearer token in the token response")
    return dict(tokens)


def _fetch_renewed(session: OAuth2Session, metadata: Metadata, provider: Provider, account: Account) -> dict[str, Any]:
    # Without a scope: it is then what was granted, and nothing that the owner has added since (RFC 6749 6).
    grant = {"grant_type": "refresh_token", "refresh_token": account.tokens["refresh_token"], "scope": None}
    try:
        return _bearer(session.fetch_token(metadata.token_endpoint, **grant))
    except AuthlibBaseError as error:
        if error.error in INVALID_GRANT_ERRORS:
            raise ReauthorizationRequired(provider.id, "the provider ended the grant") from error
        if _reason(str(error.error)) == "unavailable":
            raise ProviderUnavailable("the provider answered that it is busy") from error
        raise


def _oidc_profile(
    provider: Provider,
    flow: Flow,
    tokens: Mapping[str, Any],
    metadata: Metadata,
    session: OAuth2Session,
    options: Core,
) -> Profile:
    keys = _keys(provider, metadata, session, options)
    claims = check_id_token(provider, metadata, tokens, flow.nonce, keys, options.clock())
    check_auth_time(claims, flow, options.clock())
    lacks_profile = not claims.get("name") and not claims.get("email")
    if metadata.userinfo_endpoint is None or not (provider.fetch_userinfo or lacks_profile):
        return claims
    userinfo = _ask(session, metadata.userinfo_endpoint, tokens)
    # OpenID Connect Core 5.3.2: an answer about somebody else MUST NOT be used.
    if not isinstance(userinfo, dict) or userinfo.get("sub") != claims["sub"]:
        raise ProviderError("userinfo of another subject")
    # Whether an address is verified is told with the address, never by the other answer (F10).
    told = userinfo if "email" in userinfo else claims
    added = {name: value for name, value in userinfo.items() if name not in ID_TOKEN_ONLY_CLAIMS}
    return {**claims, **added, **{name: told.get(name) for name in provider.email_verified_claims}}


def _keys(provider: Provider, metadata: Metadata, session: OAuth2Session, options: Core) -> KeySource:
    return partial(fetch_jwks, provider, metadata, partial(_get, session), options)


def _oauth_profile(provider: Provider, tokens: Mapping[str, Any], session: OAuth2Session) -> Profile:
    profile = _ask(session, provider.userinfo_endpoint or "", tokens)
    if not isinstance(profile, dict):
        raise ProviderError("the profile is not an object")
    extra = {name: _ask(session, url, tokens) for name, url in provider.extra_userinfo_endpoints.items()}
    return {**profile, **extra}


def _ask(session: OAuth2Session, url: str, tokens: Mapping[str, Any]) -> Any:
    status, body = _get(session, url, Authorization=f"Bearer {tokens['access_token']}")
    if status >= 500:
        raise ProviderUnavailable(f"profile: {status}")
    if status != 200:
        raise ProviderError(f"profile: {status}")
    return strict_json.loads(body)


def _get(session: OAuth2Session, url: str, **headers: str) -> tuple[int, bytes]:
    # Some providers refuse calls that do not say who calls.
    sent = {"Accept": "application/json", "User-Agent": "Genkan", **headers}
    answer = session.request("GET", url, withhold_token=True, headers=sent)
    return answer.status_code, answer.content


def _form_encoded_basic(
    client: ClientAuth, method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    # RFC 6749 2.3.1: both parts are form-urlencoded before they are joined; Authlib joins them raw (O16).
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body


def _reason(error: str) -> str:
    if error in ("access_denied", "login_required", "consent_required", "interaction_required"):
        return "declined"
    return "unavailable" if error in ("temporarily_unavailable", "server_error") else "refused"
