"""Conversion of each provider's profile, and rules for the provider modules."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkan.providers import base
from genkan.providers.base import ProfileUser, Provider
from genkan.providers.development import development
from genkan.providers.registry import PROVIDERS

BY_ID = {provider.id: provider for provider in PROVIDERS}
FOLDER = Path(base.__file__).parent

NAME, EMAIL = "Hana Example", "hana@example.com"
PICTURES = "https://pictures.example.com"
PICTURE = f"{PICTURES}/hana.png"
VERIFIED = ProfileUser("1001", NAME, EMAIL, PICTURE, True)
UNVERIFIED = ProfileUser("1001", NAME, EMAIL, PICTURE)

CLAIMS: dict[str, Any] = {
    "sub": "1001",
    "name": NAME,
    "preferred_username": "hana",
    "email": EMAIL,
    "email_verified": True,
    "picture": PICTURE,
}
STANDARD = [
    "google",
    "gitlab",
    "keycloak",
    "auth0",
    "okta",
    "cognito",
    "authentik",
    "zitadel",
    "slack",
    "linkedin",
    "oidc",
]

GITHUB: dict[str, Any] = {
    "id": 1001,
    "login": "hana",
    "name": None,
    "email": "published@example.com",
    "avatar_url": PICTURE,
    "emails": [
        {"email": "old@example.com", "primary": False, "verified": True},
        {"email": EMAIL, "primary": True, "verified": True},
    ],
}
ENTRA: dict[str, Any] = {
    "tid": "11111111-2222-3333-4444-555555555555",
    "oid": "66666666-7777-8888-9999-000000000000",
    "sub": "pairwise",
    "name": NAME,
    "preferred_username": "hana@corp.example.com",
    "email": EMAIL,
    "picture": "https://graph.microsoft.com/v1.0/me/photo/$value",
}
COGNITO: dict[str, Any] = {
    "sub": "1001",
    "given_name": "Hana",
    "family_name": "Example",
    "email": EMAIL,
    "email_verified": "true",
    "picture": PICTURE,
}
DISCORD: dict[str, Any] = {
    "id": "80351110224678912",
    "username": "hana",
    "discriminator": "0",
    "global_name": NAME,
    "avatar": "a_8342729096ea3675442027381ff50dfe",
    "verified": True,
    "email": EMAIL,
}
SLACK: dict[str, Any] = {
    "sub": "U0R7MFMJM",
    "https://slack.com/user_id": "U0R7MFMJM",
    "name": NAME,
    "email": EMAIL,
    "email_verified": True,
    "https://slack.com/user_image_72": f"{PICTURES}/72.png",
    "https://slack.com/user_image_512": f"{PICTURES}/512.png",
}
TWITCH: dict[str, Any] = {
    "sub": "1001",
    "preferred_username": "HanaExample",
    "email": EMAIL,
    "email_verified": True,
    "picture": PICTURE,
}
SPOTIFY: dict[str, Any] = {
    "account_id": "aB3dE5fG7h",
    "id": "hana",
    "display_name": NAME,
    "email": EMAIL,
    "images": [
        {"url": f"{PICTURES}/64.png", "height": 64, "width": 64},
        {"url": f"{PICTURES}/300.png", "height": 300, "width": 300},
    ],
}


DEFAULT = "embed/avatars/5.png"
"""Path of Discord's default avatar for this user."""


def entra(verified: bool) -> ProfileUser:
    return ProfileUser("pairwise", NAME, EMAIL, None, verified)


def discord(picture: str, name: str = NAME) -> ProfileUser:
    return ProfileUser("80351110224678912", name, EMAIL, f"https://cdn.discordapp.com/{picture}", True)


