"""Settings of an application that uses the package: from keyword arguments, its configuration and the environment."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from genkan.errors import ConfigurationError
from genkan.settings.environment import SECRETS, Settings, from_environment
from genkan.settings.secrets import secret_weakness
from genkan.settings.urls import CA_BUNDLES

PREFIXES = ("AUTH_", "GENKAN_")
"""Prefixes of the variables that the package reads."""

OWN_NAMES = {
    "GENKAN_DATABASE_URL": "DATABASE_URL",
    "GENKAN_REDIS_URL": "REDIS_URL",
    "GENKAN_TRUSTED_PROXY_HOPS": "TRUSTED_PROXY_HOPS",
}
"""Names of variables in other people's environments, and the names in the reference application's."""

SECRET_FILE = "genkan.secret"
"""File in the instance folder with the secret for development."""

FLASK_PORT = "5000"
"""The port of `flask run`, for the URL in commands, which have no request."""

Values = Mapping[str, object]


def collect(keywords: Values, config: Values, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the package. A keyword argument counts more than `app.config`, and that than the
    environment."""
    found = {name: value for name, value in environ.items() if name.startswith(PREFIXES) or name in CA_BUNDLES}
    for source in (config, keywords):
        found |= {
            name: _text(value) for name, value in source.items() if name.startswith(PREFIXES) and value is not None
        }
    return {OWN_NAMES.get(name, name): value for name, value in found.items()}


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def package_settings(
    variables: Mapping[str, str],
    *,
    development: bool,
    secret_keys: tuple[str, ...],
    instance_path: str,
    default_url: str | None,
    base_path: str | None = None,
    sends_mail: bool = False,
) -> Settings:
    """Return the settings, with defaults for what is not set. Raises ConfigurationError.

    `secret_keys` are the application's SECRET_KEY and its fallbacks. `default_url` is the URL of the application in
    the request, which counts in development only. `base_path` and `sends_mail` as for `from_environment`.
    """
    folder = Path(instance_path)
    values = {"GENKAN_ENV": "development" if development else "production", "PORT": FLASK_PORT, **variables}
    is_default_database = not values.get("DATABASE_URL")
    if is_default_database:
        values["DATABASE_URL"] = f"sqlite:///{folder / 'genkan.db'}"
    is_of_request = development and not values.get("AUTH_URL")
    if is_of_request and default_url is not None:
        # Browsers have no passkeys at an IP address, and the same server answers at this name.
        has_passkeys = values.get("AUTH_PASSKEYS") == "on"
        values["AUTH_URL"] = default_url.replace("//127.0.0.1", "//localhost", 1) if has_passkeys else default_url
    secret_source = None
    if not any(values.get(name) for name in SECRETS):
        found, secret_source = _default_secrets(secret_keys, folder, development=development)
        values |= found
    with own_names():
        settings = from_environment(values, base_path=base_path, allow_prefix=True, sends_mail=sends_mail)
    return replace(
        settings,
        secret_source=secret_source or settings.secret_source,
        url_source="request" if is_of_request else settings.url_source,
        is_default_database=is_default_database,
    )


@contextmanager
def own_names() -> Iterator[None]:
    """Let a ConfigurationError that is raised in the block name the variable as the package reads it."""
    try:
        yield
    except ConfigurationError as error:
        message = str(error)
        for own_name, name in OWN_NAMES.items():
            if re.match(rf"{name}\b", message):
                raise ConfigurationError(message.replace(name, own_name, 1)) from error
        raise


def _default_secrets(secret_keys: tuple[str, ...], folder: Path, *, development: bool) -> tuple[dict[str, str], str]:
    strong = [key for key in secret_keys if secret_weakness(key) is None]
    if strong and secret_weakness(secret_keys[0]) is None:
        # In the order of Auth.js: the first encrypts. At most four have a name.
        return dict(zip(SECRETS, map(_derive, strong), strict=False)), "SECRET_KEY"
    return ({"AUTH_SECRET": _secret_file(folder)} if development else {}), f"the file {folder / SECRET_FILE}"


def _derive(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), b"genkan.auth-secret", hashlib.sha256).hexdigest()


def _secret_file(folder: Path) -> str:
    file = folder / SECRET_FILE
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            (folder / ".gitignore").write_text("*\n")
        # Linked in one step, so that no other process reads a file that is still empty.
        new = folder / f"{SECRET_FILE}.{secrets.token_hex(4)}"
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            file.hardlink_to(new)
        new.unlink()
    except OSError as error:
        raise ConfigurationError(
            "AUTH_SECRET: it is not set, and the instance folder can't be written. Set AUTH_SECRET yourself."
        ) from error
    return file.read_text().strip()
