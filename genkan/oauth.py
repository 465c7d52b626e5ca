"""The relying party: the way to a provider, and from what it sends back to who somebody is. Authlib does the talking.

Everything the provider says is checked here before anybody believes it; security.md O1-O16 are the rows.
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
from genkan.checks import Flow
from genkan.discovery import Metadata, fetch_keys, fetch_metadata
from genkan.errors import OAuthCallbackError, ProviderError, ProviderUnavailable, TokenError
from genkan.id_token import check_id_token
from genkan.identity import Profile
from genkan.options import BASE_PATH, Options
from genkan.outbound import mount_limits
from genkan.providers.base import Provider

PASSED_ON = frozenset({"prompt", "login_hint", "ui_locales"})
"""What a sign-in request may add to the authorization request; everything else is ours to say (O15)."""

MAX_PASSED_ON = 200
"""Characters of each."""


def authorization_url(provider: Provider, flow: Flow, extra: Mapping[str, str], options: Options) -> str:
    """Where to send the visitor: the provider's authorization endpoint with state, nonce and PKCE S256 (O1).

    Raises ProviderUnavailable or ProviderError when its metadata can't be had or believed.
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        passed_on = {k: v for k, v in extra.items() if k in PASSED_ON and len(v) <= MAX_PASSED_ON}
        nonce = {"nonce": flow.nonce} if provider.type == "oidc" else {}
        url, _ = session.create_authorization_url(
            metadata.authorization_endpoint,
            state=flow.state,
            code_verifier=flow.verifier if provider.uses_pkce else None,
            **{**provider.authorization_params, **passed_on, **nonce},
        )
    return str(url)


def read_code(provider: Provider, params: Mapping[str, str], options: Options) -> str:
    """The code in an authorization response whose state was already found to be ours.

    The issuer is looked at first (RFC 9207 2.4), so that another provider's answer is not even read. Raises
    OAuthCallbackError for the provider's own errors, whose words are not passed on (O12).
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
    issuer = params.get("iss")
    if issuer is None and metadata.promises_issuer:
        raise ProviderError("no iss in the authorization response")
    if issuer is not None and not metadata.is_issuer(issuer):
        raise ProviderError("authorization response of another issuer")
    if "error" in params:
        raise OAuthCallbackError("the provider answered an error", reason=_reason(params["error"]))
    if not params.get("code"):
        raise OAuthCallbackError("no code in the authorization response")
    return params["code"]


def exchange(provider: Provider, flow: Flow, code: str, options: Options) -> tuple[Profile, dict[str, Any]]:
    """The profile and the tokens that a code stands for.

    Spends the code, never twice. Raises ProviderUnavailable when the provider does not answer, ProviderError when
    what it answers can't be believed.
    """
    with _session(provider, options) as session:
        metadata = _metadata(provider, session, options)
        tokens = _fetch_tokens(session, metadata, flow.verifier if provider.uses_pkce else None, code)
        if provider.type == "oidc":
            return _oidc_profile(provider, flow, tokens, metadata, session, options), tokens
        return _oauth_profile(provider, tokens, session), tokens


@contextmanager
def _session(provider: Provider, options: Options) -> Iterator[OAuth2Session]:
    with OAuth2Session(
        provider.client_id,
        provider.client_secret,
        token_endpoint_auth_method=provider.client_authentication,
        scope=provider.scope,
        redirect_uri=f"{options.origin}{BASE_PATH}/callback/{provider.id}",
        code_challenge_method="S256",
    ) as session:
        session.register_client_auth_method(("client_secret_basic", _form_encoded_basic))
        mount_limits(session, back_channels=options.back_channels)
        try:
            yield session
        except (AuthlibBaseError, TokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ProviderError(type(error).__name__) from error
        except OSError as error:
            raise ProviderUnavailable(type(error).__name__) from error


def _metadata(provider: Provider, session: OAuth2Session, options: Options) -> Metadata:
    metadata = fetch_metadata(provider, partial(_get, session), options)
    supported = metadata.client_authentications
    if supported and provider.client_authentication not in supported and "client_secret_post" in supported:
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
    access_token, kind = tokens.get("access_token"), tokens.get("token_type")
    if not isinstance(access_token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise ProviderError("no bearer token in the token response")
    return dict(tokens)


def _oidc_profile(
    provider: Provider,
    flow: Flow,
    tokens: Mapping[str, Any],
    metadata: Metadata,
    session: OAuth2Session,
    options: Options,
) -> Profile:
    def keys(*, anew: bool) -> list[dict[str, Any]]:
        return fetch_keys(provider, metadata, partial(_get, session), options, anew=anew)

    claims = check_id_token(provider, metadata, tokens, flow.nonce, keys, options.clock())
    lacks_profile = not claims.get("name") and not claims.get("email")
    if metadata.userinfo_endpoint is None or not (provider.asks_userinfo or lacks_profile):
        return claims
    userinfo = _ask(session, metadata.userinfo_endpoint, tokens)
    # OpenID Connect Core 5.3.2: an answer about somebody else MUST NOT be used.
    if not isinstance(userinfo, dict) or userinfo.get("sub") != claims["sub"]:
        raise ProviderError("userinfo of another subject")
    # Whether an address is verified is told with the address, never by the other answer (F10).
    told = userinfo if "email" in userinfo else claims
    return {**claims, **userinfo, "email_verified": told.get("email_verified")}


def _oauth_profile(provider: Provider, tokens: Mapping[str, Any], session: OAuth2Session) -> Profile:
    profile = _ask(session, provider.userinfo_endpoint or "", tokens)
    if not isinstance(profile, dict):
        raise ProviderError("the profile is not an object")
    extra = {name: _ask(session, url, tokens) for name, url in provider.extra_endpoints.items()}
    return {**profile, **extra}


def _ask(session: OAuth2Session, url: str, tokens: Mapping[str, Any]) -> Any:
    status, body = _get(session, url, Authorization=f"Bearer {tokens['access_token']}")
    if status >= 500:
        raise ProviderUnavailable(f"profile: {status}")
    if status != 200:
        raise ProviderError(f"profile: {status}")
    return strict_json.parse(body)


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
