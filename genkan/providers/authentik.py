"""authentik."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

authentik = Provider(
    id="authentik",
    name="authentik",
    type="oidc",
    issuer_is_built_in=False,
    # Only the issuer mode "per provider" (its default) can be discovered, and it has the slash.
    issuer_pattern=".*/application/o/[^/]+/",
    issuer_example="https://HOST/application/o/APPLICATION/, with the slash at the end",
    supports_max_age=True,
    profile=standard_claims,
)
