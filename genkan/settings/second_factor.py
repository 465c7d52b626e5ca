"""Settings for second factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from genkan.settings.urls import fail

_ROLE = re.compile(r"[A-Za-z0-9_-]{1,50}")


class SecondFactorSettings(NamedTuple):
    """Settings for second factors."""

    totp: bool = False
    """True if users may have an authenticator app as their second factor: AUTH_TOTP=on."""
    required: Literal["all"] | tuple[str, ...] = ()
    """The roles whose users need a second factor, or `all`: AUTH_MFA_REQUIRED."""


def second_factor(environ: Mapping[str, str]) -> SecondFactorSettings:
    """Return AUTH_TOTP and AUTH_MFA_REQUIRED. Raises ConfigurationError if one of them is invalid."""
    return SecondFactorSettings(_totp(environ), _mfa_required(environ))


def _totp(environ: Mapping[str, str]) -> bool:
    choice = environ.get("AUTH_TOTP", "off")
    if choice not in {"on", "off"}:
        fail("AUTH_TOTP", "it is neither on nor off", "Set it to one of them. The default is off")
    return choice == "on"


def _mfa_required(environ: Mapping[str, str]) -> Literal["all"] | tuple[str, ...]:
    name = "AUTH_MFA_REQUIRED"
    text = environ.get(name)
    if text is None:
        return ()
    if environ.get("AUTH_TOTP") != "on":
        fail(name, "users can't have a second factor, because AUTH_TOTP is off", "Set AUTH_TOTP=on as well")
    if text == "all":
        return "all"
    roles = tuple(role.strip() for role in text.split(","))
    if not all(_ROLE.fullmatch(role) for role in roles) or "all" in roles:
        fail(name, "it is neither all nor a list of roles", "Write it as all, or as admin,editor")
    return roles
