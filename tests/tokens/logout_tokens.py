"""Logout tokens (Back-Channel Logout 1.0), right, and wrong in whatever way a test says."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.id_tokens import Draft

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TWO_MINUTES = 120

_names = itertools.count(1)


def draft(
    op: FaultyProvider, now: float | None = None, header: Mapping[str, object] | None = None, **changes: Any
) -> Draft:
    """A logout token of this provider for us, about to be signed; a claim or header changed to `...` is left out."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": op.issuer,
        "aud": op.client_id,
        "iat": issued,
        "exp": issued + TWO_MINUTES,
        "jti": f"logout-{next(_names)}",
        "events": {EVENT: {}},
        **changes,
    }
    head = {"alg": op.signer.algorithm, "kid": op.signer.kid, "typ": "logout+jwt", **(header or {})}
    return Draft(_given(head), _given(claims), op.signer)


def logout_token(op: FaultyProvider, now: float | None = None, **changes: Any) -> str:
    """The same, signed."""
    return draft(op, now, **changes).signed()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not ...}
