"""The development identity provider: a real OpenID provider beside the application, where anybody may be anybody.

It needs no keys, no storage of its own and no network, and works across workers: whatever it hands out is sealed
under keys derived from the application's secret.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from genkan.crypto.jose import hkdf, verify
from genkan.crypto.sealer import Clock
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

PATH = "/development"
CLIENT_ID = "genkan-development"


class DevelopmentProvider:
    """What the routes below /development answer, in neutral terms.

    `url` is the application's origin, `spend` tells whether an id is new (see `Spend`). Raises ConfigurationError
    in production and for an origin that others can reach: this provider vouches for whoever asks.
    """

    def __init__(
        self, url: str, secret: str, spend: UseOnce, clock: Clock = time.time, *, production: bool = False
    ) -> None:
        _refuse_in_the_open(url, production)
        self.url = url
        self.issuer = url + PATH
        self.client_id = CLIENT_ID
        self.client_secret = base64.urlsafe_b64encode(_derive(secret, "client secret")).decode().rstrip("=")
        self.redirect_uri = f"{url}/api/auth/callback/development"
        self._clock = clock
        self._vault = TokenIssuer(secret, spend, clock)
        client = Client(self.client_id, self.client_secret, self.redirect_uri)
        self._server = Server(self.issuer, client, self._vault, _derive(secret, "signing key"))

    def metadata(self) -> ActionResponse:
        """The discovery document (OpenID Connect Discovery 1.0 section 3)."""
        endpoints = {
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end-session",
        }
        return ActionResponse(body={"issuer": self.issuer, **endpoints, **_CAPABILITIES})

    def jwks(self) -> ActionResponse:
        """The key that ID tokens are signed with."""
        return ActionResponse(body=self._server.jwks())

    def authorize(self, parameters: Parameters) -> ActionResponse:
        """The page to choose a person on, or what is wrong with the client's request.

        The client hears of it by redirect, unless it is the client or the redirect URI that is wrong: then only
        the person in front of the screen does (RFC 6749 4.1.2.1).
        """
        try:
            request = authorization_request(parameters)
            self._check_client(request)
        except InvalidRequest as error:
            return _refusal(error)
        refused = self._server.validate(request)
        return refused or self._question(request)

    def authorize_submit(self, form: Parameters) -> ActionResponse:
        """The redirect back to the client with a code, or with `access_denied`; the page again if it makes no sense."""
        try:
            values = single_values(form)
            request = self._sealed_request(values)
            person = selected_user(values, self.issuer)
        except InvalidUser as error:
            return self._question(request, values, str(error))
        except InvalidRequest as error:
            return _refusal(error)
        signed_in = None if person is None else Authentication(person, int(self._clock()))
        return self._server.authorize(request, signed_in)

    def token(self, form: Parameters, authorization: str) -> ActionResponse:
        """The token endpoint's JSON (RFC 6749 5): tokens for a code or a refresh token, each good once."""
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
        """The claims that the access token in the Authorization header gives a right to (OIDC Core 5.3)."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            # RFC 6750 3.1: no error code for somebody who has not tried to authenticate.
            return ActionResponse(
                401, body={"error": "unauthorized"}, headers={"WWW-Authenticate": 'Bearer realm="development"'}
            )
        claims = self._vault.open("access", token.strip())
        if claims is None:
            challenge = 'Bearer realm="development", error="invalid_token"'
            return ActionResponse(401, body={"error": "invalid_token"}, headers={"WWW-Authenticate": challenge})
        return ActionResponse(body=Authentication.from_claims(claims).user.claims(claims["scope"]))

    def end_session_page(self, parameters: Parameters) -> ActionResponse:
        """The page that asks whether to sign out here too (RP-Initiated Logout 1.0 section 2)."""
        try:
            target = self._after_end(single_values(parameters))
        except InvalidRequest as error:
            return _refusal(error)
        return ActionResponse(
            template=Template(
                "genkan/development/end_session.html", {"sealed": self._vault.seal("end", {"target": target})}
            )
        )

    def end_session(self, form: Parameters) -> ActionResponse:
        """The redirect that was asked for, once somebody has confirmed it; a client may also ask by POST."""
        token = form.get("confirmed", [""])[0]
        if not token:
            return self.end_session_page(form)
        claims = self._vault.open("end", token)
        if claims is None:
            return _refusal(ExpiredRequest())
        if claims["target"]:
            return ActionResponse(303, location=claims["target"])
        return ActionResponse(template=Template("genkan/development/session_ended.html"))

    def _check_client(self, request: Mapping[str, str]) -> None:
        if request.get("client_id") != self.client_id:
            raise InvalidRequest("The request does not come from a client that this provider knows (client_id).")
        if request.get("redirect_uri") != self.redirect_uri:
            raise InvalidRequest(
                "The request would send you to an address that the client has not registered (redirect_uri)."
            )

    def _question(
        self, request: Mapping[str, str], values: Mapping[str, str] | None = None, error: str = ""
    ) -> ActionResponse:
        context = {
            "sealed": self._vault.seal("request", {"parameters": dict(request)}),
            "preset_users": tuple(PRESETS.values()),
            "values": values or {"email": request.get("login_hint", "")},
            "error": error,
        }
        return ActionResponse(400 if error else 200, template=Template("genkan/development/authorize.html", context))

    def _sealed_request(self, values: Mapping[str, str]) -> dict[str, str]:
        claims = self._vault.open("request", values.get("request", ""))
        if claims is None:
            raise ExpiredRequest
        parameters: dict[str, str] = claims["parameters"]
        return parameters

    def _after_end(self, values: Mapping[str, str]) -> str | None:
        self._check_hint(values)
        target = values.get("post_logout_redirect_uri")
        if target is None:
            return None
        url = same_origin_url(target, self.url)
        if url is None:
            raise InvalidRequest("The request would send you to another site (post_logout_redirect_uri).")
        if not values.keys() & {"id_token_hint", "client_id"}:
            return None
        return with_parameters(url, {"state": values["state"]}) if "state" in values else url

    def _check_hint(self, values: Mapping[str, str]) -> None:
        if values.get("client_id", self.client_id) != self.client_id:
            raise InvalidRequest("The request does not come from a client that this provider knows (client_id).")
        if "id_token_hint" not in values:
            return
        try:
            claims, _ = verify(values["id_token_hint"], self._server.jwks()["keys"], [ALGORITHM])
        except TokenError as error:
            raise InvalidRequest("The ID token in the request is not one of ours (id_token_hint).") from error
        # It may well have expired: somebody who signs out has often been away (RP-Initiated Logout 1.0 section 2).
        if (claims.get("iss"), claims.get("aud")) != (self.issuer, self.client_id):
            raise InvalidRequest("The ID token in the request was made for somebody else (id_token_hint).")


_CAPABILITIES: Mapping[str, Any] = {
    "scopes_supported": list(SCOPES),
    "claims_supported": ["sub", "email", "email_verified", "name", "picture", "auth_time", "at_hash", "nonce"],
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "subject_types_supported": ["public"],
    # Discovery section 3 wants RS256 in every list; the only client there is takes what is offered.
    "id_token_signing_alg_values_supported": [ALGORITHM],
    "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
    "code_challenge_methods_supported": ["S256"],
    "prompt_values_supported": ["login", "consent", "select_account"],
    "authorization_response_iss_parameter_supported": True,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
}


def _refuse_in_the_open(url: str, production: bool) -> None:
    if production:
        raise ConfigurationError(
            "The development identity provider lets anybody be anybody and is never on in production: "
            "set AUTH_DEVELOPMENT_PROVIDER=off."
        )
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise ConfigurationError(
            "The development identity provider lets anybody be anybody, so it is on for a loopback address only: "
            "set AUTH_DEVELOPMENT_PROVIDER=off, or AUTH_URL to one such as http://127.0.0.1:5000."
        )


def _derive(secret: str, purpose: str) -> bytes:
    return hkdf(secret, salt="genkan.dev_provider", info=f"Genkan development provider: {purpose}", length=48)


def _refusal(error: InvalidRequest) -> ActionResponse:
    return ActionResponse(400, template=Template("genkan/development/error.html", {"message": str(error)}))
