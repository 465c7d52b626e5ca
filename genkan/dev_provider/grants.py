"""Grants, PKCE, token generator and ID token for Authlib's authorization server, all without storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request, TokenMixin
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode, UserInfo

from genkan.crypto.sealer import Clock
from genkan.dev_provider.tokens import LIFETIMES, TokenIssuer, TokenKind
from genkan.dev_provider.users import Authentication

ALGORITHM = "ES256"


class RequireS256(CodeChallenge):
    # Authlib's `required` applies to public clients only. A request without a method means `plain` (RFC 7636, section 4.3).
    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with the method S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class _Code(AuthorizationCodeMixin):
    """Claims of a decoded authorization code, with the methods that Authlib calls."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self._claims = claims
        self.user = Authentication.from_claims(claims)
        self.code_challenge = claims["challenge"]
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return str(self._claims["redirect_uri"])

    def get_scope(self) -> str:
        return str(self._claims["scope"])

    def get_nonce(self) -> str | None:
        return self._claims.get("nonce")

    def get_auth_time(self) -> int:
        return self.user.auth_time


class CodeGrant(AuthorizationCodeGrant):
    def generate_authorization_code(self) -> str:
        request: Any = self.request
        data = request.payload.data
        claims = {
            **request.user.to_claims(),
            "scope": request.scope,
            "redirect_uri": data["redirect_uri"],
            "challenge": data["code_challenge"],
            "nonce": data.get("nonce"),
        }
        code: str = self.server.tokens.seal("code", claims)
        return code

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Store nothing, because the code contains all claims."""

    def query_authorization_code(self, code: str, client: ClientMixin) -> _Code | None:
        # The code is marked as used before the rest of the request is checked, so a failed request uses it up as well.
        claims = self.server.tokens.open("code", code)
        return _Code(claims) if claims and self.server.tokens.use_once(claims) else None

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """Do nothing, because the code is marked as used already."""

    def authenticate_user(self, authorization_code: _Code) -> Authentication:
        return authorization_code.user


class _RefreshToken(TokenMixin):
    """Claims of a decoded refresh token, with the methods that Authlib calls."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self.claims = claims

    def check_client(self, client: ClientMixin) -> bool:
        # There is one client only, and it has been authenticated before.
        return True

    def get_scope(self) -> str:
        return str(self.claims["scope"])


class RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AuthorizationCodeGrant.TOKEN_ENDPOINT_AUTH_METHODS

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        claims = self.server.tokens.open("refresh", refresh_token)
        return _RefreshToken(claims) if claims else None

    def authenticate_user(self, refresh_token: Any) -> Authentication:
        return Authentication.from_claims(refresh_token.claims)

    def issue_token(self, user: Authentication, refresh_token: Any) -> dict[str, str | int]:
        # RFC 6749, section 6: the new refresh token keeps the scope of the old one, also if the access token has less.
        old = {**user.to_claims(), "scope": refresh_token.get_scope()}
        return super().issue_token(user, refresh_token) | {"refresh_token": self.server.tokens.seal("refresh", old)}

    def revoke_old_credential(self, refresh_token: Any) -> None:
        # This is the last step, so a request that is refused for its scope does not use up the token. Of two concurrent
        # requests only one succeeds (RFC 9700, section 4.14.2).
        if not self.server.tokens.use_once(refresh_token.claims):
            raise InvalidGrantError("The refresh token was used before.")


class TokenGenerator(BearerTokenGenerator):
    def __init__(self, tokens: TokenIssuer) -> None:
        def generator(kind: TokenKind) -> Callable[..., str]:
            def generate(*, user: Authentication, scope: str, **_: Any) -> str:
                return tokens.seal(kind, {**user.to_claims(), "scope": scope})

            return generate

        super().__init__(generator("access"), generator("refresh"), lambda _client, _grant_type: LIFETIMES["access"])

    def generate(self, *args: Any, **kwargs: Any) -> dict[str, str | int]:
        token = super().generate(*args, **kwargs)
        # OIDC Core 11: only a request with the scope offline_access gets a refresh token.
        if "offline_access" not in str(token["scope"]).split():
            token.pop("refresh_token", None)
        return token


class IDToken(OpenIDCode):
    def __init__(self, issuer: str, key: Any, clock: Clock) -> None:
        super().__init__()
        self._issuer = issuer
        self._key = key
        self._clock = clock

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        # A code works once and contains its nonce, so a repeated nonce comes from the client itself.
        return False

    def resolve_client_private_key(self, client: Any) -> Any:
        return self._key

    def get_client_algorithm(self, client: Any) -> str:
        return ALGORITHM

    def get_encode_header(self, client: Any) -> dict[str, Any]:
        return {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        now = int(self._clock())
        return {"iss": self._issuer, "aud": client.get_client_id(), "iat": now, "exp": now + self.DEFAULT_EXPIRES_IN}

    def get_compatible_claims(self, request: OAuth2Request) -> dict[str, Any]:
        authentication: Any = request.user
        return super().get_compatible_claims(request) | {"auth_time": authentication.auth_time}

    def generate_user_info(self, user: Authentication, scope: str) -> UserInfo:
        return UserInfo(user.user.claims(scope))
