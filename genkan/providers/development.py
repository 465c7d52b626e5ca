"""Provider for development that is part of this package."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims


def development(issuer: str, client_secret: str) -> Provider:
    """Return the development provider at `issuer`, which is the application's origin and the provider's path."""
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
