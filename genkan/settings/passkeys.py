"""Settings for passkeys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from genkan.http.networks import parse_address
from genkan.settings.urls import fail

RP_ID = "AUTH_PASSKEY_RP_ID"


class PasskeySettings(NamedTuple):
    """Settings for passkeys."""

    is_on: bool = False
    """True if users may sign in with passkeys: AUTH_PASSKEYS=on."""
    rp_id: str | None = None
    """The domain that passkeys are bound to: AUTH_PASSKEY_RP_ID. None for the host of the application."""


def passkeys(environ: Mapping[str, str], url: str) -> PasskeySettings:
    """Return AUTH_PASSKEYS and AUTH_PASSKEY_RP_ID for the application at the origin `url`. Raises ConfigurationError."""
    choice = environ.get("AUTH_PASSKEYS", "off")
    if choice not in {"on", "off"}:
        fail("AUTH_PASSKEYS", "it is neither on nor off", "Set it to one of them. The default is off")
    return PasskeySettings(choice == "on", _rp_id(environ, url))


def _rp_id(environ: Mapping[str, str], url: str) -> str | None:
    if RP_ID not in environ:
        return None
    found, host = environ[RP_ID].lower(), urlsplit(url).hostname or ""
    # Browsers refuse a domain of one label, such as com, and every domain for an IP address.
    is_parent = "." in found and host.endswith(f".{found}") and parse_address(host) is None
    if found != host and not is_parent:
        problem = "it is neither the host of AUTH_URL nor a domain above it that can be registered"
        fail(RP_ID, problem, "Write it as app.example.com or example.com for https://app.example.com")
    return found
