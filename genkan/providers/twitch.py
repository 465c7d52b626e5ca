"""Twitch."""

from __future__ import annotations

import json

from genkan.providers.base import Provider, standard_claims

# Twitch sends these claims only if the request lists them (OpenID Connect Core section 5.5).
CLAIMS = {"id_token": {"email": None, "email_verified": None, "picture": None, "preferred_username": None}}

twitch = Provider(
    id="twitch",
    name="Twitch",
    type="oidc",
    issuer="https://id.twitch.tv/oauth2",
    scope="openid user:read:email",
    authorization_params={"claims": json.dumps(CLAIMS, separators=(",", ":"))},
    # The token endpoint reads the secret from the body only, and returns `scope` as a list.
    token_endpoint_auth_method="client_secret_post",
    reauthentication_params={"force_verify": "true"},
    profile=standard_claims,
)
