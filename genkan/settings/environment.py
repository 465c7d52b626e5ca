"""The environment, read once and judged: settings that can be believed, or one sentence that names the variable
and the remedy. No sentence holds a value: what is refused may be a secret with a typing mistake in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from genkan.http.urls import is_loopback
from genkan.settings import urls
from genkan.settings.secrets import secret_weakness
from genkan.settings.urls import fail

ROOT = urls.ROOT
DAY = 24 * 60 * 60
SECRETS = ("AUTH_SECRET_3", "AUTH_SECRET_2", "AUTH_SECRET_1", "AUTH_SECRET")
"""In Auth.js's order: the first that is set encrypts, every one decrypts."""
SECRET_HINT = "Set it to what `openssl rand -base64 33` prints"
PROVIDER_VARIABLE = re.compile(r"AUTH_[A-Z0-9_]+_(ID|SECRET|ISSUER|SIGN_OUT)|AUTH_OIDC_NAME")


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


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. An empty variable counts as unset, as in Auth.js.

    Raises ConfigurationError at the first thing that is wrong or, in production, merely unwise.
    """
    given = {name: value for name, value in environ.items() if value}
    production = _production(given)
    port = _number(given, "PORT", 5000, 1, 65535)
    url = _url(given, production, port)
    max_age, update_age, absolute_age = _ages(given)
    return Settings(
        production=production,
        secrets=_secrets(given, production),
        url=url,
        database_url=urls.database_url(given, production),
        redis_url=urls.redis_url(given, production),
        host=urls.host(given),
        port=port,
        trusted_proxy_hops=_number(given, "TRUSTED_PROXY_HOPS", 0, 0, 10),
        provider_environment=_provider_environment(given, production),
        development_provider=_development_provider(given, production, url),
        workers=_number(given, "WEB_CONCURRENCY", 2, 1, 64),
        session_max_age=max_age,
        session_update_age=update_age,
        session_absolute_age=absolute_age,
        session_strategy="jwt" if _choice(given, "AUTH_SESSION_STRATEGY", "jwt", "database") == "jwt" else "database",
        warnings=tuple(_warnings_in_production(given) if production else _warnings(given, url)),
    )


def _production(given: Mapping[str, str]) -> bool:
    production = _choice(given, "GENKAN_ENV", "production", "development") == "production"
    # Flask's own reading of the variable: anything but these turns its debugger on.
    if production and given.get("FLASK_DEBUG", "0").lower() not in {"0", "false", "no"}:
        fail("FLASK_DEBUG", "debugging is on in production", "Remove it, or set GENKAN_ENV=development")
    return production


def _secrets(given: Mapping[str, str], production: bool) -> tuple[str, ...]:
    secrets = tuple(dict.fromkeys(given[name] for name in SECRETS if name in given))
    if not secrets:
        fail("AUTH_SECRET", "it is not set", SECRET_HINT)
    for name, weakness in _weak_secrets(given) if production else ():
        fail(name, weakness, SECRET_HINT)
    return secrets


def _weak_secrets(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in SECRETS:
        if name in given and (weakness := secret_weakness(given[name])):
            yield name, weakness


def _warnings(given: Mapping[str, str], url: str) -> Iterator[str]:
    for name, weakness in _weak_secrets(given):
        yield f"{name}: {weakness}. {SECRET_HINT}."
    if is_loopback(urls.host(given)) and not _is_ours_alone(given, url):
        yield "AUTH_URL: others come by that address. The development provider is off, since it vouches for whoever asks."
    elif not is_loopback(urls.host(given)) and "AUTH_URL" not in given:
        yield (
            "AUTH_URL: it is not set, so only this computer finds its way. Set it to the address that others type; "
            "they can reach HOST, so the development provider is off."
        )


def _warnings_in_production(given: Mapping[str, str]) -> Iterator[str]:
    if not any(PROVIDER_VARIABLE.fullmatch(name) for name in given):
        yield (
            "AUTH_<PROVIDER>_ID: none is set, so nobody can sign in. Set one, with its AUTH_<PROVIDER>_SECRET; "
            "README.md names the providers."
        )


def _url(given: Mapping[str, str], production: bool, port: int) -> str:
    if production and "AUTH_URL" not in given:
        if given.get("AUTH_TRUST_HOST", "0").lower() not in {"0", "false"}:
            fail("AUTH_TRUST_HOST", "a Host header is never believed here", "Remove it and set AUTH_URL instead")
        fail("AUTH_URL", "it is not set", "Set it to the address people type, such as https://app.example.org")
    parts = urls.parse_url("AUTH_URL", given.get("AUTH_URL", urls.default_origin(urls.host(given), port)), production)
    if parts.path.rstrip("/") not in {"", "/api/auth"}:
        fail("AUTH_URL", "it has a path", "Leave the scheme, the host and the port only; /api/auth may follow")
    return urls.origin(parts)


def _choice(given: Mapping[str, str], name: str, usual: str, other: str) -> str:
    choice = given.get(name, usual)
    if choice not in {usual, other}:
        fail(name, f"it is neither {usual} nor {other}", f"Set one of the two; {usual} is the default")
    return choice


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        fail(name, f"it is not a whole number from {least} to {most}", f"The default is {default}")
    return int(text)


def _ages(given: Mapping[str, str]) -> tuple[int, int, int]:
    """How long a session lasts idle, how often it is renewed, and how long it lasts at all, in seconds."""
    idle = _number(given, "AUTH_SESSION_MAX_AGE", 30 * DAY, 1, 3650 * DAY)
    renewal = _number(given, "AUTH_SESSION_UPDATE_AGE", min(DAY, idle), 0, 3650 * DAY)
    absolute = _number(given, "AUTH_SESSION_ABSOLUTE_AGE", 90 * DAY, 1, 3650 * DAY)
    if renewal > idle:
        fail("AUTH_SESSION_UPDATE_AGE", "it is longer than AUTH_SESSION_MAX_AGE", "Lower it, or raise the other")
    if idle > absolute:
        fail("AUTH_SESSION_ABSOLUTE_AGE", "it is shorter than AUTH_SESSION_MAX_AGE", "Raise it, or lower the other")
    return idle, renewal, absolute


def _provider_environment(given: Mapping[str, str], production: bool) -> Mapping[str, str]:
    variables = {name: value for name, value in given.items() if PROVIDER_VARIABLE.fullmatch(name)}
    for name, value in variables.items():
        if name.endswith("_ISSUER"):
            urls.parse_url(name, value, production)
    return MappingProxyType(variables)


def _development_provider(given: Mapping[str, str], production: bool, url: str) -> bool:
    # It vouches for whoever asks, so nobody but this computer may ask.
    is_safe = not production and _is_ours_alone(given, url)
    usual, other = ("on", "off") if is_safe else ("off", "on")
    choice = _choice(given, "AUTH_DEVELOPMENT_PROVIDER", usual, other)
    if choice == "on" and not is_safe:
        remedy = "Remove it, or listen on 127.0.0.1 only and name that in AUTH_URL"
        fail("AUTH_DEVELOPMENT_PROVIDER", "it lets anybody in as anybody", remedy)
    return choice == "on"


def _is_ours_alone(given: Mapping[str, str], url: str) -> bool:
    return is_loopback(urls.host(given)) and is_loopback(urlsplit(url).hostname)
