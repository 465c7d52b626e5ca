"""All providers, and those that the environment enables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from urllib.parse import urlsplit

from genkan.errors import ConfigurationError
from genkan.http.urls import is_http_url, is_loopback
from genkan.providers.auth0 import auth0
from genkan.providers.authentik import authentik
from genkan.providers.base import DISCOVERY_PATH, Provider
from genkan.providers.cognito import cognito
from genkan.providers.discord import discord
from genkan.providers.github import github
from genkan.providers.gitlab import gitlab
from genkan.providers.google import google
from genkan.providers.keycloak import keycloak
from genkan.providers.linkedin import linkedin
from genkan.providers.microsoft_entra_id import microsoft_entra_id
from genkan.providers.oidc import oidc
from genkan.providers.okta import okta
from genkan.providers.slack import slack
from genkan.providers.spotify import spotify
from genkan.providers.twitch import twitch
from genkan.providers.zitadel import zitadel

PROVIDERS: tuple[Provider, ...] = (
    google,
    github,
    gitlab,
    microsoft_entra_id,
    keycloak,
    auth0,
    okta,
    cognito,
    authentik,
    zitadel,
    discord,
    slack,
    linkedin,
    twitch,
    spotify,
    oidc,
)
"""In the order of the sign-in buttons. The development provider is not in it, because no such variable enables it."""

MAX_BUTTON_NAME = 40

_KINDS = ("ID", "SECRET", "ISSUER", "SIGN_OUT", "SCOPE", "TRUST_EMAIL")
_PROVIDER_VARIABLE = re.compile(rf"AUTH_[A-Z0-9_]+_({'|'.join(_KINDS)})")
_OTHER_VARIABLES = frozenset({"AUTH_DEVELOPMENT_SIGN_OUT"})
# RFC 6749 appendix A: client ids and secrets consist of printable ASCII characters. Others are a copying mistake.
_CREDENTIAL = re.compile(r"[\x20-\x7e]+")


def from_environment(environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """Return the enabled providers: those with `AUTH_<ID>_ID` and `AUTH_<ID>_SECRET`, and `AUTH_<ID>_ISSUER` where
    it is required.

    A blank variable counts as unset. Raises ConfigurationError for a provider with a missing variable and for an
    invalid issuer. Its message names the variable and never contains the value.
    """
    return tuple(enabled for provider in PROVIDERS if (enabled := _configured(provider, environ)) is not None)


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sorted names of variables that look like those of a provider but belong to none, usually
    misspelled."""
    known = {provider.variable(kind) for provider in PROVIDERS for kind in _KINDS}
    used = {name for name, value in environ.items() if value.strip() and _PROVIDER_VARIABLE.fullmatch(name)}
    return tuple(sorted(used - known - _OTHER_VARIABLES))


def unusual_issuers(providers: Iterable[Provider]) -> tuple[str, ...]:
    """Return a warning for each provider whose issuer does not have the usual form."""
    return tuple(
        f"{provider.variable('ISSUER')} does not have the usual form for {provider.name}: {provider.issuer_example}. "
        "Sign-in works only if the discovery document names exactly the issuer that is set."
        for provider in providers
        if provider.issuer and not re.fullmatch(provider.issuer_pattern, provider.issuer)
    )


def suggest_variable(variable: str) -> str | None:
    """Return the known variable whose name is most similar to `variable`, or None."""
    known = [provider.variable(kind) for provider in PROVIDERS for kind in _KINDS]
    return next(iter(get_close_matches(variable.replace("_CLIENT_", "_"), known, 1, 0.8)), None)


def with_logout_setting(provider: Provider, environ: Mapping[str, str]) -> Provider:
    """Return the provider with the setting `AUTH_<ID>_SIGN_OUT`: `local` (the default) or `provider`.

    Raises ConfigurationError for any other value, and for `provider` if the provider is not an OpenID Connect provider.
    """
    variable = provider.variable("SIGN_OUT")
    choice = environ.get(variable, "").strip() or "local"
    if choice not in ("local", "provider"):
        raise ConfigurationError(
            f"{variable} is neither local nor provider: set it to provider to sign users out at {provider.name} too, "
            "or remove it to sign them out of this application only."
        )
    if choice == "provider" and provider.type == "oauth":
        raise ConfigurationError(
            f"{variable} is provider, but {provider.name} is not an OpenID Connect provider and has no sign-out: "
            "remove it."
        )
    return replace(provider, rp_initiated_logout=choice == "provider")


