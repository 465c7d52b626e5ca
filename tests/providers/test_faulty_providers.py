"""Checks of the faulty provider: it is correct without a fault, and each fault has exactly its effect."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.limits import ConnectionFailed, Limits
from tests.servers import http_server
from tests.servers.faulty import faults
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.faulty.request_checks import UnacceptableRequest
from tests.tokens import id_tokens

CALLBACK = "http://127.0.0.1:5000/api/auth/callback/oidc"
VERIFIER = "v" * 43
STATE, NONCE = "s" * 43, "n" * 43


@pytest.fixture(name="op")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


def authorization_url(op: FaultyProvider, **changes: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    params = {
        "response_type": "code",
        "client_id": op.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": STATE,
        "nonce": NONCE,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{op.issuer}/authorize?{urlencode({**params, **changes})}"


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def basic_authorization(op: FaultyProvider) -> str:
    pair = f"{quote_plus(op.client_id)}:{quote_plus(op.client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def exchange(op: FaultyProvider, code: str, **changes: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    headers = {"Authorization": changes.pop("authorization", basic_authorization(op))}
    return requests.post(f"{op.issuer}/token", data={**form, **changes}, headers=headers, timeout=30)


def sign_in(op: FaultyProvider) -> dict[str, Any]:
    tokens: dict[str, Any] = exchange(op, query(op.authorize(authorization_url(op)))["code"]).json()
    return tokens


def decode(op: FaultyProvider, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(f"{op.issuer}/jwks", timeout=30).json())
    return jwt.decode(token, keys, algorithms=[op.algorithm]).claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_without_a_fault_it_is_a_correct_provider(algorithm: Any) -> None:
    with FaultyProvider(algorithm=algorithm, clock=lambda: 1_800_000_000.0) as op:
        params = query(op.authorize(authorization_url(op)))
        tokens = exchange(op, params["code"]).json()
        claims = decode(op, tokens["id_token"])
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        userinfo = requests.get(f"{op.issuer}/userinfo", headers=bearer, timeout=30).json()
        discovered = requests.get(f"{op.issuer}/.well-known/openid-configuration", timeout=30).json()

    assert (params["state"], params["iss"]) == (STATE, op.issuer)
    assert claims["iss"] == discovered["issuer"] == op.issuer
    assert (claims["aud"], claims["nonce"], claims["iat"]) == (op.client_id, NONCE, 1_800_000_000)
    assert userinfo == {name: claims[name] for name in userinfo} == dict(faults.DEFAULT_CLAIMS)
    assert [call.authorization for call in op.calls if call.path in {"/token", "/userinfo"}] == ["Basic", "Bearer"]
    assert (op.count("/token"), op.exchanges) == (1, [params["code"]])


def test_its_authorization_page_redirects_immediately(op: FaultyProvider) -> None:
    response = requests.get(authorization_url(op), allow_redirects=False, timeout=30)

    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{CALLBACK}?code=")


def test_a_code_works_once(op: FaultyProvider) -> None:
    code = query(op.authorize(authorization_url(op)))["code"]

    assert exchange(op, code).status_code == 200
    assert exchange(op, code).json() == {"error": "invalid_grant"}
    assert op.codes == [code, code]
    assert op.exchanges == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"state": "short"},
        {"nonce": ""},
        {"scope": "email"},
        {"response_type": "token"},
        {"client_id": "another"},
        {"redirect_uri": "https://attacker.example/"},
    ],
)
def test_an_incomplete_authorization_request_is_refused(op: FaultyProvider, changes: dict[str, str]) -> None:
    url = authorization_url(op, **changes)

    with pytest.raises(UnacceptableRequest):
        op.authorize(url)
    assert requests.get(url, timeout=30).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": "Basic " + base64.b64encode(b"genkan:tests:a:b%c&+/").decode()},
        {"authorization": ""},
        {"client_secret": "a:b%c&+/"},
        {"code_verifier": "w" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": CALLBACK + "/"},
    ],
)
def test_an_incorrect_token_request_is_refused(op: FaultyProvider, changes: dict[str, str]) -> None:
    code = query(op.authorize(authorization_url(op)))["code"]

    assert exchange(op, code, **changes).status_code in {400, 401}
    assert op.exchanges == []


@pytest.mark.parametrize("fault", faults.ID_TOKEN)
def test_each_id_token_fault_changes_the_token(op: FaultyProvider, fault: Any) -> None:
    valid = sign_in(op)["id_token"]
    op.faults.id_token = fault
    wrong = sign_in(op)["id_token"]

    parts = [token.split(".")[:2] for token in (valid, wrong)]
    stable = [{k: v for k, v in claims_of(part[1]).items() if k not in {"iat", "exp", "auth_time"}} for part in parts]
    changed = parts[0][0] != parts[1][0] or stable[0].keys() != stable[1].keys()
    assert changed or stable[0] != stable[1] or signature_fails(op, wrong)


def claims_of(segment: str) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(segment + "=="))
    except ValueError:
        return {"unreadable": True}
    # The claim at_hash is new in each token.
    return dict(claims[0] if isinstance(claims, list) else claims)


def signature_fails(op: FaultyProvider, token: str) -> bool:
    try:
        decode(op, token)
    except JoseError as error:
        return "signature" in str(error)
    return False


def test_every_fault_name_has_an_implementation() -> None:
    assert set(faults.ID_TOKEN) == {*id_tokens._CLAIMS, *id_tokens._SIGNATURES}
    assert set(faults.TRANSPORT) == set(http_server.FAULTS)


@pytest.mark.parametrize("fault", [name for name in faults.TRANSPORT if name not in {"hang", "drip", "drip-headers"}])
def test_each_transport_fault_changes_the_response(op: FaultyProvider, fault: Any) -> None:
    url = f"{op.issuer}/.well-known/openid-configuration"
    valid = requests.get(url, timeout=30).json()
    op.faults.discovery = fault
    try:
        response = requests.get(url, allow_redirects=False, timeout=30)
        intact = response.ok and response.json() == valid and len(response.content) < 1_000_000
    except (requests.RequestException, RecursionError):
        intact = False
    op.faults.discovery = None

    assert not intact
    assert requests.get(url, timeout=30).json() == valid


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
def test_it_stops_while_a_client_is_waiting(fault: Any) -> None:
    with FaultyProvider() as op, requests.Session() as session:
        mount_adapters(session, limits=Limits(0.3, 0.3))
        op.faults.jwks = fault
        with pytest.raises(ConnectionFailed):
            session.get(f"{op.issuer}/jwks")

    assert op.count("/jwks") == 1


def test_keys_rotate_and_are_withdrawn(op: FaultyProvider) -> None:
    first = sign_in(op)["id_token"]
    op.rotate()
    assert decode(op, sign_in(op)["id_token"])
    assert decode(op, first)
    op.rotate(keep_kid=True)
    assert decode(op, sign_in(op)["id_token"])
    op.withdraw()
    with pytest.raises(JoseError, match="kid"):
        decode(op, sign_in(op)["id_token"])


def test_it_stops_and_restarts_with_the_same_url(op: FaultyProvider) -> None:
    with op.down(), pytest.raises(requests.ConnectionError):
        requests.get(f"{op.issuer}/jwks", timeout=30)

    assert requests.get(f"{op.issuer}/jwks", timeout=30).ok


@pytest.mark.parametrize("fault", faults.CALLBACK)
def test_each_callback_fault_changes_the_callback(op: FaultyProvider, fault: Any) -> None:
    op.faults.callback = fault
    url = op.authorize(authorization_url(op))
    params = parse_qs(urlsplit(url).query)

    valid = {name for name in ("code", "state", "iss") if len(params.get(name, ())) == 1}
    wrong = params.get("state") != [STATE] or params.get("iss") != [op.issuer]
    assert valid != {"code", "state", "iss"} or wrong


@pytest.mark.parametrize("fault", faults.MALFORMED_CLAIMS)
def test_unusual_claims_are_sent_unchanged(op: FaultyProvider, fault: str) -> None:
    op.faults.claims = fault
    tokens = sign_in(op)
    claims = claims_of(tokens["id_token"].split(".")[1])

    for name, value in faults.MALFORMED_CLAIMS[fault].items():
        assert claims.get(name) == value
