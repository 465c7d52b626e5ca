"""Logout tokens (OpenID Connect Back-Channel Logout 1.0), valid or with the changes of a test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from tests.servers.faulty.provider import FaultyProvider
from tests.tokens.id_tokens import Draft

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TWO_MINUTES = 120

_numbers = itertools.count(1)


def draft(
    op: FaultyProvider, now: float | None = None, header: Mapping[str, object] | None = None, **changes: Any
) -> Draft:
    """Return an unsigned logout token of this provider. A claim or header that is `...` is omitted."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": op.issuer,
        "aud": op.client_id,
        "iat": issued,
        "exp": issued + TWO_MINUTES,
        "jti": f"logout-{next(_numbers)}",
        "events": {EVENT: {}},
        **changes,
    }
    head = {"alg": op.signer.algorithm, "kid": op.signer.kid, "typ": "logout+jwt", **(header or {})}
    return Draft(_without_omitted(head), _without_omitted(claims), op.signer)


def logout_token(op: FaultyProvider, now: float | None = None, **changes: Any) -> str:
    """Return a signed logout token of this provider. A claim that is `...` is omitted."""
    return draft(op, now, **changes).signed()


def _without_omitted(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not ...}
