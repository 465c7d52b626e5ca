"""Settings that are URLs or host names: the application, the listening address, the database, Redis and issuers."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from genkan.errors import ConfigurationError
from genkan.http.urls import is_loopback, is_path

ROOT = Path(__file__).resolve().parents[2]
HOST = re.compile(
    r"(?=.{1,254}$)([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.?|[0-9a-f.]*:[0-9a-f:.]*"
)
"""Pattern for a host name, an IPv4 address, or an IPv6 address without brackets."""

CA_BUNDLES = ("GENKAN_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Variables that name the certificate authorities. The first one that is set counts."""


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
    """Return the origin at which a browser on this computer reaches a server that listens on `listen_host`.

    That is `localhost` rather than 127.0.0.1, because browsers have no passkeys at an IP address.
    """
    if not is_loopback(listen_host) or listen_host == "127.0.0.1":
        return f"http://localhost:{port}"
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


def prefix(path: str, base_path: str, allowed: bool) -> str:
    """Return the prefix in the path of AUTH_URL: what is before the base path, without a slash at its end.

    Raises ConfigurationError if it is not a path, and for any prefix unless `allowed` is True.
    """
    prefix = path.rstrip("/").removesuffix(base_path)
    if prefix and not allowed:
        fail("AUTH_URL", "it has a path", f"Keep only scheme, host and port. The path {base_path} is allowed")
    if prefix and not is_path(prefix):
        fail("AUTH_URL", "its path is malformed", "Write it as https://host/path, without %, quotes and double slashes")
    return prefix


def further_origins(environ: Mapping[str, str], production: bool) -> tuple[str, ...]:
    """Return the origins in AUTH_URLS, which are separated by commas or spaces. Raises ConfigurationError."""
    found = [
        parse_url("AUTH_URLS", value, production)
        for value in re.split(r"[\s,]+", environ.get("AUTH_URLS", ""))
        if value
    ]
    if any(parts.path.rstrip("/") for parts in found):
        fail("AUTH_URLS", "one of them has a path", "Keep only scheme, host and port of each")
    return tuple(dict.fromkeys(map(origin, found)))


def cookie_prefix(environ: Mapping[str, str]) -> str:
    """Return the first part of the names of our cookies, from GENKAN_COOKIE_PREFIX. Raises ConfigurationError."""
    name = environ.get("GENKAN_COOKIE_PREFIX", "authjs")
    # A name that begins with __Host- or __Secure- has a meaning of its own for browsers.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        remedy = "Use at most 64 letters, digits, dots, hyphens and underscores, the first a letter or digit"
        fail("GENKAN_COOKIE_PREFIX", "it cannot begin the name of a cookie", remedy)
    return name


def cookie_path(environ: Mapping[str, str]) -> str:
    """Return the Path attribute of our cookies, from GENKAN_COOKIE_PATH. Raises ConfigurationError if it is not a path."""
    path = environ.get("GENKAN_COOKIE_PATH", "/")
    if path != "/" and not is_path(path.removesuffix("/")):
        fail("GENKAN_COOKIE_PATH", "it is not a path", "Set it to one such as /shop. The default is /")
    return path


def ca_bundle(environ: Mapping[str, str]) -> str | None:
    """Return the file or folder of certificate authorities: GENKAN_CA_BUNDLE, or what other programs read.

    Raises ConfigurationError if it can't be loaded.
    """
    name = next((name for name in CA_BUNDLES if environ.get(name)), None)
    if name is None:
        return None
    path = environ[name]
    try:
        is_folder = Path(path).is_dir()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{"capath" if is_folder else "cafile": path})
    except (OSError, ValueError):
        fail(
            name,
            "it is not a readable file of certificates in PEM",
            "Set it to the file of your certificate authorities",
        )
    return path


def proxy(environ: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for calls to providers, from GENKAN_PROXY. Raises ConfigurationError if it is invalid."""
    url = environ.get("GENKAN_PROXY")
    if url is None:
        return None
    found = re.fullmatch(r"(https?://)([^@/\s]+@)?([^@/]+)/?", url)
    if found is None:
        fail(
            "GENKAN_PROXY",
            "it is not the URL of a proxy",
            "Write it as http://host:port or http://user:password@host:port",
        )
    parse_url("GENKAN_PROXY", found[1] + found[3], production=False)
    return url.rstrip("/")


def error_url(environ: Mapping[str, str], production: bool) -> str | None:
    """Return GENKAN_ERROR_URL: a URL or a path. None if it is not set. Raises ConfigurationError if it is neither."""
    url = environ.get("GENKAN_ERROR_URL")
    if url and url.startswith("/") and url != "/" and not is_path(url):
        fail("GENKAN_ERROR_URL", "it is not a path", "Set it to a URL, or to a path such as /sign-in-failed")
    if url and not url.startswith("/"):
        parse_url("GENKAN_ERROR_URL", url, production)
    return url


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
