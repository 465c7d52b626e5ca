"""Token responses (RFC 6749 5.1). What is optional in them never fails a sign-in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genkan.errors import ProviderError
from genkan.strict_json import is_number

MAX_SECONDS = 2**53
"""A longer lifetime, and a later moment, is left out."""

_DECIMAL = re.compile(r"[0-9]{1,16}(\.[0-9]{0,16})?")


def normalize(response: Any) -> Any:
    """Let `response.json()` return what was sent, with `expires_in` and `expires_at` as whole seconds.

    Members that are null, malformed times and an empty `error` are left out. Authlib raises an error for a fraction, and
    for every `error`.
    """
    read = response.json

    def json(**_: object) -> Any:
        document = read()
        return _normalized(document) if isinstance(document, dict) else document

    response.json = json
    return response


def check_token_response(tokens: Mapping[str, Any]) -> dict[str, Any]:
    """Return the token response. Raises ProviderError if it has no bearer token. Without a `token_type` it is one."""
    access_token, token_type = tokens.get("access_token"), tokens.get("token_type") or "bearer"
    if not isinstance(access_token, str) or not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ProviderError("no bearer token in the token response")
    return dict(tokens)


def expires_at(response: Mapping[str, Any], now: float) -> int | None:
    """Return when the access token of a token response expires, in seconds since 1970. None if that is not said."""
    # By our clock. Authlib's `expires_at` counts if the response has no `expires_in`.
    seconds = response.get("expires_in")
    return int(now) + int(seconds) if seconds else response.get("expires_at")


def _normalized(document: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: _seconds(document.get(name)) for name in ("expires_in", "expires_at")}
    sent = {name: value for name, value in {**document, **times}.items() if value is not None}
    return {name: value for name, value in sent.items() if name != "error" or value}


def _seconds(value: object) -> int | None:
    number = float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()) else value
    return int(number) if is_number(number) and 0 < number < MAX_SECONDS else None
