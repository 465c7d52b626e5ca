"""The parts of sign-in with passkeys."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from genkan.adapters.passkeys import PasskeyStore
from genkan.passkey.challenges import Challenges


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeySignIn:
    """Sign-in with passkeys of one application."""

    store: PasskeyStore
    challenges: Challenges
    rp_id: str
    """The domain that passkeys are bound to: the host of the origin or a parent of it. Passkeys are lost if it changes."""


def rp_id_of(origin: str) -> str | None:
    """Return the host of an origin. None where browsers have no passkeys: for IP addresses, and for http but on
    localhost."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_local = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "https" and not is_local:
        return None
    try:
        ip_address(host)
    except ValueError:
        return host
    return None
