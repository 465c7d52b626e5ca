"""Settings from environment variables.

An invalid setting raises ConfigurationError with the name of the variable and the remedy. Messages never contain the
value, because it may be a secret with a typing mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from genkan.http.urls import is_loopback
from genkan.settings import email, passkeys, second_factor, urls
from genkan.settings.email import MailFrom, MailServer
from genkan.settings.passkeys import PasskeySettings
from genkan.settings.second_factor import SecondFactorSettings
from genkan.settings.secrets import secret_weakness
from genkan.settings.urls import fail

ROOT = urls.ROOT
DAY = 24 * 60 * 60
DEFAULT_PORT = 8000
"""Not 5000, which macOS uses itself."""
SECRETS = ("AUTH_SECRET_3", "AUTH_SECRET_2", "AUTH_SECRET_1", "AUTH_SECRET")
"""In Auth.js's order: the first variable that is set encrypts, and all of them decrypt."""
SECRET_HINT = "Set it to what `openssl rand -base64 33` prints"
PROVIDER_VARIABLE = re.compile(
    rf"(?!{passkeys.RP_ID}$)AUTH_[A-Z0-9_]+_(ID|SECRET|ISSUER|SIGN_OUT|SCOPE|TRUST_EMAIL)|AUTH_OIDC_NAME"
)
_SHORT_NAMES = frozenset({"DATABASE_URL", "REDIS_URL", "HOST", "PORT", "TRUSTED_PROXY_HOPS", "WEB_CONCURRENCY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked settings of the application. Ages are in seconds. `url` is an origin without a trailing slash."""

    production: bool
    secrets: tuple[str, ...] = field(repr=False)
    secret_source: str
    """The variable, or what else the first secret comes from."""
    url: str
    url_source: Literal["AUTH_URL", "default", "request"]
    """What `url` comes from. `request`: it is the origin of the first request."""
    prefix: str
    """The path below which the application is served. Empty for the root of the origin."""
    further_origins: tuple[str, ...]
    cookie_prefix: str
    """The first part of the names of our cookies."""
    cookie_path: str
    ca_bundle: str | None
    """File or folder of the certificate authorities to trust in calls to providers. None for the built-in ones."""
    proxy: str | None = field(repr=False)
    """URL of the proxy for calls to providers."""
    error_url: str | None
    """The URL, or the path, that a failed sign-in redirects to."""
    database_url: str = field(repr=False)
    is_default_database: bool
    """True if no variable names the database."""
    redis_url: str | None = field(repr=False)
    host: str
    port: int
    trusted_proxy_hops: int
    provider_environment: Mapping[str, str] = field(repr=False)
    development_provider: bool
    admits_private_peers: bool
    """True if clients with a private IP address may use the development provider, too: AUTH_DEVELOPMENT_PROVIDER=on."""
    workers: int
    session_max_age: int
    session_update_age: int
    session_absolute_age: int
    session_strategy: Literal["jwt", "database"]
    session_limit: int
    """Active sessions of one user."""
    email_server: MailServer | None
    email_from: MailFrom | None
    passwords: bool
    """True if users may sign in with a password: AUTH_PASSWORDS=on."""
    password_min: int
    """Characters that a new password needs."""
    passkeys: PasskeySettings
    second_factor: SecondFactorSettings
    warnings: tuple[str, ...] = ()


def from_environment(
    environ: Mapping[str, str],
    *,
    base_path: str | None = None,
    allow_prefix: bool = False,
    sends_mail: bool = False,
) -> Settings:
    """Return the settings in `environ`. An empty variable counts as unset, as in Auth.js.

    AUTH_URL may end in `base_path`, by default that of GENKAN_BASE_PATH. Any other path is a prefix, and invalid unless
    `allow_prefix` is True. With `sends_mail` a function of the application delivers mails, so AUTH_EMAIL_SERVER may be
    missing. Raises ConfigurationError for the first invalid setting. In production a weak or unsafe
    setting is invalid, too.
    """
    environ = _without_empty(environ)
    production, port = _production(environ), _number(environ, "PORT", DEFAULT_PORT, 1, 65535)
    url, path = _url(environ, production, port)
    max_age, update_age, absolute_age = _ages(environ)
    return Settings(
        production=production,
        secrets=_secrets(environ, production),
        secret_source=next(name for name in SECRETS if name in environ),
        url=url,
        url_source="AUTH_URL" if "AUTH_URL" in environ else "default",
        prefix=urls.prefix(path, base_path or environ.get("GENKAN_BASE_PATH", "/api/auth"), allow_prefix),
        further_origins=urls.further_origins(environ, production),
        cookie_prefix=urls.cookie_prefix(environ),
        cookie_path=urls.cookie_path(environ),
        ca_bundle=urls.ca_bundle(environ),
        proxy=urls.proxy(environ),
        error_url=urls.error_url(environ, production),
        database_url=urls.database_url(environ, production),
        is_default_database="DATABASE_URL" not in environ,
        redis_url=urls.redis_url(environ),
        host=urls.host(environ),
        port=port,
        trusted_proxy_hops=_number(environ, "TRUSTED_PROXY_HOPS", 0, 0, 10),
        provider_environment=_provider_environment(environ, production),
        development_provider=_development_provider(environ, production, url),
        admits_private_peers=environ.get("AUTH_DEVELOPMENT_PROVIDER") == "on",
        workers=_number(environ, "WEB_CONCURRENCY", 2, 1, 64),
        session_max_age=max_age,
        session_update_age=update_age,
        session_absolute_age=absolute_age,
        session_strategy="jwt" if _choice(environ, "AUTH_SESSION_STRATEGY", "jwt", "database") == "jwt" else "database",
        session_limit=_number(environ, "AUTH_SESSION_LIMIT", 300, 1, 100_000),
        email_server=email.email_server(environ),
        email_from=email.email_from(environ, other_transport=sends_mail),
        passwords=email.passwords(environ),
        password_min=email.password_min(environ),
        passkeys=passkeys.passkeys(environ, url),
        second_factor=second_factor.second_factor(environ),
        warnings=tuple(_warnings_in_production(environ) if production else _warnings(environ, url)),
    )


def _without_empty(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not empty. Raises ConfigurationError for one in quotes."""
    found = {name: value for name, value in environ.items() if value}
    # Docker's --env-file and systemd's Environment= keep quotes, which no value of ours has at both ends.
    for name, value in found.items():
        is_ours = name.startswith(("AUTH_", "GENKAN_")) or name in _SHORT_NAMES
        if is_ours and len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            fail(name, "it stands in quotes, which are part of the value", "Remove them")
    return found


def _production(environ: Mapping[str, str]) -> bool:
    production = _choice(environ, "GENKAN_ENV", "production", "development") == "production"
    # Flask turns its debugger on for every other value of FLASK_DEBUG.
    if production and environ.get("FLASK_DEBUG", "0").lower() not in {"0", "false", "no"}:
        fail("FLASK_DEBUG", "debugging is on in production", "Remove it, or set GENKAN_ENV=development")
    return production


def _secrets(environ: Mapping[str, str], production: bool) -> tuple[str, ...]:
    secrets = tuple(dict.fromkeys(environ[name] for name in SECRETS if name in environ))
    if not secrets:
        fail("AUTH_SECRET", "it is not set", SECRET_HINT)
    for name, weakness in _weak_secrets(environ) if production else ():
        fail(name, weakness, SECRET_HINT)
    return secrets


def _weak_secrets(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in SECRETS:
        if name in environ and (weakness := secret_weakness(environ[name])):
            yield name, weakness


def _warnings(environ: Mapping[str, str], url: str) -> Iterator[str]:
    for name, weakness in _weak_secrets(environ):
        yield f"{name}: {weakness}. {SECRET_HINT}."
    if is_loopback(urls.host(environ)) and not _is_local_only(environ, url):
        yield "AUTH_URL: other computers can reach this address. The development provider is off, because it needs no password."
    elif not is_loopback(urls.host(environ)) and "AUTH_URL" not in environ:
        yield (
            "AUTH_URL: it is not set, so sign-in works from this computer only. Set it to the URL that users open. Other "
            "computers can reach HOST, so the development provider is off."
        )


def _warnings_in_production(environ: Mapping[str, str]) -> Iterator[str]:
    if "AUTH_EMAIL_SERVER" not in environ and not any(PROVIDER_VARIABLE.fullmatch(name) for name in environ):
        yield (
            "AUTH_<PROVIDER>_ID: none is set, so users cannot sign in. Set one, and AUTH_<PROVIDER>_SECRET with it. "
            "The reference lists the providers."
        )


def _url(environ: Mapping[str, str], production: bool, port: int) -> tuple[str, str]:
    """Return origin and path of AUTH_URL."""
    if production and "AUTH_URL" not in environ:
        if environ.get("AUTH_TRUST_HOST", "0").lower() not in {"0", "false"}:
            fail("AUTH_TRUST_HOST", "the Host header is never trusted", "Remove it and set AUTH_URL instead")
        fail("AUTH_URL", "it is not set", "Set it to the URL that users open, such as https://app.example.org")
    parts = urls.parse_url(
        "AUTH_URL", environ.get("AUTH_URL", urls.default_origin(urls.host(environ), port)), production
    )
    return urls.origin(parts), parts.path


def _choice(environ: Mapping[str, str], name: str, default: str, alternative: str) -> str:
    choice = environ.get(name, default)
    if choice not in {default, alternative}:
        fail(name, f"it is neither {default} nor {alternative}", f"Set it to one of them. The default is {default}")
    return choice


def _number(environ: Mapping[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    text = environ.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not minimum <= int(text) <= maximum:
        fail(name, f"it is not a whole number from {minimum} to {maximum}", f"The default is {default}")
    return int(text)


def _ages(environ: Mapping[str, str]) -> tuple[int, int, int]:
    """Return the idle lifetime, update age and absolute lifetime of a session in seconds."""
    max_age = _number(environ, "AUTH_SESSION_MAX_AGE", 30 * DAY, 1, 3650 * DAY)
    update_age = _number(environ, "AUTH_SESSION_UPDATE_AGE", min(DAY, max_age), 0, 3650 * DAY)
    absolute_age = _number(environ, "AUTH_SESSION_ABSOLUTE_AGE", 90 * DAY, 1, 3650 * DAY)
    if update_age > max_age:
        fail("AUTH_SESSION_UPDATE_AGE", "it is longer than AUTH_SESSION_MAX_AGE", "Lower it, or raise the other")
    if max_age > absolute_age:
        fail("AUTH_SESSION_ABSOLUTE_AGE", "it is shorter than AUTH_SESSION_MAX_AGE", "Raise it, or lower the other")
    return max_age, update_age, absolute_age


def _provider_environment(environ: Mapping[str, str], production: bool) -> Mapping[str, str]:
    variables = {name: value for name, value in environ.items() if PROVIDER_VARIABLE.fullmatch(name)}
    for name, value in variables.items():
        if name.endswith("_ISSUER"):
            urls.parse_url(name, value, production)
    return MappingProxyType(variables)


def _development_provider(environ: Mapping[str, str], production: bool, url: str) -> bool:
    # It signs any user in without a password, so only this computer may reach it.
    is_safe = not production and _is_local_only(environ, url)
    default, alternative = ("on", "off") if is_safe else ("off", "on")
    choice = _choice(environ, "AUTH_DEVELOPMENT_PROVIDER", default, alternative)
    if choice == "on" and not is_safe:
        remedy = "Remove it, or set HOST to 127.0.0.1 and AUTH_URL to the same address"
        fail("AUTH_DEVELOPMENT_PROVIDER", "it needs no password, and other computers can reach it", remedy)
    return choice == "on"


def _is_local_only(environ: Mapping[str, str], url: str) -> bool:
    return is_loopback(urls.host(environ)) and is_loopback(urlsplit(url).hostname)
