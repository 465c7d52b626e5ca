"""URLs in discovery documents, and issuers that several tenants share."""

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
LOOPBACK = ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x", "HTTP://127.0.0.1/x"]
TENANT = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
SHARED = "https://login.microsoftonline.com/{tenantid}/v2.0"


@pytest.fixture(name="core")
def _core(clock: FrozenClock) -> Core:
    return make_core(clock)


def metadata_of(issuer: str, core: Core, **changes: object) -> Metadata:
    """Return the metadata read from a valid document with these changes."""
    document = {"issuer": issuer, **{name: f"{issuer}/{name}" for name in ENDPOINTS + OPTIONAL}, **changes}
    body = json.dumps(document).encode()
    return core.oauth.discovery.metadata(replace(oidc, issuer=issuer), lambda _: (200, body))


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("url", LOOPBACK)
def test_a_remote_issuer_cannot_name_a_loopback_endpoint(core: Core, name: str, url: str) -> None:
    with pytest.raises(ProviderError, match=name):
        metadata_of(ISSUER, core, **{name: url})


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("url", LOOPBACK)
def test_a_loopback_url_of_an_optional_endpoint_is_ignored(core: Core, name: str, url: str) -> None:
    assert getattr(metadata_of(ISSUER, core, **{name: url}), name) is None


def test_endpoints_on_the_host_of_the_issuer_are_accepted(core: Core) -> None:
    for issuer in (ISSUER, "http://127.0.0.1:9400", "http://localhost:9400/realms/one"):
        metadata = metadata_of(issuer, core)
        assert [getattr(metadata, name) for name in OPTIONAL] == [f"{issuer}/{name}" for name in OPTIONAL]


def test_endpoints_on_other_hosts_are_accepted_over_https(core: Core) -> None:
    keys = "https://keys.example.test/certs"

    assert metadata_of(ISSUER, core, jwks_uri=keys).jwks_uri == keys


def check_claims(**changes: Any) -> dict[str, Any]:
    """Check an ID token of a shared issuer with these changes. Return its claims. The value `...` removes a claim."""
    claims: dict[str, Any] = {
        "iss": SHARED.replace("{tenantid}", TENANT),
        "tid": TENANT,
        "aud": "client-1",
        "sub": "ann",
        "iat": int(START),
        "exp": int(START) + 3600,
        "nonce": "n",
        **changes,
    }
    signer = key("microsoft")
    present = {name: value for name, value in claims.items() if value is not ...}
    token = compact({"alg": "RS256", "kid": signer.kid}, present, signer.sign)
    provider = replace(microsoft_entra_id, client_id="client-1", client_secret="s")
    metadata = Metadata("https://a.example.test", "https://t.example.test", multi_tenant_issuer=SHARED)

    def keys(*, force_refresh: bool) -> list[dict[str, Any]]:
        return [] if force_refresh else [signer.public_jwk()]

    return check_id_token(provider, metadata, {"id_token": token, "access_token": "a"}, "n", keys, START)


def test_a_token_with_the_same_tenant_in_iss_and_tid_is_accepted() -> None:
    assert check_claims()["tid"] == TENANT


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
def test_a_token_with_a_missing_or_different_tenant_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="another issuer"):
        check_claims(**changes)


@pytest.mark.parametrize(
    ("issuer", "is_accepted"),
    [
        (SHARED.replace("{tenantid}", TENANT), True),
        (f"https://login.microsoftonline.com/{TENANT}/other", False),
        (f"https://login.microsoftonline.com/{TENANT}", False),
        (f"https://login.example.test/{TENANT}/v2.0", False),
    ],
)
def test_the_iss_of_an_authorization_response_must_match_around_the_tenant(issuer: str, is_accepted: bool) -> None:
    """RFC 9207. The tenant itself is only known from the ID token."""
    metadata = Metadata("https://a.example.test", "https://t.example.test", multi_tenant_issuer=SHARED)
    response = {"iss": issuer, "code": "c"}
    if is_accepted:
        assert _read_code(response, metadata) == "c"
    else:
        with pytest.raises(ProviderError, match="another issuer"):
            _read_code(response, metadata)
