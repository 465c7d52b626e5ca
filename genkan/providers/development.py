"""The identity provider that comes with the house, for development alone."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims


def development(issuer: str, client_secret: str) -> Provider:
    """The provider at `issuer` (the application's own origin and `/development`), which knows one client."""
    return Provider(
        id="development",
        name="Development",
        type="oidc",
        client_id="genkan-development",
        client_secret=client_secret,
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        supports_max_age=True,
        profile=standard_claims,
    )
