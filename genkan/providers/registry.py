"""All the providers there are, and which of them the environment turns on."""

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
"""In the order of the buttons. The development provider is not here: no environment variable of this kind has it."""

MAX_BUTTON_NAME = 40

_KINDS = ("ID", "SECRET", "ISSUER", "SIGN_OUT")
_PROVIDER_VARIABLE = re.compile(rf"AUTH_[A-Z0-9_]+_({'|'.join(_KINDS)})")
_OTHERS = frozenset({"AUTH_DEVELOPMENT_SIGN_OUT"})
# RFC 6749 appendix A: client ids and secrets are visible ASCII and spaces. Anything else was copied badly.
_CREDENTIAL = re.compile(r"[\x20-\x7e]+")


def from_environment(environment: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers that are on: those with `AUTH_<ID>_ID` and `_SECRET`, and `_ISSUER` where it has to be named.

    Blank counts as not set. Raises ConfigurationError, naming the variable and never its value, for a provider
    that is half set and for an issuer that can't be one.
    """
    return tuple(on for provider in PROVIDERS if (on := _configured(provider, environment)) is not None)


def unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that would switch a provider on which nobody here has, sorted: most likely slips of the pen."""
    known = {provider.variable(kind) for provider in PROVIDERS for kind in _KINDS}
    named = {name for name, value in environment.items() if value.strip() and _PROVIDER_VARIABLE.fullmatch(name)}
    return tuple(sorted(named - known - _OTHERS))


def unusual_issuers(providers: Iterable[Provider]) -> tuple[str, ...]:
    """Return a warning for each provider whose issuer is not spelled as that provider usually does."""
    return tuple(
        f"{provider.variable('ISSUER')} is not as {provider.name} usually spells it: {provider.issuer_example}. "
        "Signing in works only if the discovery document names exactly the issuer that is set."
        for provider in providers
        if provider.issuer and not re.fullmatch(provider.issuer_pattern, provider.issuer)
    )


def suggest_variable(variable: str) -> str | None:
    """What was probably meant by a variable that nobody knows."""
    known = [provider.variable(kind) for provider in PROVIDERS for kind in _KINDS]
    return next(iter(get_close_matches(variable.replace("_CLIENT_", "_"), known, 1, 0.8)), None)


def with_logout_setting(provider: Provider, environment: Mapping[str, str]) -> Provider:
    """The provider with what `AUTH_<ID>_SIGN_OUT` says: `local`, also where it is not set, or `provider` (O19).

    Raises ConfigurationError for any other word, and where the provider has no sign-out of that kind.
    """
    variable = provider.variable("SIGN_OUT")
    choice = environment.get(variable, "").strip() or "local"
    if choice not in ("local", "provider"):
        raise ConfigurationError(
            f"{variable} is neither local nor provider: set it to provider to sign people out at {provider.name} too, "
            "or remove it to end the session here only."
        )
    if choice == "provider" and provider.type == "oauth":
        raise ConfigurationError(
            f"{variable} is provider, but {provider.name} does not speak OpenID Connect, so nobody can be signed out "
            "there: remove it."
        )
    return replace(provider, rp_initiated_logout=choice == "provider")


def _configured(provider: Provider, environment: Mapping[str, str]) -> Provider | None:
    """The provider with the owner's values in it, or None when none of its variables is set."""
    values = {kind: environment.get(provider.variable(kind), "").strip() for kind in _KINDS}
    if not any(values.values()):
        return None
    _check_completeness(provider, values)
    for kind in ("ID", "SECRET"):
        if not _CREDENTIAL.fullmatch(values[kind]):
            raise ConfigurationError(
                f"{provider.variable(kind)} holds more than plain ASCII: copy it from {provider.name} again."
            )
    on = replace(with_logout_setting(provider, environment), client_id=values["ID"], client_secret=values["SECRET"])
    if provider is oidc:
        on = replace(on, name=_button_name(environment) or on.name)
    return _at_issuer(on, values["ISSUER"]) if values["ISSUER"] else on


def _check_completeness(provider: Provider, values: Mapping[str, str]) -> None:
    """Raises ConfigurationError for a variable too few or one that this provider can't have."""
    needed = ("ID", "SECRET") if provider.issuer_is_built_in else ("ID", "SECRET", "ISSUER")
    missing = [provider.variable(kind) for kind in needed if not values[kind]]
    given = [provider.variable(kind) for kind, value in values.items() if value]
    if missing:
        raise ConfigurationError(
            f"{provider.name} is half set: {' and '.join(given)} without {' and '.join(missing)}. "
            f"Set {' and '.join(missing)} too, or remove {' and '.join(given)} to leave {provider.name} out."
        )
    is_other = values["ISSUER"] not in ("", provider.issuer)
    if is_other and provider.issuer_is_built_in and not provider.allows_custom_issuer:
        raise ConfigurationError(
            f"{provider.variable('ISSUER')} is set, but {provider.name} has one issuer and it is known: remove it."
        )


def _button_name(environment: Mapping[str, str]) -> str:
    name = " ".join(environment.get("AUTH_OIDC_NAME", "").split())
    if len(name) > MAX_BUTTON_NAME or not name.isprintable():
        raise ConfigurationError(
            f"AUTH_OIDC_NAME does not fit on a button: use at most {MAX_BUTTON_NAME} printable characters."
        )
    return name


def _at_issuer(provider: Provider, issuer: str) -> Provider:
    """The provider at the owner's issuer, which is kept as written: it is compared exactly later (O9)."""
    variable = provider.variable("ISSUER")
    if not is_http_url(issuer) or "?" in issuer or "#" in issuer:
        raise ConfigurationError(
            f"{variable} is not an issuer: use an https URL without user, query or fragment, "
            f"like {provider.issuer_example}."
        )
    if not _is_out_of_earshot(issuer):
        raise ConfigurationError(f"{variable} must begin with https:// (http:// is for loopback addresses only).")
    if issuer.rstrip("/").endswith(DISCOVERY_PATH):
        raise ConfigurationError(
            f"{variable} is the address of the discovery document: cut it off before /.well-known/."
        )
    return replace(provider, issuer=issuer, multi_tenant_issuer=_multi_tenant(provider, issuer))


def _is_out_of_earshot(issuer: str) -> bool:
    """Nobody between us and the issuer can listen: TLS, or the way never leaves this machine."""
    parts = urlsplit(issuer)
    return parts.scheme == "https" or is_loopback(parts.hostname)


def _multi_tenant(provider: Provider, issuer: str) -> str | None:
    """What discovery will say for an issuer that tenants share; None where it says the issuer itself."""
    for alias, spelled in provider.shared_tenants.items():
        if f"/{alias}/" in issuer:
            return issuer.replace(f"/{alias}/", f"/{spelled}/", 1)
    return None