PROFILES: list[tuple[str, str, dict[str, Any], ProfileUser]] = [
    *((provider, "standard claims", CLAIMS, VERIFIED) for provider in STANDARD),
    ("authentik", "an unverified address", CLAIMS | {"email_verified": False}, UNVERIFIED),
    ("oidc", "a string instead of a boolean", CLAIMS | {"email_verified": "true"}, UNVERIFIED),
    ("oidc", "no name", {"sub": "1001", "preferred_username": "hana"}, ProfileUser("1001", "hana")),
    ("github", "the verified primary address", GITHUB, ProfileUser(1001, "hana", EMAIL, PICTURE, True)),
    ("github", "no verified primary address", GITHUB | {"emails": []}, ProfileUser(1001, "hana", None, PICTURE)),
    ("microsoft-entra-id", "an address that is not verified", ENTRA, entra(False)),
    ("microsoft-entra-id", "a claim that Microsoft does not send", ENTRA | {"email_verified": True}, entra(False)),
    ("microsoft-entra-id", "an unverified domain", ENTRA | {"xms_edov": False}, entra(False)),
    ("microsoft-entra-id", "a verified domain", ENTRA | {"xms_edov": True}, entra(True)),
    ("microsoft-entra-id", "a verified domain, as a string", ENTRA | {"xms_edov": "1"}, entra(True)),
    ("microsoft-entra-id", "no address", {"sub": "1", "preferred_username": EMAIL}, ProfileUser("1", EMAIL)),
    ("cognito", "a name in parts, a boolean as a string", COGNITO, VERIFIED),
    ("cognito", "an unverified address", COGNITO | {"email_verified": "false"}, UNVERIFIED),
    ("discord", "a picture", DISCORD, discord(f"avatars/{DISCORD['id']}/{DISCORD['avatar']}.png?size=128")),
    ("discord", "no picture", DISCORD | {"avatar": None}, discord(DEFAULT)),
    ("discord", "an old name", DISCORD | {"avatar": None, "discriminator": "1337"}, discord("embed/avatars/2.png")),
    ("discord", "no display name", DISCORD | {"avatar": None, "global_name": None}, discord(DEFAULT, "hana")),
    ("slack", "pictures by size", SLACK, ProfileUser("U0R7MFMJM", NAME, EMAIL, f"{PICTURES}/512.png", True)),
    ("linkedin", "a boolean as a string", CLAIMS | {"email_verified": "true"}, VERIFIED),
    ("linkedin", "an unverified address", CLAIMS | {"email_verified": "false"}, UNVERIFIED),
    ("twitch", "the requested claims", TWITCH, ProfileUser("1001", "HanaExample", EMAIL, PICTURE, True)),
    ("spotify", "several pictures", SPOTIFY, ProfileUser("aB3dE5fG7h", NAME, EMAIL, f"{PICTURES}/300.png")),
    ("spotify", "development mode", {"account_id": "aB3", "id": "x", "images": []}, ProfileUser("aB3")),
    ("spotify", "no permanent id", {"id": "hana", "display_name": NAME}, ProfileUser(None, NAME)),
]

