"""The OAuth half of the development provider: Authlib's authorization server, made strict and stateless."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import unquote_plus

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from genkan.crypto.jose import ec_key_from_bytes, public_jwks
from genkan.dev_provider.grants import CodeGrant, IDToken, RefreshGrant, RequireS256, TokenGenerator
from genkan.dev_provider.tokens import TokenIssuer
from genkan.dev_provider.users import Authentication
from genkan.http.messages import ActionResponse

SCOPES = ("openid", "email", "profile", "offline_access")
AUTH_METHODS = tuple(CodeGrant.TOKEN_ENDPOINT_AUTH_METHODS)


class Client(ClientMixin):
    """The one client there is: the application that the provider lives in."""

    def __init__(self, client_id: str, secret: str, redirect_uri: str) -> None:
        self.client_id = client_id
        self.secret = secret
        self.redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        # OpenID Connect has no default: the parameter is required (OIDC Core 3.1.2.1).
        return ""

    def get_allowed_scope(self, scope: Any) -> Any:
        """The scopes we know of those asked for (OIDC Core 3.1.2.1: pass over the rest); None without `openid`."""
        known = [name for name in SCOPES if name in (scope or "").split()]
        return " ".join(known) if "openid" in known else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in AUTH_METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


class Server(AuthorizationServer):
    """Authorization and token endpoint for one client; parameters come in parsed and single, replies are neutral."""

    def __init__(self, issuer: str, client: Client, vault: TokenIssuer, seed: bytes) -> None:
        super().__init__()
        self.issuer = issuer
        self.client = client
        self.vault = vault
        self.key = ec_key_from_bytes(seed)
        identity_token = IDToken(issuer, self.key, vault.clock)
        self.register_token_generator("default", TokenGenerator(vault))
        self.register_client_auth_method("client_secret_basic", _authenticate_basic)
        self.register_grant(CodeGrant, [RequireS256(), identity_token])
        self.register_grant(RefreshGrant, [identity_token])

    def validate(self, parameters: Mapping[str, str]) -> ActionResponse | None:
        """None if somebody may be asked who they are; else the redirect that tells the client why not.

        The client and the redirect URI must have been compared before (RFC 6749 4.1.2.1).
        """
        request = self._request("GET", parameters)
        try:
            _refuse_unsupported(parameters)
            check: Any = self.get_consent_grant
            check(request)
        except OAuth2Error as error:
            error.state = parameters.get("state")
            error.redirect_uri = self.client.redirect_uri
            return self._identified(self.handle_error_response(request, error))
        return None

    def authorize(self, parameters: Mapping[str, str], person: Authentication | None) -> ActionResponse:
        """The redirect to the client: with a code for the person, or `access_denied` for None."""
        request = self._request("POST", parameters)
        grant = self.get_authorization_grant(request)
        return self._identified(self.create_authorization_response(request, person, grant))

    def token(self, parameters: Mapping[str, str], authorization: str) -> ActionResponse:
        """The token endpoint's answer to its form and Authorization header. Raises StoreError."""
        return cast("ActionResponse", self.create_token_response(self._request("POST", parameters, authorization)))

    def jwks(self) -> dict[str, Any]:
        """The public half of the signing key."""
        return public_jwks(self.key)

    def query_client(self, client_id: str) -> Any:
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: Any, request: OAuth2Request) -> None:
        """Nothing is kept: the tokens say everything themselves."""

    def send_signal(self, name: Any, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        parsed: OAuth2Request = request
        return parsed

    def handle_response(self, status: int, body: Any, headers: Any) -> ActionResponse:
        """Authlib's answer as a neutral one; redirects are 303, since they follow a POST (RFC 9700 4.12)."""
        fields = dict(headers)
        if location := fields.pop("Location", None):
            return ActionResponse(303, location=location)
        return ActionResponse(status, body=body, headers=fields)

    def _request(self, method: str, parameters: Mapping[str, str], authorization: str = "") -> OAuth2Request:
        return _Request(method, self.issuer, parameters, authorization)

    def _identified(self, response: object) -> ActionResponse:
        # RFC 9207 2: every authorization response, errors too, names its issuer.
        reply = cast("ActionResponse", response)
        return replace(reply, location=with_parameters(reply.location or "", {"iss": self.issuer}))


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The URL with more parameters at the end of its query."""
    return str(add_params_to_uri(url, dict(parameters)))


def _refuse_unsupported(parameters: Mapping[str, str]) -> None:
    # OIDC Core 6.1 and 6.2 have errors of their own for request objects, which discovery says we do not take.
    for name in ("request", "request_uri"):
        if name in parameters:
            raise OAuth2Error(error=f"{name}_not_supported")
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("Only the response mode query is supported.")
    # Authlib quotes an unknown type in its message and trips over characters a message may not have.
    if parameters.get("response_type", "code") != "code":
        raise OAuth2Error(error="unsupported_response_type")
    # Whoever it is, they are asked each time, so what is asked of their last sign-in here always holds.
    if not re.fullmatch("[0-9]{1,10}", parameters.get("max_age", "0")):
        raise InvalidRequestError("max_age is a number of seconds.")
    if "response_type" not in parameters:
        raise InvalidRequestError("Missing response_type in request.")


class _Request(OAuth2Request):
    def __init__(self, method: str, uri: str, parameters: Mapping[str, str], authorization: str) -> None:
        super().__init__(method, uri, headers={"Authorization": authorization})
        self.payload = BasicOAuth2Payload(dict(parameters))
        self._form = dict(parameters)

    @property
    def form(self) -> dict[str, str]:
        return self._form


def _authenticate_basic(query_client: Callable[[str], Any], request: OAuth2Request) -> Any:
    # RFC 6749 2.3.1: id and secret are form-urlencoded before they are joined; Authlib only undoes the percent signs.
    scheme, _, encoded = (request.headers or {}).get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    client = query_client(unquote_plus(client_id))
    return client if client and client.check_client_secret(unquote_plus(secret)) else None
