"""The addresses among the settings: where people find us, where we listen, where database, cache and issuers are."""

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
DEFAULT_PASSWORDS = frozenset({"postgres", "password", "passwd", "secret", "admin", "root", "redis", "genkan", "test"})
HOST = re.compile(
    r"(?=.{1,254}$)([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.?|[0-9a-f.]*:[0-9a-f:.]*"
)
"""A host name, an IPv4 address, or an IPv6 address without its brackets."""


def fail(name: str, problem: str, remedy: str) -> NoReturn:
    """Raises ConfigurationError."""
    raise ConfigurationError(f"{name}: {problem}. {remedy}.")


def host(given: Mapping[str, str]) -> str:
    """Where to listen."""
    named = given.get("HOST", "127.0.0.1").lower()
    if not HOST.fullmatch(named) or (":" in named and _address_of(named) is None):
        fail("HOST", "it is neither an address nor a host name", "Use 127.0.0.1, or 0.0.0.0 for every network")
    return named


def default_origin(listening: str, port: int) -> str:
    """Where somebody at this computer finds a house that listens there."""
    if not is_loopback(listening):
        return f"http://127.0.0.1:{port}"
    # As browsers write it: ::1, whatever it was called.
    address = _address_of(listening) or listening
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def origin(parts: SplitResult) -> str:
    """Scheme, host and port, without the port that goes without saying."""
    host = (parts.hostname or "").rstrip(".")
    port = "" if parts.port in {None, {"http": 80, "https": 443}[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def parse_url(name: str, value: str, production: bool) -> SplitResult:
    """A URL that a browser could be sent to; in production one that nobody on the way can read."""
    parts = _parts(name, value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fail(name, "it is not a web address", "Write it as https://host or https://host:port")
    if "@" in parts.netloc or parts.query or parts.fragment:
        fail(name, "it holds too much", "Leave the scheme, the host, the port and the path only")
    if production and parts.scheme == "http" and not is_loopback(parts.hostname):
        fail(name, "it is http, which anybody on the way can read and change", "Use https")
    return parts


def _parts(name: str, value: str) -> SplitResult:
    if not value.isascii() and value.isprintable():
        fail(
            name, "it has letters beyond ASCII", "Write the host's name as browsers send it, with xn-- before each part"
        )
    # urlsplit drops line ends and tabs without a word, and takes the rest of what RFC 3986 forbids as it comes.
    clean = re.fullmatch(r"[!-~]+", value) and not set(value) & set('\\"<>^`{|}')
    try:
        parts = urlsplit(value if clean else "")
        well_formed = clean and parts.port != 0 and HOST.fullmatch(parts.hostname or "localhost")
    except ValueError:
        well_formed = None
    if not well_formed:
        fail(name, "it is malformed", "Look for spaces, quotes, an impossible port or host name in it")
    return parts


def database_url(given: Mapping[str, str], production: bool) -> str:
    """The address as SQLAlchemy is to have it."""
    url = given.get("DATABASE_URL", f"sqlite:///{ROOT}/instance/genkan.db")
    if not re.match(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", url, re.IGNORECASE):
        fail("DATABASE_URL", "it has no scheme", "Write it as sqlite:////path/to/file or postgresql://host/name")
    scheme, _, place = url.partition("://")
    url = f"{scheme.lower()}://{place}"
    is_sqlite = url.startswith("sqlite")
    if is_sqlite and re.match(r"/*file:", place, re.IGNORECASE):
        fail("DATABASE_URL", "it has one address in another", "Write it as sqlite:////path/to/file, without `file:`")
    # Drivers repeat the host in their errors, and what follows the first @ is read as one.
    if not is_sqlite and place.count("@") > 1:
        fail("DATABASE_URL", "it has more than one @", "Write %40 for one that belongs to the password")
    if production and is_sqlite and (":memory:" in url or not place):
        fail("DATABASE_URL", "a database in memory is another one for every worker", "Name a file")
    if production:
        _refuse_default_password("DATABASE_URL", url)
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def redis_url(given: Mapping[str, str], production: bool) -> str | None:
    """The cache that all workers share, if there is one."""
    url = given.get("REDIS_URL")
    # redis-py takes what is no number behind the host for database 0.
    if url and not re.fullmatch(r"rediss?://[^/?#]+(/[0-9]*)?(\?[^#]*)?|unix:///.+", url):
        fail("REDIS_URL", "it is not the address of a Redis", "Write it as redis://host:6379/0 or unix:///path")
    if url and production:
        _refuse_default_password("REDIS_URL", url)
    return url


def _refuse_default_password(name: str, url: str) -> None:
    # Read as SQLAlchemy does, which takes characters in a password that no other reader of URLs does.
    server = re.match(r"[^:]+://[^:/@]*:(?P<password>.*)@(?P<host>[^/?:]+)", url)
    if server and server["password"] in DEFAULT_PASSWORDS and not is_loopback(server["host"]):
        fail(name, "its password is one that everybody tries first", "Give the account a password of its own")


def _address_of(host: str) -> str | None:
    try:
        return str(ip_address(host))
    except ValueError:
        return None
