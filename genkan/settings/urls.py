"""Settings that are URLs or host names: the application, the listening address, the database, Redis and issuers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from genkan.errors import ConfigurationError
from genkan.http.urls import is_loopback

ROOT = Path(__file__).resolve().parents[2]
HOST = re.compile(
    r"(?=.{1,254}$)([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.?|[0-9a-f.]*:[0-9a-f:.]*"
)
"""Pattern for a host name, an IPv4 address, or an IPv6 address without brackets."""


def fail(name: str, problem: str, remedy: str) -> NoReturn:
    """Raise ConfigurationError with the variable's name, the problem and the remedy."""
    raise ConfigurationError(f"{name}: {problem}. {remedy}.")


def host(environ: Mapping[str, str]) -> str:
    """Return the host name or IP address to listen on, from HOST. Raises ConfigurationError if it is neither."""
    name = environ.get("HOST", "127.0.0.1").lower()
    if not HOST.fullmatch(name) or (":" in name and _ip_address(name) is None):
        fail(
            "HOST",
            "it is neither an IP address nor a host name",
            "Use 127.0.0.1, or 0.0.0.0 to listen on every network",
        )
    return name


def default_origin(listen_host: str, port: int) -> str:
    """Return the origin at which a browser on this computer reaches a server that listens on `listen_host`."""
    if not is_loopback(listen_host):
        return f"http://127.0.0.1:{port}"
    # Browsers write an IPv6 address in its shortest form.
    address = _ip_address(listen_host) or listen_host
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def origin(parts: SplitResult) -> str:
    """Return scheme, host and port. The default port of the scheme is left out."""
    host = (parts.hostname or "").rstrip(".")
    port = "" if parts.port in {None, {"http": 80, "https": 443}[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def parse_url(name: str, value: str, production: bool) -> SplitResult:
    """Return the parts of an http or https URL without user, query and fragment.

    Raises ConfigurationError for any other value. In production the scheme http is allowed for loopback hosts only.
    """
    parts = _parts(name, value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fail(name, "it is not an http or https URL", "Write it as https://host or https://host:port")
    if "@" in parts.netloc or parts.query or parts.fragment:
        fail(name, "it has a user, a query or a fragment", "Keep only scheme, host, port and path")
    if production and parts.scheme == "http" and not is_loopback(parts.hostname):
        fail(name, "it is http, which is not encrypted", "Use https")
    return parts


def _parts(name: str, value: str) -> SplitResult:
    if not value.isascii() and value.isprintable():
        fail(name, "it has characters beyond ASCII", "Write the host name in its ASCII form, which begins with xn--")
    # urlsplit silently drops line ends and tabs, and accepts other characters that RFC 3986 forbids.
    is_clean = re.fullmatch(r"[!-~]+", value) and not set(value) & set('\\"<>^`{|}')
    try:
        parts = urlsplit(value if is_clean else "")
        well_formed = is_clean and parts.port != 0 and HOST.fullmatch(parts.hostname or "localhost")
    except ValueError:
        well_formed = None
    if not well_formed:
        fail(name, "it is malformed", "Check it for spaces, quotes, and an invalid port or host name")
    return parts


def database_url(environ: Mapping[str, str], production: bool) -> str:
    """Return the database URL in the form that SQLAlchemy expects.

    Raises ConfigurationError for a URL that cannot work.
    """
    url = environ.get("DATABASE_URL", f"sqlite:///{ROOT}/instance/genkan.db")
    if not re.match(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", url, re.IGNORECASE):
        fail("DATABASE_URL", "it has no scheme", "Write it as sqlite:////path/to/file or postgresql://host/name")
    scheme, _, rest = url.partition("://")
    url = f"{scheme.lower()}://{rest}"
    is_sqlite = url.startswith("sqlite")
    if is_sqlite and re.match(r"/*file:", rest, re.IGNORECASE):
        fail("DATABASE_URL", "it contains a file: URI", "Write it as sqlite:////path/to/file, without `file:`")
    # Drivers read the text after the first @ as the host and quote it in errors, so it could show the password.
    if not is_sqlite and rest.count("@") > 1:
        fail("DATABASE_URL", "it has more than one @", "Write an @ in the password as %40")
    if production and is_sqlite and (":memory:" in url or not rest):
        fail("DATABASE_URL", "workers cannot share a database in memory", "Name a file")
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def redis_url(environ: Mapping[str, str]) -> str | None:
    """Return the URL of the Redis that all workers share, or None if it is not set.

    Raises ConfigurationError if it is invalid.
    """
    url = environ.get("REDIS_URL")
    # redis-py silently uses database 0 if the path is not a number.
    if url and not re.fullmatch(r"rediss?://[^/?#]+(/[0-9]*)?(\?[^#]*)?|unix:///.+", url):
        fail("REDIS_URL", "it is not a Redis URL", "Write it as redis://host:6379/0 or unix:///path")
    return url


def _ip_address(host: str) -> str | None:
    try:
        return str(ip_address(host))
    except ValueError:
        return None
