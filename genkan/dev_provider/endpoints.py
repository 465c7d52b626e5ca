"""Endpoints of the development identity provider, which signs in any user without a password.

It needs no configuration, no storage and no network. It works with several workers, because all of its tokens are
encrypted with keys derived from the application's secret.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from genkan.crypto.jose import hkdf, verify
from genkan.crypto.sealer import Clock
from genkan.dev_provider import CLIENT_ID, PATH
from genkan.dev_provider.authorization_server import AUTH_METHODS, SCOPES, Client, Server, with_parameters
from genkan.dev_provider.grants import ALGORITHM
from genkan.dev_provider.parameters import (
    ExpiredRequest,
    InvalidRequest,
    Parameters,
    authorization_request,
    selected_user,
    single_values,
)
from genkan.dev_provider.tokens import TokenIssuer, UseOnce
from genkan.dev_provider.users import PRESETS, Authentication, InvalidUser
from genkan.errors import AdapterError, ConfigurationError, TokenError
from genkan.http.messages import ActionResponse, Template
from genkan.http.urls import is_loopback, same_origin_url


class DevelopmentProvider:
    """OpenID provider whose methods return `ActionResponse`s for the routes below its path.

    `url` is the application's origin, and `path` the provider's path with its prefix. `redirect_uri` is that of its one
    client. `use_once` marks an id as used (see `UseOnce`). With `admits_private_peers`, the pages may be served to clients
    with a private IP address (see `gate.py`). Raises ConfigurationError in production and for an origin that is not
    loopback, because the provider does not authenticate its users.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        use_once: UseOnce,
        clock: Clock = time.time,
        *,
        path: str = PATH,
        redirect_uri: str | None = None,
        production: bool = False,
        admits_private_peers: bool = False,
    ) -> None:
        _require_loopback(url, production)
        self.url = url
        self.admits_private_peers = admits_private_peers
        self.issuer = url + path
        self.client_id = CLIENT_ID
        self.client_secret = base64.urlsafe_b64encode(_derive(secret, "client secret")).decode().rstrip("=")
        self.redirect_uri = redirect_uri or f"{url}/api/auth/callback/development"
        self._clock = clock
        self._tokens = TokenIssuer(secret, use_once, clock)
        client = Client(self.client_id, self.client_secret, self.redirect_uri)
        self._server = Server(self.issuer, client, self._tokens, _derive(secret, "signing key"))

    def metadata(self) -> ActionResponse:
        """Return the discovery document (OpenID Connect Discovery 1.0, section 3)."""
        endpoints = {
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end-session",
        }
        return ActionResponse(body={"issuer": self.issuer, **endpoints, **_CAPABILITIES})

    def jwks(self) -> ActionResponse:
        """Return the public key that verifies ID tokens."""
        return ActionResponse(body=self._server.jwks())

    def authorize(self, parameters: Parameters) -> ActionResponse:
        """Return the page to choose a user on, or an error.

        Errors are sent to the client by redirect. If the client or the redirect URI is invalid, an error page is shown
        instead (RFC 6749, section 4.1.2.1).
        """
        try:
            request = authorization_request(parameters)
            self._check_client(request)
        except InvalidRequest as error:
            return _error_page(error)
        error_redirect = self._server.validate(request)
        return error_redirect or self._authorize_page(request)

    def authorize_submit(self, form: Parameters) -> ActionResponse:
        """Return the redirect to the client with a code or `access_denied`, or the page again for invalid input."""
        try:
            values = single_values(form)
            request = self._decoded_request(values)
            user = selected_user(values, self.issuer)
        except InvalidUser as error:
            return self._authorize_page(request, values, str(error))
        except InvalidRequest as error:
            return _error_page(error)
        authentication = None if user is None else Authentication(user, int(self._clock()))
        return self._server.authorize(request, authentication)

    def token(self, form: Parameters, authorization: str) -> ActionResponse:
        """Return tokens for a code or a refresh token, each of which works once (RFC 6749, section 5)."""
        try:
            values = single_values(form)
            if "grant_type" not in values:
                raise InvalidRequest("The grant_type is missing.")
            return self._server.token(values, authorization)
        except InvalidRequest as error:
            return ActionResponse(400, body={"error": "invalid_request", "error_description": str(error)})
        except AdapterError:
            return ActionResponse(503, body={"error": "temporarily_unavailable"}, headers={"Retry-After": "5"})

    def userinfo(self, authorization: str) -> ActionResponse:
        """Return the claims for the access token in the Authorization header (OIDC Core 5.3)."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            # RFC 6750, section 3.1: a request without credentials gets no error code.
            return ActionResponse(
                401, body={"error": "unauthorized"}, headers={"WWW-Authenticate": 'Bearer realm="development"'}
            )
        claims = self._tokens.open("access", token.strip())
        if claims is None:
            challenge = 'Bearer realm="development", error="invalid_token"'
            return ActionResponse(401, body={"error": "invalid_token"}, headers={"WWW-Authenticate": challenge})
        return ActionResponse(body=Authentication.from_claims(claims).user.claims(claims["scope"]))

    def end_session_page(self, parameters: Parameters) -> ActionResponse:
        """Return the page that asks for confirmation of the sign-out (RP-Initiated Logout 1.0, section 2)."""
        try:
            target = self._post_logout_url(single_values(parameters))
        except InvalidRequest as error:
            return _error_page(error)
        return ActionResponse(
            template=Template(
                "genkan/development/end_session.html", {"sealed": self._tokens.seal("end", {"target": target})}
            )
        )

    def end_session(self, form: Parameters) -> ActionResponse:
        """Return the redirect after the user has confirmed. An unconfirmed POST gets the page that asks."""
        token = form.get("confirmed", [""])[0]
        if not token:
            return self.end_session_page(form)
        claims = self._tokens.open("end", token)
        if claims is None:
            return _error_page(ExpiredRequest())
        if claims["target"]:
            return ActionResponse(303, location=claims["target"])
        return ActionResponse(template=Template("genkan/development/session_ended.html"))

    def _check_client(self, request: Mapping[str, str]) -> None:
        if request.get("client_id") != self.client_id:
            raise InvalidRequest("The request does not come from a registered client (client_id).")
        if request.get("redirect_uri") != self.redirect_uri:
            raise InvalidRequest("The redirect URI is not registered (redirect_uri).")

    def _authorize_page(
        self, request: Mapping[str, str], values: Mapping[str, str] | None = None, error: str = ""
    ) -> ActionResponse:
        context = {
            "sealed": self._tokens.seal("request", {"parameters": dict(request)}),
            "preset_users": tuple(PRESETS.values()),
            "values": values or {"email": request.get("login_hint", "")},
            "error": error,
        }
        return ActionResponse(400 if error else 200, template=Template("genkan/development/authorize.html", context))

    def _decoded_request(self, values: Mapping[str, str]) -> dict[str, str]:
        claims = self._tokens.open("request", values.get("request", ""))
        if claims is None:
            raise ExpiredRequest
        parameters: dict[str, str] = claims["parameters"]
        return parameters

    def _post_logout_url(self, values: Mapping[str, str]) -> str | None:
        self._check_hint(values)
        target = values.get("post_logout_redirect_uri")
        if target is None:
            return None
        url = same_origin_url(target, self.url)
        if url is None:
            raise InvalidRequest("The URL to return to belongs to another site (post_logout_redirect_uri).")
        if not values.keys() & {"id_token_hint", "client_id"}:
            return None
        return with_parameters(url, {"state": values["state"]}) if "state" in values else url

    def _check_hint(self, values: Mapping[str, str]) -> None:
        if values.get("client_id", self.client_id) != self.client_id:
            raise InvalidRequest("The request does not come from a registered client (client_id).")
        if "id_token_hint" not in values:
            return
        try:
            claims, _ = verify(values["id_token_hint"], self._server.jwks()["keys"], [ALGORITHM])
        except TokenError as error:
            raise InvalidRequest("The ID token in the request was not issued here (id_token_hint).") from error
        # An expired ID token is accepted, because a session often outlives it (RP-Initiated Logout 1.0, section 2).
        if (claims.get("iss"), claims.get("aud")) != (self.issuer, self.client_id):
            raise InvalidRequest("The ID token in the request was issued for another client (id_token_hint).")


_CAPABILITIES: Mapping[str, Any] = {
    "scopes_supported": list(SCOPES),
    "claims_supported": ["sub", "email", "email_verified", "name", "picture", "auth_time", "at_hash", "nonce"],
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "subject_types_supported": ["public"],
    # Discovery section 3 requires RS256. The only client of this provider accepts ES256.
    "id_token_signing_alg_values_supported": [ALGORITHM],
    "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
    "code_challenge_methods_supported": ["S256"],
    "prompt_values_supported": ["login", "consent", "select_account"],
    "authorization_response_iss_parameter_supported": True,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
}


def _require_loopback(url: str, production: bool) -> None:
    if production:
        raise ConfigurationError(
            "The development identity provider signs in any user without a password, so it cannot run in production. "
            "Set AUTH_DEVELOPMENT_PROVIDER=off."
        )
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise ConfigurationError(
            "The development identity provider signs in any user without a password, so it needs a loopback address. "
            "Set AUTH_DEVELOPMENT_PROVIDER=off, or AUTH_URL to an address such as http://localhost:8000."
        )


def _derive(secret: str, purpose: str) -> bytes:
    return hkdf(secret, salt="genkan.dev_provider", info=f"Genkan development provider: {purpose}", length=48)


def _error_page(error: InvalidRequest) -> ActionResponse:
    return ActionResponse(400, template=Template("genkan/development/error.html", {"message": str(error)}))