def _configured(provider: Provider, environ: Mapping[str, str]) -> Provider | None:
    """Return the provider with the values from the environment, or None if none of its variables is set."""
    values = {kind: environ.get(provider.variable(kind), "").strip() for kind in _KINDS}
    if not any(values.values()):
        return None
    _check_variables(provider, values)
    for kind in ("ID", "SECRET"):
        if not _CREDENTIAL.fullmatch(values[kind]):
            raise ConfigurationError(
                f"{provider.variable(kind)} contains characters beyond ASCII: copy it from {provider.name} again."
            )
    enabled = replace(with_logout_setting(provider, environ), client_id=values["ID"], client_secret=values["SECRET"])
    if provider is oidc:
        enabled = replace(enabled, name=_button_name(environ) or enabled.name)
    enabled = _with_scope(enabled, values["SCOPE"])
    if values["ISSUER"]:
        enabled = _with_issuer(enabled, values["ISSUER"])
    return _with_trusted_email(enabled, values["TRUST_EMAIL"])


def _check_variables(provider: Provider, values: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a missing variable, or one that this provider does not support."""
    needed = ("ID", "SECRET", "ISSUER") if provider.requires_issuer else ("ID", "SECRET")
    missing = [provider.variable(kind) for kind in needed if not values[kind]]
    present = [provider.variable(kind) for kind, value in values.items() if value]
    if missing:
        raise ConfigurationError(
            f"{provider.name} is incomplete: {' and '.join(present)} without {' and '.join(missing)}. "
            f"Set {' and '.join(missing)} too, or remove {' and '.join(present)} to disable {provider.name}."
        )
    is_other = values["ISSUER"] not in ("", provider.issuer)
    if is_other and not provider.requires_issuer and not provider.allows_custom_issuer:
        raise ConfigurationError(
            f"{provider.variable('ISSUER')} is set, but {provider.name} has only one issuer: remove it."
        )


def _with_scope(provider: Provider, scope: str) -> Provider:
    """Return the provider with these scopes in addition to its own. Raises ConfigurationError."""
    # RFC 6749 appendix A.4: a scope consists of printable ASCII characters without quotes and backslashes.
    if not re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", scope):
        raise ConfigurationError(
            f"{provider.variable('SCOPE')} is not a list of scopes: write them with spaces between."
        )
    return replace(provider, scope=" ".join(dict.fromkeys([*provider.scope.split(), *scope.split()])))


def _with_trusted_email(provider: Provider, choice: str) -> Provider:
    """Return the provider, whose addresses count as verified with the choice 1, unless it says that they are not.

    Raises ConfigurationError for another value, and for an issuer of several tenants, each of which chooses addresses.
    """
    variable = provider.variable("TRUST_EMAIL")
    if choice not in ("", "0", "1"):
        raise ConfigurationError(f"{variable} is neither 0 nor 1: set it to 1 to trust all addresses, or remove it.")
    if choice == "1" and provider.multi_tenant_issuer is not None:
        raise ConfigurationError(
            f"{variable} is 1, but several tenants share this issuer, and each of them chooses addresses: set "
            f"{provider.variable('ISSUER')} to that of your own tenant, or remove {variable}."
        )
    return replace(provider, trusts_email=choice == "1")


def _button_name(environ: Mapping[str, str]) -> str:
    name = " ".join(environ.get("AUTH_OIDC_NAME", "").split())
    if len(name) > MAX_BUTTON_NAME or not name.isprintable():
        raise ConfigurationError(
            f"AUTH_OIDC_NAME does not fit on a button: use at most {MAX_BUTTON_NAME} printable characters."
        )
    return name


def _with_issuer(provider: Provider, issuer: str) -> Provider:
    """Return the provider with the issuer exactly as written, because `iss` is compared exactly."""
    variable = provider.variable("ISSUER")
    if not is_http_url(issuer) or "?" in issuer or "#" in issuer:
        raise ConfigurationError(
            f"{variable} is not an issuer: use an https URL without user, query or fragment, "
            f"like {provider.issuer_example}."
        )
    if not _is_https_or_loopback(issuer):
        raise ConfigurationError(f"{variable} must begin with https:// (http:// is for loopback addresses only).")
    if issuer.rstrip("/").endswith(DISCOVERY_PATH):
        raise ConfigurationError(
            f"{variable} is the URL of the discovery document: remove the part from /.well-known/ on."
        )
    return replace(provider, issuer=issuer, multi_tenant_issuer=_multi_tenant(provider, issuer))


def _is_https_or_loopback(issuer: str) -> bool:
    """Return True if the connection to the issuer is encrypted or stays on this machine."""
    parts = urlsplit(issuer)
    return parts.scheme == "https" or is_loopback(parts.hostname)


def _multi_tenant(provider: Provider, issuer: str) -> str | None:
    """Return the issuer in the discovery document if several tenants share the issuer, else None."""
    for alias, replacement in provider.shared_tenants.items():
        if f"/{alias}/" in issuer:
            return issuer.replace(f"/{alias}/", f"/{replacement}/", 1)
    return None
