"""Twitch."""

from __future__ import annotations

import json

from genkan.providers.base import Provider, standard_claims

# Twitch gives none of these for a scope alone; each has to be asked for by name (OpenID Connect Core 5.5).
CLAIMS = {"id_token": {"email": None, "email_verified": None, "picture": None, "preferred_username": None}}

twitch = Provider(
    id="twitch",
    name="Twitch",
    type="oidc",
    issuer="https://id.twitch.tv/oauth2",
    scope="openid user:read:email",
    authorization_params={"claims": json.dumps(CLAIMS, separators=(",", ":"))},
    # Its token endpoint reads the secret from the body alone, and answers `scope` as a list.
    token_endpoint_auth_method="client_secret_post",
    reauthentication_params={"force_verify": "true"},
    profile=standard_claims,
)
