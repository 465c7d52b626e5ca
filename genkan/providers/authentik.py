"""authentik."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

authentik = Provider(
    id="authentik",
    name="authentik",
    type="oidc",
    requires_issuer=True,
    # Only the default issuer mode "per provider" supports discovery. Its issuer ends with a slash.
    issuer_pattern=".*/application/o/[^/]+/",
    issuer_example="https://HOST/application/o/APPLICATION/, with the slash at the end",
    supports_max_age=True,
    profile=standard_claims,
)
