"""The settings of an application: from the keywords of Genkan, its configuration and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, has_request_context, request

from genkan.build import request_url
from genkan.dev_provider import gate
from genkan.http.urls import is_loopback
from genkan.options import Options
from genkan.settings.environment import Settings, from_environment
from genkan.settings.package import collect, package_settings


def read_settings(app: Flask, options: Options) -> Settings:
    """Return the checked settings of this application. Raises ConfigurationError."""
    sends_mail = options.send_mail is not None
    if options.environment is not None:
        return from_environment(options.environment, base_path=options.pages.base_path, sends_mail=sends_mail)
    variables = collect(options.variables, app.config, os.environ)
    keys = (app.config.get("SECRET_KEY"), *(app.config.get("SECRET_KEY_FALLBACKS") or ()))
    return package_settings(
        variables,
        development=_is_development(app, variables),
        secret_keys=tuple(str(key) for key in keys if key),
        instance_path=app.instance_path,
        default_url=request_url(),
        base_path=options.pages.base_path,
        sends_mail=sends_mail,
    )


def _is_development(app: Flask, variables: Mapping[str, str]) -> bool:
    """Return True for debugging, for tests, and for Flask's commands and server on loopback, unless AUTH_URL is another
    host.

    With AUTH_DEVELOPMENT_PROVIDER=on, the client of Flask's server may also have a private IP address.
    """
    url = variables.get("AUTH_URL")
    if url and not is_loopback(urlsplit(url).hostname):
        return False
    if app.debug or app.testing:
        return True
    if not has_request_context():
        # Flask sets it in its own commands. Any other program that has no request may be a production server that starts.
        return os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    is_private = variables.get("AUTH_DEVELOPMENT_PROVIDER") == "on"
    return gate.is_werkzeug(request.environ) and gate.is_admitted(gate.peer(request.environ), private=is_private)


def trusted_proxy_hops(app: Flask, options: Options) -> int:
    """Return the number of proxies that may set the client's address. An invalid setting is refused later."""
    if options.environment is not None:
        return read_settings(app, options).trusted_proxy_hops
    hops = collect(options.variables, app.config, os.environ).get("TRUSTED_PROXY_HOPS", "0")
    # Any other value is refused when the settings are checked.
    return int(hops) if hops.isdecimal() and hops.isascii() else 0
