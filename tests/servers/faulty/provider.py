"""OpenID provider over HTTP. It is strict and correct unless a test sets a fault.

    with FaultyProvider() as op:
        op.faults.token = "html"
        callback_url = op.authorize(authorization_url)

It requires PKCE by S256, codes that are used once, one method of client authentication with form-encoded id and
secret (RFC 6749 section 2.3.1), and registered redirect URIs. It records every request.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.servers.faulty.faults import DEFAULT_CLAIMS, MALFORMED_CLAIMS, SCRIPT, TRANSPORT, Faults
from tests.servers.faulty.request_checks import UnacceptableRequest, authenticates, check_authorization, verifies
from tests.servers.faulty.userinfo import userinfo_response
from tests.servers.http_server import Call, CannedResponse, Server
from tests.tokens.id_tokens import ELSEWHERE, faulty, valid
from tests.tokens.metadata import key_set, metadata
from tests.tokens.signing import Algorithm, at_hash, key

Refreshing = Literal["rotate", "keep", "silent"]


@dataclass(frozen=True, slots=True)
class Grant:
    """Data of an authorization code."""

    redirect_uri: str
    challenge: str
    nonce: str | None
    claims: dict[str, Any]


class FaultyProvider:
    """OpenID provider, started and stopped by `with`. Its attributes can be changed at any time."""

    client_id = "genkan:tests"
    client_secret = "a:b%c&+/"
    """Secret that is wrong unless it is form-encoded before it is joined with the id."""

    def __init__(self, *, algorithm: Algorithm = "RS256", clock: Callable[[], float] = time.time) -> None:
        self.faults = Faults()
        self.claims: dict[str, Any] = dict(DEFAULT_CLAIMS)
        self.claims_in: Literal["both", "id_token", "userinfo"] = "both"
        self.client_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
        self.expires_in = 3600
        self.padding = 0
        """Additional characters of each access token."""
        self.refreshing: Refreshing | None = None
        """None issues no refresh tokens. `rotate` issues a new one for each. `keep` sends the same one again. `silent`
        omits it from the response and keeps it valid."""
        self.refreshed_claims: dict[str, Any] = {}
        """Claims of the ID token of a refresh that differ from the first ID token."""
        self.refreshes: list[str] = []
        """Refresh tokens that the client sent."""
        self.redirect_uris: set[str] = set()
        """Registered redirect URIs. If it is empty, every URI on loopback is accepted."""
        self.skew = 0.0
        """Seconds by which the provider's clock is ahead."""
        self.before: dict[str, Callable[[], object]] = {}
        """Functions by path, called before a request for the path is handled."""
        self.algorithm: Algorithm = algorithm
        self.signer = key("first", algorithm)
        self.published = [self.signer]
        self.calls: list[Call] = []
        self.authorizations: list[dict[str, str]] = []
        self.codes: list[str] = []
        """Codes that the client sent to the token endpoint, replayed ones included."""
        self.exchanges: list[str] = []
        """Codes that were exchanged for tokens."""
        self._clock = clock
        self._rotations = itertools.count(1)
        self._grants: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._access: dict[str, dict[str, Any]] = {}
        self._server = Server(self._answer)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        if self._server.errors:
            raise self._server.errors[0]

    @property
    def issuer(self) -> str:
        """Return the issuer, which is the origin."""
        return f"http://127.0.0.1:{self._server.port}"

    def count(self, path: str) -> int:
        """Return the number of requests for the path."""
        return sum(call.path == path for call in self.calls)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections during the block."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()

    def rotate(self, *, keep_kid: bool = False) -> None:
        """Sign with a new key. It has a new kid beside the old key, or replaces the old key under the same kid."""
        old, new = self.signer, key(f"rotated-{next(self._rotations)}", self.algorithm)
        self.signer = replace(new, kid=old.kid) if keep_kid else new
        self.published = [self.signer] if keep_kid else [old, self.signer]

    def withdraw(self) -> None:
        """Publish another key only and keep signing with the old one, as an attacker with a stolen key does."""
        self.published = [key("successor", self.algorithm)]

    def publish_more(self) -> None:
        """Publish other keys before and after the signing key."""
        self.published = [key("before", self.algorithm), self.signer, key("after", self.algorithm)]

    def authorize(self, authorization_url: str, claims: Mapping[str, object] | None = None) -> str:
        """Consent as the default user, with `claims` replaced. Return the URL of the redirect to the client.

        Raises UnacceptableRequest for an invalid request.
        """
        if not authorization_url.startswith(f"{self.issuer}/authorize?"):
            raise UnacceptableRequest(f"not the authorization endpoint: {authorization_url.partition('?')[0]}")
        return self._consent(parse_qsl(urlsplit(authorization_url).query), claims or {})

    def _consent(self, pairs: Sequence[tuple[str, str]], claims: Mapping[str, object]) -> str:
        check_authorization(pairs, self.client_id, self.redirect_uris)
        params = dict(pairs)
        self.authorizations.append(params)
        code = secrets.token_urlsafe(32)
        grant = Grant(params["redirect_uri"], params["code_challenge"], params["nonce"], {**self.claims, **claims})
        self._grants[code] = grant
        back = _faulty_callback({"code": code, "state": params["state"], "iss": self.issuer}, self.faults.callback)
        return f"{grant.redirect_uri}?{urlencode(back)}"

    def _answer(self, call: Call) -> CannedResponse:
        self.calls.append(call)
        # The target of a redirect fault below /elsewhere/ answers without the fault, so that following it succeeds.
        path = call.path.removeprefix("/elsewhere")
        self.before.get(path, lambda: None)()
        respond, fault = self._endpoints().get(path, (_unknown, None))
        answer = respond(call)
        is_followed = path != call.path
        return answer if is_followed or fault not in TRANSPORT else replace(answer, fault=fault)

    def _endpoints(self) -> dict[str, tuple[Callable[[Call], CannedResponse], str | None]]:
        faults = self.faults
        return {
            "/.well-known/openid-configuration": (self._discovery, faults.discovery),
            "/authorize": (self._authorize_page, None),
            "/token": (self._token, faults.token),
            "/userinfo": (self._userinfo, faults.userinfo),
            "/jwks": (lambda _: CannedResponse.json(key_set(self.published, faults.jwks)), faults.jwks),
            "/attacker": (lambda _: CannedResponse.json(key_set([key("attacker", self.algorithm)], None)), None),
            "/end-session": (_end_session, None),
        }

    def _discovery(self, _: Call) -> CannedResponse:
        return CannedResponse.json(metadata(self.issuer, self.algorithm, self.client_auth, self.faults.discovery))

    def _authorize_page(self, call: Call) -> CannedResponse:
        try:
            return CannedResponse.redirect(self._consent(list(call.query.items()), {}))
        except UnacceptableRequest as error:
            return CannedResponse(str(error).encode(), 400, {"Content-Type": "text/plain"})

    def _token(self, call: Call) -> CannedResponse:
        if not authenticates(call, self.client_auth, self.client_id, self.client_secret):
            return CannedResponse.json({"error": "invalid_client"}, 401)
        if call.body.get("grant_type") == "refresh_token":
            return self._refreshed(call)
        code = call.body.get("code", "")
        self.codes.append(code)
        grant = self._grants.pop(code, None)
        fits = grant and grant.redirect_uri == call.body.get("redirect_uri")
        if not grant or not fits or not verifies(call.body.get("code_verifier", ""), grant.challenge):
            return CannedResponse.json({"error": "invalid_grant"}, 400)
        self.exchanges.append(code)
        return _faulty_token({**self._tokens(grant), **self._new_refresh_token(grant)}, self.faults.token)

    def _refreshed(self, call: Call) -> CannedResponse:
        presented = call.body.get("refresh_token", "")
        self.refreshes.append(presented)
        grant = self._refresh.pop(presented, None)
        if grant is None or "scope" in call.body:
            return CannedResponse.json({"error": "invalid_grant"}, 400)
        again = {"refresh_token": presented} if self.refreshing == "keep" else {}
        if self.refreshing == "rotate":
            again = self._new_refresh_token(grant)
        else:
            self._refresh[presented] = grant
        # The ID token of a refresh has no nonce, as the request had none (OpenID Connect Core section 12.2).
        refreshed = replace(grant, nonce=None, claims={**grant.claims, **self.refreshed_claims})
        return _faulty_token({**self._tokens(refreshed), **again}, self.faults.token)

    def _new_refresh_token(self, grant: Grant) -> dict[str, str]:
        if self.refreshing is None:
            return {}
        token = f"refresh-{secrets.token_urlsafe(16)}"
        self._refresh[token] = grant
        return {"refresh_token": token}

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        access_token, now = secrets.token_urlsafe(32) + "x" * self.padding, int(self._clock() + self.skew)
        odd = MALFORMED_CLAIMS[self.faults.claims] if self.faults.claims else {}
        user = {name: value for name, value in {**grant.claims, **odd}.items() if value is not None}
        self._access[access_token] = {"sub": user["sub"]} if self.claims_in == "id_token" else user
        claims = {"sub": user["sub"]} if self.claims_in == "userinfo" else user
        times = {"iat": now, "auth_time": now, "exp": now + 3600}
        audience = {"iss": self.issuer, "aud": self.client_id, "at_hash": at_hash(access_token)}
        audience |= {} if grant.nonce is None else {"nonce": grant.nonce}
        id_token = faulty(valid({**claims, **audience, **times}, self.signer), self.faults.id_token)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "id_token": id_token,
        }

    def _userinfo(self, call: Call) -> CannedResponse:
        claims = self._access.get((call.headers.get("Authorization") or "").removeprefix("Bearer "))
        fault = "401" if claims is None else self.faults.userinfo
        return userinfo_response(claims or {}, self.issuer, self.client_id, self.signer, fault)


