"""Conditions for the pages of the development provider: a browser on this computer, without a proxy in between.

The provider needs no password. A tunnel or a proxy in front of the server makes it reachable by others.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from genkan.http.urls import is_loopback, origin_of

Environ = Mapping[str, Any]

PRIVATE_NETWORKS: tuple[IPv4Network | IPv6Network, ...] = (
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
    IPv6Network("fc00::/7"),
)
"""Networks of containers, and of offices (RFC 1918, RFC 4193)."""

FORWARDED = (
    *("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_X_ORIGINAL_"),
    *("HTTP_CF_", "HTTP_CDN_LOOP", "HTTP_TRUE_CLIENT_IP", "HTTP_FASTLY_", "HTTP_FLY_", "HTTP_TAILSCALE_"),
    *("HTTP_X_ENVOY_", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_X_AMZN_", "HTTP_X_AZURE_", "HTTP_X_ARR_", "HTTP_X_NGROK_"),
)
"""Beginnings of the headers that proxies, tunnels and content delivery networks add."""


def is_local(environ: Environ, *, debug: bool, private: bool) -> bool:
    """Return True if the browser on this computer asks Werkzeug's server, or with `debug` any server.

    With `private`, the client may have a private IP address: that of the gateway, for a server in a container.
    """
    return (
        (debug or is_werkzeug(environ))
        and is_admitted(peer(environ), private=private)
        and is_loopback(urlsplit(origin_of(f"http://{environ.get('HTTP_HOST', '')}") or "").hostname)
        and environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and not any(name.startswith(FORWARDED) for name in environ)
        and _is_persistent(environ)
    )


def is_werkzeug(environ: Environ) -> bool:
    """Return True if Werkzeug's server, which `flask run` starts, received the request."""
    return str(environ.get("SERVER_SOFTWARE", "")).startswith("Werkzeug/")


def peer(environ: Environ) -> str | None:
    """Return the IP address that the connection comes from, whatever a header says."""
    original: Environ = environ.get("werkzeug.proxy_fix.orig", environ)
    return original.get("REMOTE_ADDR")


def is_admitted(address: str | None, *, private: bool) -> bool:
    """Return True for a loopback address, and with `private` for one of PRIVATE_NETWORKS."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return False
    # A server that listens on IPv6 and IPv4 writes an IPv4 address like this.
    ip = (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip
    return is_loopback(str(ip)) or (private and any(ip in network for network in PRIVATE_NETWORKS))


def _is_persistent(environ: Environ) -> bool:
    """Return True if the client itself asked to keep the connection, as every browser does, or for a test client.

    A proxy removes this header (RFC 9110 section 7.6.1). nginx since 1.29.7 adds nothing else to a request that would
    show that it is one, and sends the host of its `proxy_pass`.
    """
    is_test_client = "SERVER_SOFTWARE" not in environ
    return is_test_client or "keep-alive" in str(environ.get("HTTP_CONNECTION", "")).lower()
