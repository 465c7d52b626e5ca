"""The environment, read once and judged: settings that can be believed, or one sentence that names the variable
and the remedy. No sentence holds a value: what is refused may be a secret with a typing mistake in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NoReturn
from urllib.parse import SplitResult, urlsplit

from genkan.errors import ConfigurationError
from genkan.loopback import is_loopback
from genkan.weak_secrets import is_well_known, weakness_of

ROOT = Path(__file__).resolve().parent
DAY = 24 * 60 * 60
SECRETS = ("AUTH_SECRET_3", "AUTH_SECRET_2", "AUTH_SECRET_1", "AUTH_SECRET")
"""In Auth.js's order: the first that is set encrypts, every one decrypts."""
MAKE_SECRET = "Put the output of `openssl rand -base64 33` there"
DEFAULT_PASSWORDS = frozenset({"postgres", "password", "passwd", "secret", "admin", "root", "redis", "genkan", "test"})
PROVIDER_VARIABLE = re.compile(r"AUTH_[A-Z0-9_]+_(ID|SECRET|ISSUER|SIGN_OUT)|AUTH_OIDC_NAME")
HOST = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?\.?|[0-9a-f.]*:[0-9a-f:.]*")
"""A host name, an IPv4 address, or an IPv6 address without its brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the owner decided. Ages are seconds; `url` is an origin without a slash at its end."""

    production: bool
    secrets: tuple[str, ...] = field(repr=False)
    url: str
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    host: str
    port: int
    trusted_proxy_hops: int
    provider_environment: Mapping[str, str] = field(repr=False)
    development_provider: bool
    workers: int
    session_max_age: int
    session_update_age: int
    session_absolute_age: int
    session_strategy: Literal["jwt", "database"]
    warnings: tuple[str, ...] = ()


