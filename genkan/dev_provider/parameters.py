"""Validation of the parameters that the development provider receives: each once, of limited length, no control
characters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from genkan.dev_provider.users import PRESETS, DevUser, user_from_form

Parameters = Mapping[str, Sequence[str]]
"""Parsed query or form: each name with all of its values."""

MAX_VALUE = 8192
"""Characters. The longest valid value is a token of this provider."""

MAX_REQUEST_VALUE = 512
"""Characters of a value that is sent back in a URL. Many servers refuse request lines over 4 kB."""

_AUTHORIZATION = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint", "request", "request_uri"),
)
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f]")


class InvalidRequest(Exception):
    """Invalid request. The message may be shown to the user."""


class ExpiredRequest(InvalidRequest):
    """The submitted page is too old or was not rendered here."""

    def __init__(self) -> None:
        super().__init__("This page has expired or is not ours. Go back to the application and start again.")


def single_values(parameters: Parameters) -> dict[str, str]:
    """Return one value for each parameter, without empty ones (RFC 6749, section 3.1). Raises InvalidRequest."""
    values = {}
    for name, all_values in parameters.items():
        value = all_values[0]
        if len(all_values) > 1:
            raise InvalidRequest("The request repeats a parameter.")
        if len(name) + len(value) > MAX_VALUE:
            raise InvalidRequest("The request is too long.")
        if _UNUSABLE.search(name) or _UNUSABLE.search(value):
            raise InvalidRequest("The request contains control characters.")
        if value:
            values[name] = value
    return values


def authorization_request(parameters: Parameters) -> dict[str, str]:
    """Return the known parameters of an authorization request. Raises InvalidRequest."""
    values = single_values(parameters)
    request = {name: values[name] for name in _AUTHORIZATION if name in values}
    if any(len(value) > MAX_REQUEST_VALUE for value in request.values()):
        raise InvalidRequest("The request is too long.")
    return request


def selected_user(values: Mapping[str, str], issuer: str) -> DevUser | None:
    """Return the user that was chosen on the authorize page, or None for a refusal. Raises InvalidRequest, InvalidUser."""
    choice = values.get("choice", "")
    if choice == "refuse":
        return None
    if choice == "typed":
        typed = (values.get(name, "") for name in ("name", "email", "picture"))
        return user_from_form(*typed, email_verified="unverified" not in values)
    if choice not in PRESETS:
        raise InvalidRequest("No user was chosen. Go back and choose one.")
    return PRESETS[choice].user(issuer)