KNOWN_KEYS = sorted(
    {key for _, _, profile_data, _ in PROFILES for key in profile_data}
    | {"url", "width", "primary", "verified", "xms_edov"}
)
keys = st.sampled_from(KNOWN_KEYS) | st.text(max_size=6)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["true", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
profiles = st.dictionaries(keys, json_values, max_size=10)


@pytest.mark.parametrize(
    ("provider", "case", "profile_data", "expected"),
    PROFILES,
    ids=[f"{provider}: {case}" for provider, case, *_ in PROFILES],
)
def test_a_profile_is_converted(provider: str, case: str, profile_data: dict[str, Any], expected: ProfileUser) -> None:
    assert BY_ID[provider].profile(profile_data) == expected


def test_every_provider_has_a_sample_profile() -> None:
    assert {provider for provider, *_ in PROFILES} == set(BY_ID)


@settings(deadline=None)
@given(profile_data=profiles)
def test_any_profile_is_converted_with_a_boolean_email_verified(profile_data: dict[str, Any]) -> None:
    for provider in PROVIDERS:
        user = provider.profile(profile_data)
        assert isinstance(user, ProfileUser)
        assert isinstance(user.email_verified, bool)


@pytest.mark.parametrize(
    "number", ["9" * 5000, 10**5000, "²", "١٢٣", -1, ["1"], {}], ids=lambda number: str(type(number))
)
def test_an_invalid_discord_id_or_discriminator_is_no_error(number: Any) -> None:
    assert BY_ID["discord"].profile({"id": number}).image is None
    assert BY_ID["discord"].profile(DISCORD | {"avatar": None, "discriminator": number}) == discord(DEFAULT)


def test_an_avatar_hash_cannot_change_the_path_of_the_image() -> None:
    assert BY_ID["discord"].profile(DISCORD | {"avatar": "../../x?"}) == discord(DEFAULT)


def test_the_providers_are_in_the_order_of_the_buttons() -> None:
    assert list(BY_ID) == [
        *("google", "github", "gitlab", "microsoft-entra-id", "keycloak", "auth0", "okta", "cognito", "authentik"),
        *("zitadel", "discord", "slack", "linkedin", "twitch", "spotify", "oidc"),
    ]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_every_url_of_a_provider_is_https(provider: Provider) -> None:
    single = [provider.issuer, provider.authorization_endpoint, provider.token_endpoint, provider.userinfo_endpoint]
    urls = [url for url in single if url] + list(provider.extra_userinfo_endpoints.values())
    assert all(url.startswith("https://") for url in urls)
    assert bool(urls) == (not provider.requires_issuer)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_provider_has_the_fields_that_its_type_needs(provider: Provider) -> None:
    endpoints = (provider.authorization_endpoint, provider.token_endpoint, provider.userinfo_endpoint)
    if provider.type == "oauth":
        assert all(endpoints)
    else:
        assert not any(endpoints)
        assert "openid" in provider.scope.split()
        assert bool(provider.issuer) == (not provider.requires_issuer)


def test_only_linkedin_returns_no_nonce() -> None:
    assert {provider.id for provider in PROVIDERS if not provider.returns_nonce} == {"linkedin"}


def test_twitch_gets_a_list_of_claims() -> None:
    requested = json.loads(BY_ID["twitch"].authorization_params["claims"])["id_token"]
    assert set(requested) >= set(TWITCH) - {"sub"}


def test_the_development_provider_is_at_the_applications_origin() -> None:
    provider = development("http://127.0.0.1:5000/development", "made-up-secret")
    assert (provider.id, provider.name, provider.client_id) == ("development", "Development", "genkan-development")
    assert (provider.issuer, provider.client_secret) == ("http://127.0.0.1:5000/development", "made-up-secret")
    assert provider.profile(CLAIMS) == VERIFIED


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_a_provider_file_holds_data_and_does_no_io(file: Path) -> None:
    text = file.read_text()
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}
    provider_modules = {name for name in imported if name.startswith("genkan.providers.")}
    allowed = {
        "__future__",
        "re",
        "json",
        "typing",
        "dataclasses",
        "collections.abc",
        "difflib",
        "ipaddress",
        "urllib.parse",
    }
    assert imported - provider_modules <= allowed | {"genkan.types", "genkan.errors", "genkan.http.urls"}
    assert file.name in ("base.py", "registry.py") or len(text.splitlines()) <= 60


class TestReauthentication:
    def test_only_openid_connect_providers_support_max_age(self) -> None:
        assert {provider.id for provider in PROVIDERS if provider.supports_max_age} == {
            "gitlab",
            "keycloak",
            "auth0",
            "okta",
            "authentik",
            "zitadel",
            "oidc",
        }
        assert all(provider.type == "oidc" for provider in PROVIDERS if provider.supports_max_age)

    def test_parameters_for_reauthentication(self) -> None:
        others = {
            provider.id: provider.reauthentication_params
            for provider in PROVIDERS
            if provider.reauthentication_params != {"prompt": "login"}
        }

        assert others == {
            "google": {"prompt": "select_account"},
            "github": {"prompt": "select_account"},
            "discord": {"prompt": "consent"},
            "slack": {},
            "linkedin": {},
            "twitch": {"force_verify": "true"},
            "spotify": {"show_dialog": "true"},
        }
