"""What a discovery document may name, and whose ID tokens an issuer that tenants share may give."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from genkan.core import Core
from genkan.errors import ProviderError
from genkan.oauth.client import _read_code
from genkan.oauth.discovery import Metadata
from genkan.oauth.id_token import check_id_token
from genkan.providers.microsoft_entra_id import microsoft_entra_id
from genkan.providers.oidc import oidc
from tests.clock import START, FrozenClock
from tests.core import make_core
from tests.tokens.signing import compact, key

ISSUER = "https://id.example.test"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")
INSIDE = ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x", "HTTP://127.0.0.1/x"]
TENANT = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
SHARED = "https://login.microsoftonline.com/{tenantid}/v2.0"


@pytest.fixture(name="options")
def _options(clock: FrozenClock) -> Core:
    return make_core(clock)


def metadata_of(issuer: str, options: Core, **changes: object) -> Metadata:
    """What is made of an honest document with these changes."""
    document = {"issuer": issuer, **{name: f"{issuer}/{name}" for name in ENDPOINTS + OPTIONAL}, **changes}
    body = json.dumps(document).encode()
    return options.oauth.discovery.metadata(replace(oidc, issuer=issuer), lambda _url: (200, body))


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("inside", INSIDE)
def test_a_provider_out_there_cannot_send_us_to_our_own_loopback(options: Core, name: str, inside: str) -> None:
    with pytest.raises(ProviderError, match=name):
        metadata_of(ISSUER, options, **{name: inside})


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("inside", INSIDE)
def test_nor_with_what_it_need_not_name(options: Core, name: str, inside: str) -> None:
    assert getattr(metadata_of(ISSUER, options, **{name: inside}), name) is None


def test_an_honest_document_is_believed_wherever_its_issuer_lives(options: Core) -> None:
    for issuer in (ISSUER, "http://127.0.0.1:9400", "http://localhost:9400/realms/one"):
        metadata = metadata_of(issuer, options)
        assert [getattr(metadata, name) for name in OPTIONAL] == [f"{issuer}/{name}" for name in OPTIONAL]


def test_other_hosts_may_serve_an_issuers_endpoints_over_https(options: Core) -> None:
    keys = "https://keys.example.test/certs"

    assert metadata_of(ISSUER, options, jwks_uri=keys).jwks_uri == keys


def claims_of(**changes: Any) -> dict[str, Any]:
    """What an ID token of a shared issuer says, checked; a claim changed to `...` is left out."""
    claims: dict[str, Any] = {
        "iss": SHARED.replace("{tenantid}", TENANT),
        "tid": TENANT,
        "aud": "house",
        "sub": "ann",
        "iat": int(START),
        "exp": int(START) + 3600,
        "nonce": "n",
        **changes,
    }
    signer = key("microsoft")
    given = {name: value for name, value in claims.items() if value is not ...}
    token = compact({"alg": "RS256", "kid": signer.kid}, given, signer.sign)
    provider = replace(microsoft_entra_id, client_id="house", client_secret="s")
    metadata = Metadata("https://a.example.test", "https://t.example.test", multi_tenant_issuer=SHARED)

    def keys(*, force_refresh: bool) -> list[dict[str, Any]]:
        return [] if force_refresh else [signer.public_jwk()]

    return check_id_token(provider, metadata, {"id_token": token, "access_token": "a"}, "n", keys, START)


def test_a_tenant_whose_token_names_it_twice_alike_is_believed() -> None:
    assert claims_of()["tid"] == TENANT


@pytest.mark.parametrize(
    "changes",
    [
        {"tid": ...},
        {"tid": None},
        {"tid": ""},
        {"tid": 7},
        {"tid": [TENANT]},
        {"tid": "another-tenant"},
        {"tid": TENANT.replace("6", "7")},
        {"tid": f"{TENANT}\n"},
        {"tid": "{tenantid}", "iss": SHARED},
        {"tid": ..., "iss": SHARED},
        {"tid": None, "iss": SHARED.replace("{tenantid}", "None")},
        {"tid": "", "iss": SHARED.replace("{tenantid}", "")},
        {"tid": f"{TENANT}/v2.0/x", "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0/x/v2.0"},
        {"iss": ...},
        {"iss": "https://login.microsoftonline.com/common/v2.0"},
    ],
    ids=repr,
)
def test_a_token_that_does_not_say_which_tenant_it_is_from_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="another issuer"):
        claims_of(**changes)


@pytest.mark.parametrize(
    ("issuer", "is_believed"),
    [
        (SHARED.replace("{tenantid}", TENANT), True),
        (f"https://login.microsoftonline.com/{TENANT}/other", False),
        (f"https://login.microsoftonline.com/{TENANT}", False),
        (f"https://login.example.test/{TENANT}/v2.0", False),
    ],
)
def test_an_authorization_response_of_a_shared_issuer_names_it_before_and_behind_the_tenant(
    issuer: str, is_believed: bool
) -> None:
    """RFC 9207, where which tenant it is can be told by the ID token only."""
    metadata = Metadata("https://a.example.test", "https://t.example.test", multi_tenant_issuer=SHARED)
    answer = {"iss": issuer, "code": "c"}
    if is_believed:
        assert _read_code(answer, metadata) == "c"
    else:
        with pytest.raises(ProviderError, match="another issuer"):
            _read_code(answer, metadata)
