"""What a provider's metadata says is taken at its word only where the word is the right one (O5, O9, RFC 9207)."""

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
def test_only_a_plain_yes_brings_a_document(clock: FrozenClock, status: int) -> None:
    body = json.dumps(DOCUMENT).encode()

    assert make_core(clock).oauth.discovery.metadata(PROVIDER, lambda _: (200, body)).issuer == ISSUER
    with pytest.raises(OSError, match=str(status)):
        make_core(clock).oauth.discovery.metadata(PROVIDER, lambda _: (status, body))


@pytest.mark.parametrize(
    ("said", "promises"), [(True, True), (False, False), (None, False), ("false", False), ("true", False), (1, False)]
)
def test_an_issuer_is_missed_in_an_answer_only_where_it_was_promised(
    clock: FrozenClock, said: object, promises: bool
) -> None:
    body = json.dumps({**DOCUMENT, "authorization_response_iss_parameter_supported": said}).encode()

    assert (
        make_core(clock)
        .oauth.discovery.metadata(PROVIDER, lambda _: (200, body))
        .authorization_response_iss_parameter_supported
        is promises
    )
