"""Authorization and token endpoint of the development provider, built on Authlib, strict and stateless."""

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
    """The only client of the provider: the application itself."""

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
        """Return the known scopes of `scope`, or None without `openid`. Unknown scopes are ignored (OIDC Core 3.1.2.1)."""
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
    """Authorization server for one client. It takes parsed parameters, each given once, and returns `ActionResponse`s."""

    def __init__(self, issuer: str, client: Client, tokens: TokenIssuer, seed: bytes) -> None:
        super().__init__()
        self.issuer = issuer
        self.client = client
        self.tokens = tokens
        self.key = ec_key_from_bytes(seed)
        id_token = IDToken(issuer, self.key, self.tokens.clock)
        self.register_token_generator("default", TokenGenerator(self.tokens))
        self.register_client_auth_method("client_secret_basic", _authenticate_basic)
        self.register_grant(CodeGrant, [RequireS256(), id_token])
        self.register_grant(RefreshGrant, [id_token])

    def validate(self, parameters: Mapping[str, str]) -> ActionResponse | None:
        """Return None for a valid authorization request, else the error redirect to the client.

        The caller must have checked the client and the redirect URI before (RFC 6749, section 4.1.2.1).
        """
        request = self._request("GET", parameters)
        try:
            _refuse_unsupported(parameters)
            check: Any = self.get_consent_grant
            check(request)
        except OAuth2Error as error:
            error.state = parameters.get("state")
            error.redirect_uri = self.client.redirect_uri
            return self._add_issuer(self.handle_error_response(request, error))
        return None

    def authorize(self, parameters: Mapping[str, str], user: Authentication | None) -> ActionResponse:
        """Return the redirect to the client, with a code for `user` or `access_denied` for None."""
        request = self._request("POST", parameters)
        grant = self.get_authorization_grant(request)
        return self._add_issuer(self.create_authorization_response(request, user, grant))

    def token(self, parameters: Mapping[str, str], authorization: str) -> ActionResponse:
        """Return the token endpoint's response to a form and an Authorization header. Raises AdapterError."""
        return cast("ActionResponse", self.create_token_response(self._request("POST", parameters, authorization)))

    def jwks(self) -> dict[str, Any]:
        """Return the public signing key as a JWK set."""
        return public_jwks(self.key)

    def query_client(self, client_id: str) -> Any:
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: Any, request: OAuth2Request) -> None:
        """Store nothing, because the tokens contain all claims."""

    def send_signal(self, name: Any, *args: object, **kwargs: object) -> None:
        """Send no signal, because nothing listens to Authlib's signals here."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        parsed: OAuth2Request = request
        return parsed

    def handle_response(self, status: int, body: Any, headers: Any) -> ActionResponse:
        """Convert Authlib's response. Redirects get status 303, because they follow a POST (RFC 9700, section 4.12)."""
        fields = dict(headers)
        if location := fields.pop("Location", None):
            return ActionResponse(303, location=location)
        return ActionResponse(status, body=body, headers=fields)

    def _request(self, method: str, parameters: Mapping[str, str], authorization: str = "") -> OAuth2Request:
        return _Request(method, self.issuer, parameters, authorization)

    def _add_issuer(self, response: object) -> ActionResponse:
        # RFC 9207, section 2: every authorization response names its issuer, also an error.
        reply = cast("ActionResponse", response)
        return replace(reply, location=with_parameters(reply.location or "", {"iss": self.issuer}))


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Return `url` with `parameters` added to its query."""
    return str(add_params_to_uri(url, dict(parameters)))


def _refuse_unsupported(parameters: Mapping[str, str]) -> None:
    # OIDC Core 6.1 and 6.2 define these errors for request objects, which the discovery document declares unsupported.
    for name in ("request", "request_uri"):
        if name in parameters:
            raise OAuth2Error(error=f"{name}_not_supported")
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("Only the response mode query is supported.")
    # Authlib quotes an unknown type in its error message and fails for characters that a message must not contain.
    if parameters.get("response_type", "code") != "code":
        raise OAuth2Error(error="unsupported_response_type")
    # The user is asked on every request, so every valid max_age is met.
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
    # RFC 6749, section 2.3.1: id and secret are form-urlencoded before they are joined. Authlib decodes the percent signs only.
    scheme, _, encoded = (request.headers or {}).get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    client = query_client(unquote_plus(client_id))
    return client if client and client.check_client_secret(unquote_plus(secret)) else None
