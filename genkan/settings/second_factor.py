"""Settings for second factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from genkan.settings.urls import fail

_ROLE = re.compile(r"[A-Za-z0-9_-]{1,50}")


def totp(environ: Mapping[str, str]) -> bool:
    """Return True if AUTH_TOTP is on. Raises ConfigurationError if it is neither on nor off."""
    choice = environ.get("AUTH_TOTP", "off")
    if choice not in {"on", "off"}:
        fail("AUTH_TOTP", "it is neither on nor off", "Set it to one of them. The default is off")
    return choice == "on"


def mfa_required(environ: Mapping[str, str]) -> Literal["all"] | tuple[str, ...]:
    """Return the roles in AUTH_MFA_REQUIRED, or `all`. Empty if it is not set. Raises ConfigurationError if it is invalid."""
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