def load(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. An empty variable counts as unset, as in Auth.js.

    Raises ConfigurationError at the first thing that is wrong or, in production, merely unwise.
    """
    given = {name: value for name, value in environ.items() if value}
    production = _production(given)
    port = _number(given, "PORT", 5000, 1, 65535)
    max_age, update_age, absolute_age = _ages(given)
    return Settings(
        production=production,
        secrets=_secrets(given, production),
        url=_url(given, production, port),
        database_url=_database_url(given, production),
        redis_url=_redis_url(given, production),
        host=_host(given),
        port=port,
        trusted_proxy_hops=_number(given, "TRUSTED_PROXY_HOPS", 0, 0, 10),
        provider_environment=_provider_environment(given, production),
        development_provider=_development_provider(given, production),
        workers=_number(given, "WEB_CONCURRENCY", 2, 1, 64),
        session_max_age=max_age,
        session_update_age=update_age,
        session_absolute_age=absolute_age,
        session_strategy="jwt" if _choice(given, "AUTH_SESSION_STRATEGY", "jwt", "database") == "jwt" else "database",
        warnings=()
        if production
        else tuple(f"{name}: {weakness}. {MAKE_SECRET}." for name, weakness in _weak_secrets(given)),
    )


def _production(given: Mapping[str, str]) -> bool:
    production = _choice(given, "GENKAN_ENV", "production", "development") == "production"
    # Flask's own reading of the variable: anything but these turns its debugger on.
    if production and given.get("FLASK_DEBUG", "0").lower() not in {"0", "false", "no"}:
        _refuse("FLASK_DEBUG", "debugging is on in production", "Remove it, or set GENKAN_ENV=development")
    return production


def _secrets(given: Mapping[str, str], production: bool) -> tuple[str, ...]:
    secrets = tuple(dict.fromkeys(given[name] for name in SECRETS if name in given))
    if not secrets:
        _refuse("AUTH_SECRET", "it is not set", MAKE_SECRET)
    for name, weakness in _weak_secrets(given) if production else ():
        _refuse(name, weakness, MAKE_SECRET)
    return secrets


def _weak_secrets(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in SECRETS:
        if name in given and (weakness := weakness_of(given[name])):
            yield name, weakness


def _url(given: Mapping[str, str], production: bool, port: int) -> str:
    if production and "AUTH_URL" not in given:
        if given.get("AUTH_TRUST_HOST", "0").lower() not in {"0", "false"}:
            _refuse("AUTH_TRUST_HOST", "a Host header is never believed here", "Remove it and set AUTH_URL instead")
        _refuse("AUTH_URL", "it is not set", "Set it to the address people type, such as https://app.example.org")
    parts = _web_address("AUTH_URL", given.get("AUTH_URL", f"http://127.0.0.1:{port}"), production)
    if parts.path.rstrip("/") not in {"", "/api/auth"}:
        _refuse("AUTH_URL", "it has a path", "Leave the scheme, the host and the port only; /api/auth may follow")
    return _origin(parts)


def _origin(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    port = "" if parts.port in {None, {"http": 80, "https": 443}[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _web_address(name: str, value: str, production: bool) -> SplitResult:
    parts = _address(name, value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _refuse(name, "it is not a web address", "Write it as https://host or https://host:port")
    if "@" in parts.netloc or parts.query or parts.fragment:
        _refuse(name, "it holds too much", "Leave the scheme, the host, the port and the path only")
    if production and parts.scheme == "http" and not is_loopback(parts.hostname):
        _refuse(name, "it is http, which anybody on the way can read and change", "Use https")
    return parts


def _address(name: str, value: str) -> SplitResult:
    # urlsplit drops line ends and tabs without a word, and takes the rest of what RFC 3986 forbids as it comes.
    clean = re.fullmatch(r"[!-~]+", value) and not set(value) & set('\\"<>^`{|}')
    try:
        parts = urlsplit(value if clean else "")
        well_formed = clean and parts.port != 0 and HOST.fullmatch(parts.hostname or "localhost")
    except ValueError:
        well_formed = None
    if not well_formed:
        _refuse(name, "it is malformed", "Look for spaces, quotes, an impossible port or host name in it")
    return parts


def _database_url(given: Mapping[str, str], production: bool) -> str:
    url = given.get("DATABASE_URL", f"sqlite:///{ROOT}/instance/genkan.db")
    if not re.match(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", url):
        _refuse("DATABASE_URL", "it has no scheme", "Write it as sqlite:////path/to/file or postgresql://host/name")
    if production and url.startswith("sqlite") and (":memory:" in url or url.endswith("://")):
        _refuse("DATABASE_URL", "a database in memory is another one for every worker", "Name a file")
    if production:
        _refuse_default_password("DATABASE_URL", url)
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _redis_url(given: Mapping[str, str], production: bool) -> str | None:
    url = given.get("REDIS_URL")
    if url and not re.match(r"rediss?://[^/]|unix:///", url):
        _refuse("REDIS_URL", "it is not the address of a Redis", "Write it as redis://host:6379/0 or unix:///path")
    if url and production:
        _refuse_default_password("REDIS_URL", url)
    return url


def _refuse_default_password(name: str, url: str) -> None:
    # Read as SQLAlchemy does, which takes characters in a password that no other reader of URLs does.
    server = re.match(r"[^:]+://[^:/@]*:(?P<password>.*)@(?P<host>[^/?:]+)", url)
    if server and server["password"] in DEFAULT_PASSWORDS and not is_loopback(server["host"]):
        _refuse(name, "its password is one that everybody tries first", "Give the account a password of its own")


def _host(given: Mapping[str, str]) -> str:
    host = given.get("HOST", "127.0.0.1")
    if not HOST.fullmatch(host.lower()) or (":" in host and not _is_address(host)):
        _refuse("HOST", "it is neither an address nor a host name", "Use 127.0.0.1, or 0.0.0.0 for every network")
    return host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _choice(given: Mapping[str, str], name: str, usual: str, other: str) -> str:
    choice = given.get(name, usual)
    if choice not in {usual, other}:
        _refuse(name, f"it is neither {usual} nor {other}", f"Set one of the two; {usual} is the default")
    return choice


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        _refuse(name, f"it is not a whole number from {least} to {most}", f"The default is {default}")
    return int(text)


def _ages(given: Mapping[str, str]) -> tuple[int, int, int]:
    """How long a session lasts idle, how often it is renewed, and how long it lasts at all, in seconds."""
    idle = _number(given, "AUTH_SESSION_MAX_AGE", 30 * DAY, 1, 3650 * DAY)
    renewal = _number(given, "AUTH_SESSION_UPDATE_AGE", min(DAY, idle), 1, 3650 * DAY)
    absolute = _number(given, "AUTH_SESSION_ABSOLUTE_AGE", 90 * DAY, 1, 3650 * DAY)
    if renewal > idle:
        _refuse("AUTH_SESSION_UPDATE_AGE", "it is longer than AUTH_SESSION_MAX_AGE", "Lower it, or raise the other")
    if idle > absolute:
        _refuse("AUTH_SESSION_ABSOLUTE_AGE", "it is shorter than AUTH_SESSION_MAX_AGE", "Raise it, or lower the other")
    return idle, renewal, absolute


def _provider_environment(given: Mapping[str, str], production: bool) -> Mapping[str, str]:
    variables = {name: value for name, value in given.items() if PROVIDER_VARIABLE.fullmatch(name)}
    for name, value in variables.items():
        if name.endswith("_ISSUER"):
            _web_address(name, value, production)
        if production and name.endswith("_SECRET") and is_well_known(value):
            _refuse(name, "it is an example, not the provider's secret", "Copy it from the provider's console")
    return MappingProxyType(variables)


def _development_provider(given: Mapping[str, str], production: bool) -> bool:
    # It vouches for whoever asks, so nobody but this computer may ask.
    is_safe = not production and is_loopback(_host(given))
    usual, other = ("on", "off") if is_safe else ("off", "on")
    choice = _choice(given, "AUTH_DEVELOPMENT_PROVIDER", usual, other)
    if choice == "on" and not is_safe:
        _refuse("AUTH_DEVELOPMENT_PROVIDER", "it lets anybody in as anybody", "Remove it, or listen on 127.0.0.1 only")
    return choice == "on"


def _refuse(name: str, problem: str, remedy: str) -> NoReturn:
    raise ConfigurationError(f"{name}: {problem}. {remedy}.")
