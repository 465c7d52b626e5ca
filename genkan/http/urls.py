"""Where a visitor may be sent: only to our own origin, compared as browsers read URLs and not as strings begin (R1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlencode, urlsplit

MAX_URL_CHARACTERS = 2048

# Browsers drop tabs and line ends, trim controls and spaces, and read a backslash as a slash; parsers here do not.
# A URL with any of them means different things to the two, so it is nobody's.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def same_origin_url(url: str, origin: str) -> str | None:
    """The absolute, normalised URL on `origin` that `url` names, or None when it leads anywhere else.

    `url` is a path (`/…`; `//host` is a path of ours, as in Auth.js) or an absolute http(s) URL. `origin` is
    scheme, host and port, without a slash at the end.
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
    """An unambiguous absolute http(s) URL without user or password in it."""
    if not url or len(url) > MAX_URL_CHARACTERS or _AMBIGUOUS.search(url):
        return False
    return _split(url) is not None


def origin_of(url: str | SplitResult) -> str | None:
    """Scheme, host and port of a web URL in lower case and without a default port; None if it is not one."""
    parts = _split(url) if isinstance(url, str) else url
    if parts is None:
        return None
    host = parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}"


def relative_url(url: str, origin: str) -> str:
    """Path, query and fragment of one of our own absolute URLs: what a link within the site needs.

    A URL that would mean something else without its origin comes back whole: another site's, and a path that begins
    with `//`, which as a link leads to another host.
    """
    path = url.removeprefix(origin) or "/"
    return path if path.startswith("/") and not path.startswith("//") else url


def add_query(url: str, parameters: Mapping[str, str | None]) -> str:
    """The URL, or path, with these parameters after those that it has; None is left out."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and "@" not in parts.netloc
        parts.port  # noqa: B018 (reading it is the check: a port that is no number raises)
    except ValueError:
        return None
    return parts if usable else None


def is_loopback(host: str | None) -> bool:
    """127.0.0.0/8, ::1 and the very name `localhost`; names that merely end so are somebody's to resolve."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address == IPv6Address("::1") or address in IPv4Network("127.0.0.0/8")
