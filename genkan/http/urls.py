"""URL checks against open redirects: a redirect goes to the application's own origin, parsed as browsers parse URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlencode, urlsplit

MAX_URL_CHARACTERS = 2048

# Browsers drop tabs and line ends, trim control characters and spaces, and read a backslash as a slash. Python's parser
# does not, so a URL with any of these characters would mean one thing here and another in a browser.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PATH = re.compile(r"(/[^/\x00-\x20\x7f\\<>\"'?#%;,{}|^`]+)+")
_ADDRESS_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def is_path(path: str) -> bool:
    """Return True for a path that a route can have and that browsers leave unchanged, without a slash at its end."""
    return _PATH.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))


def same_origin_url(url: str, origin: str) -> str | None:
    """Return the absolute, normalized URL on `origin` that `url` names, or None if it has another origin.

    `url` is a path or an absolute http or https URL. A path that starts with `//` is a path of this origin, as in
    Auth.js. `origin` is scheme, host and port, without a trailing slash.
    """
    if not url or len(url) > MAX_URL_CHARACTERS or _AMBIGUOUS.search(url):
        return None
    if url.startswith("/"):
        return origin + quote(url, safe=_URL_SAFE)
    parts = _split(url)
    if parts is None or origin_of(parts) != origin:
        return None
    tail = url[url.index("//") + 2 + len(parts.netloc) :]
    return origin + quote(tail if tail.startswith("/") else f"/{tail}", safe=_URL_SAFE)


def is_http_url(url: str) -> bool:
    """Return True for an unambiguous absolute http or https URL without user and password."""
    if not url or len(url) > MAX_URL_CHARACTERS or _AMBIGUOUS.search(url):
        return False
    return _split(url) is not None


def origin_of(url: str | SplitResult) -> str | None:
    """Return scheme, host and port of an http or https URL in lower case, without a default port.

    None for any other URL.
    """
    parts = _split(url) if isinstance(url, str) else url
    if parts is None:
        return None
    host = parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}"


def relative_url(url: str, origin: str) -> str:
    """Return path, query and fragment of an absolute URL on `origin`, for a link within the site.

    The URL is returned unchanged if it would mean something else without its origin: a URL of another site, or one
    whose path starts with `//`, which a browser reads as a host.
    """
    path = url.removeprefix(origin) or "/"
    return path if path.startswith("/") and not path.startswith("//") else url


def add_query(url: str, parameters: Mapping[str, str | None]) -> str:
    """Return the URL with the parameters added to its query. A parameter that is None is left out."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and "@" not in parts.netloc
        parts.port  # noqa: B018 (reading the property is the check: an invalid port raises)
    except ValueError:
        return None
    return parts if is_valid else None


def without_port(address: str) -> str:
    """Return an IP address without the port and the brackets that some proxies add to it. Any other text is unchanged."""
    found = _ADDRESS_WITH_PORT.fullmatch(address.strip())
    return (found[1] or found[2]) if found else address


def is_loopback(host: str | None) -> bool:
    """Return True for 127.0.0.0/8, ::1 and the name `localhost`. Names below `localhost` may resolve to other hosts."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address == IPv6Address("::1") or address in IPv4Network("127.0.0.0/8")
