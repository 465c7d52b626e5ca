"""Discovery documents with an unusual status or values of the wrong type."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from genkan.providers.oidc import oidc
from tests.clock import FrozenClock
from tests.core import make_core

ISSUER = "https://id.example.test"
DOCUMENT = {
    "issuer": ISSUER,
    **{name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")},
}
PROVIDER = replace(oidc, issuer=ISSUER)


@pytest.mark.parametrize("status", [201, 204, 206, 299, 300, 304, 404, 500])
def test_only_status_200_is_accepted(clock: FrozenClock, status: int) -> None:
    body = json.dumps(DOCUMENT).encode()

    assert make_core(clock).oauth.discovery.metadata(PROVIDER, lambda _: (200, body)).issuer == ISSUER
    with pytest.raises(OSError, match=str(status)):
        make_core(clock).oauth.discovery.metadata(PROVIDER, lambda _: (status, body))


# requirement O8 (RFC 9207)
@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), (None, False), ("false", False), ("true", False), (1, False)]
)
def test_iss_is_required_only_if_the_metadata_value_is_true(clock: FrozenClock, value: object, expected: bool) -> None:
    body = json.dumps({**DOCUMENT, "authorization_response_iss_parameter_supported": value}).encode()

    metadata = make_core(clock).oauth.discovery.metadata(PROVIDER, lambda _: (200, body))

    assert metadata.authorization_response_iss_parameter_supported is expected
