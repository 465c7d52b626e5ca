"""Limits of a call to a provider, and the errors of one that breaks them. It imports no HTTP client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from genkan.http.urls import is_loopback

CONNECT_SECONDS = 3.0
"""Seconds to connect. A lost packet is sent again after one second, so a provider that takes longer is down."""

DEADLINE_SECONDS = 10.0
"""Seconds for a call, from waiting for its turn and the name look-up to the last byte of the body. Several calls of one
request share this time (`deadline`)."""


class OutboundError(OSError):
    """A call failed. The message has the host and the reason, never the path, the query or a secret."""


class ConnectionFailed(OutboundError):
    """No connection, no valid certificate, too slow, or too many calls at once. A later call may succeed."""


class ResponseTooLarge(OutboundError):
    """The response exceeds the size limit, compressed or decompressed."""


class UnexpectedRedirect(OutboundError):
    """The response is a redirect. Following it could send a client secret to another server (RFC 9700 4.12)."""


class URLNotAllowed(OutboundError):
    """The URL is neither https nor on loopback. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a call in seconds. A surrounding `deadline` may be shorter."""

    connect: float = CONNECT_SECONDS
    deadline: float = DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class Network:
    """The certificate authorities and the proxy for calls to other hosts. Only NO_PROXY comes from the environment here."""

    ca_bundle: str | None = None
    """File or folder of certificate authorities to trust in place of the built-in ones."""
    proxy: str | None = None
    """URL of the proxy for https. Loopback hosts and those in NO_PROXY are reached without it."""


def is_allowed_url(url: str) -> bool:
    """Return True for an https URL, or an http URL on loopback, without a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or not _PLAIN.fullmatch(url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash. URL parsers disagree about all other characters."""