def _faulty_callback(back: dict[str, str], fault: str | None) -> list[tuple[str, str]]:
    errors = {
        "access-denied": ("access_denied", "The user refused"),
        "server-error": ("server_error", "An error occurred"),
        "script-error": ("<script>", SCRIPT),
    }
    if fault in errors:
        error, description = errors[fault]
        back = {"error": error, "error_description": description, **{n: back[n] for n in ("state", "iss")}}
    wrong = {"wrong-iss": {"iss": ELSEWHERE}, "wrong-state": {"state": secrets.token_urlsafe(32)}}
    missing = (fault or "").removeprefix("missing-")
    pairs = [(name, value) for name, value in {**back, **wrong.get(fault or "", {})}.items() if name != missing]
    return [*pairs, ("code", "another")] if fault == "two-codes" else pairs


def _faulty_token(tokens: dict[str, Any], fault: str | None) -> CannedResponse:
    errors = {
        "invalid-grant": ("invalid_grant", 400),
        "invalid-client": ("invalid_client", 401),
        "error-200": ("x", 200),
    }
    if fault in errors:
        error, status = errors[fault]
        return CannedResponse.json({"error": error, "error_description": SCRIPT}, status)
    if fault == "html-error":
        return CannedResponse(SCRIPT.encode(), 400, {"Content-Type": "text/html"})
    missing = {"no-id-token": "id_token", "no-access-token": "access_token", "no-token-type": "token_type"}
    tokens.pop(missing.get(fault or "", ""), None)
    wrong: dict[str, dict[str, object]] = {
        "number-id-token": {"id_token": 7},
        "string-expires-in": {"expires_in": "3600"},
        "fraction-expires-in": {"expires_in": 3600.7},
        "text-expires-in": {"expires_in": "one hour"},
        "list-expires-in": {"expires_in": [3600], "expires_at": "2030-01-01T00:00:00Z"},
        "odd-case-token-type": {"token_type": "BEARER"},
        "null-members": dict.fromkeys(("error", "error_description", "refresh_token", "scope", "token_type")),
        "empty-error": {"error": "", "error_description": ""},
        "other-token-type": {"token_type": "DPoP"},
    }
    return CannedResponse.json({**tokens, **wrong.get(fault or "", {})})


def _unknown(_: Call) -> CannedResponse:
    return CannedResponse(status=404)


def _end_session(call: Call) -> CannedResponse:
    back = call.query.get("post_logout_redirect_uri")
    if not back:
        return CannedResponse(b"Signed out")
    state = {"state": call.query["state"]} if "state" in call.query else {}
    return CannedResponse.redirect(f"{back}?{urlencode(state)}" if state else back)
