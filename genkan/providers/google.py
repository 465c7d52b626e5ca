"""Google."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

google = Provider(
    id="google",
    name="Google",
    type="oidc",
    issuer="https://accounts.google.com",
    profile=standard_claims,
)
