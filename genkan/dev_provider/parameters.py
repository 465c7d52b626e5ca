"""What comes in to the development provider, before anybody believes it: single, bounded, no control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from genkan.dev_provider.users import PRESETS, DevUser, user_from_form

Parameters = Mapping[str, Sequence[str]]
"""A parsed query or form: every name with all the values it came with."""

MAX_VALUE = 8192
"""Characters; the longest honest value is one of our own tokens."""

MAX_REQUEST_VALUE = 512
"""Characters of what comes back in a URL: servers commonly refuse request lines over 4 kB."""

_AUTHORIZATION = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint", "request", "request_uri"),
)
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f]")


class InvalidRequest(Exception):
    """The request cannot be answered; the message says why in words that may be shown."""


class ExpiredRequest(InvalidRequest):
    """The page that was answered was sealed long ago, or elsewhere."""

    def __init__(self) -> None:
        super().__init__("This page is too old, or it was not made here. Go back to the application and start again.")


def single_values(parameters: Parameters) -> dict[str, str]:
    """Each parameter once; an empty one counts as absent (RFC 6749 3.1). Raises BadRequest."""
    values = {}
    for name, given in parameters.items():
        value = given[0]
        if len(given) > 1:
            raise InvalidRequest("The request repeats a parameter.")
        if len(name) + len(value) > MAX_VALUE:
            raise InvalidRequest("The request is too long.")
        if _UNUSABLE.search(name) or _UNUSABLE.search(value):
            raise InvalidRequest("The request has characters in it that belong nowhere.")
        if value:
            values[name] = value
    return values


def authorization_request(parameters: Parameters) -> dict[str, str]:
    """The parameters that an authorization request may have; others are passed over. Raises BadRequest."""
    values = single_values(parameters)
    request = {name: values[name] for name in _AUTHORIZATION if name in values}
    if any(len(value) > MAX_REQUEST_VALUE for value in request.values()):
        raise InvalidRequest("The request is too long.")
    return request


def selected_user(values: Mapping[str, str], issuer: str) -> DevUser | None:
    """Whom the form of the authorize page names; None if they refuse. Raises BadRequest and InvalidPerson."""
    choice = values.get("choice", "")
    if choice == "refuse":
        return None
    if choice == "typed":
        return user_from_form(values.get("name", ""), values.get("email", ""), values.get("picture", ""))
    if choice not in PRESETS:
        raise InvalidRequest("Nobody was chosen. Go back and pick somebody.")
    return PRESETS[choice].user(issuer)
